"""Log lines: for a person at a terminal, or one JSON object each for a program.

    2026-01-31T12:00:00.123Z INFO  n1 became leader …                     section=§3.4 term=2
    {"ts": "2026-01-31T12:00:00.123Z", "level": "INFO", "logger": "tfraft", "msg": "…", "server_id": "n1", "term": 2}

Whoever logs gives the fields as `extra={"fields": {…}}`. Whatever comes in from outside goes through `untrusted`.
"""

import json
import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, TextIO

from tfraft.clusters.settings import LogFormat, LogLevel
from tfraft.node.status import Event, EventKind

MAX_UNTRUSTED_CHARACTERS: Final = 200
MAX_LINE_CHARACTERS: Final = 4_000
_FIELDS_COLUMN = 100
_LOUD = {EventKind.STORAGE_FAILED: logging.ERROR}


def untrusted(text: object) -> str:
    """What somebody else has chosen, quoted, without anything that a terminal would act on, and not too long."""
    shown = repr(text)
    return shown if len(shown) <= MAX_UNTRUSTED_CHARACTERS else f"{shown[: MAX_UNTRUSTED_CHARACTERS - 1]}…"


def log_to(stream: TextIO, format_: LogFormat, level: LogLevel, **fields: str) -> None:
    """From now on what is logged goes to `stream`, and nowhere else; `fields` are on every line."""
    is_human = stream.isatty() if format_ is LogFormat.AUTO else format_ is LogFormat.HUMAN
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if is_human else JsonFormatter(fields))
    # Where nobody reads any more there is nobody to tell, and a node must go on.
    logging.raiseExceptions = False
    logging.basicConfig(level=level.value.upper(), handlers=[handler], force=True)


def log_event(logger: logging.Logger, event: Event) -> None:
    """Log what a node tells of itself."""
    fields = {"server_id": event.server_id, "term": event.term, "kind": event.kind.value, "section": event.section}
    logger.log(_LOUD.get(event.kind, logging.INFO), "%s", event.text, extra={"fields": fields})


class JsonFormatter(logging.Formatter):
    """One object on one line; `fields` are in each."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._fields = dict(fields)

    def format(self, record: logging.LogRecord) -> str:
        document: dict[str, Any] = {
            "ts": timestamp(record.created),
            "level": record.levelname,
            "logger": record.name,
            "msg": capped(record.getMessage()),
            **self._fields,
            **fields_of(record),
        }
        if record.exc_info:
            document["traceback"] = self.formatException(record.exc_info)
        return json.dumps(document, ensure_ascii=False, default=untrusted)


class HumanFormatter(logging.Formatter):
    """A line to read: when, how bad, what; then the fields that the sentence has not said yet."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"{timestamp(record.created)} {record.levelname:<7} {printable(capped(record.getMessage()))}"
        if record.exc_info and record.exc_info[1] is not None:
            line += f": {untrusted(record.exc_info[1])}"
        shown = {name: value for name, value in fields_of(record).items() if name in ("term", "section") and value}
        told = " ".join(f"{name}={printable(str(value))}" for name, value in shown.items())
        return f"{line:<{_FIELDS_COLUMN}}  {told}" if told else line


def fields_of(record: logging.LogRecord) -> dict[str, Any]:
    """The fields that a record was given."""
    given = getattr(record, "fields", None)
    return dict(given) if isinstance(given, Mapping) else {}


def timestamp(at_s: float) -> str:
    """Seconds since 1970 as RFC 3339, in milliseconds of UTC."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def printable(text: str) -> str:
    """`text` on one line, where what would not show is escaped: nothing in it can move the cursor or forge a line."""
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in text)


def capped(text: str) -> str:
    """`text`, cut where a line would grow without bound."""
    return text if len(text) <= MAX_LINE_CHARACTERS else f"{text[: MAX_LINE_CHARACTERS - 1]}…"
