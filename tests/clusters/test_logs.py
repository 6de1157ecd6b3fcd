"""Log lines: for a person, or an object each; and nothing from outside can forge one."""

import io
import json
import logging
from collections.abc import Iterator

import pytest

from tfraft.clusters.logs import MAX_LINE_CHARACTERS, log_event, log_to, timestamp, untrusted
from tfraft.clusters.settings import LogFormat, LogLevel
from tfraft.node.status import Event, EventKind

logger = logging.getLogger("tfraft.test")
EVENT = Event(1_700_000_000.5, "n1", EventKind.LEADER, 3, "n1 leader of term 3 (votes n1 n2) → §", "§3.4")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A program owns its logging, a test does not."""
    root = logging.getLogger()
    handlers, level, raises = root.handlers[:], root.level, logging.raiseExceptions
    yield
    root.handlers[:], root.level, logging.raiseExceptions = handlers, level, raises


def documents(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_an_event_is_one_object_with_its_fields() -> None:
    stream = io.StringIO()
    log_to(stream, LogFormat.AUTO, LogLevel.INFO, cluster_id="c")
    log_event(logger, EVENT)
    (document,) = documents(stream)
    assert isinstance(document.pop("ts"), str)
    assert document == {
        "level": "INFO",
        "logger": "tfraft.test",
        "msg": EVENT.text,
        "cluster_id": "c",
        "server_id": "n1",
        "term": 3,
        "kind": "leader",
        "section": "§3.4",
    }


def test_at_a_terminal_an_event_is_a_line_to_read() -> None:
    stream = Terminal()
    log_to(stream, LogFormat.AUTO, LogLevel.INFO)
    log_event(logger, EVENT)
    (line,) = stream.getvalue().splitlines()
    assert " INFO    n1 leader of term 3 (votes n1 n2) → §  " in line
    assert line.endswith("  term=3 section=§3.4")


def test_the_format_that_is_asked_for_counts_more_than_the_terminal() -> None:
    terminal, file = Terminal(), io.StringIO()
    log_to(terminal, LogFormat.JSON, LogLevel.INFO)
    logger.info("a")
    log_to(file, LogFormat.HUMAN, LogLevel.INFO)
    logger.info("b")
    assert documents(terminal)[0]["msg"] == "a"
    assert file.getvalue().endswith("INFO    b\n")


def test_what_is_below_the_level_is_not_logged_and_a_failed_disk_is_an_error() -> None:
    stream = io.StringIO()
    log_to(stream, LogFormat.JSON, LogLevel.ERROR)
    log_event(logger, EVENT)
    log_event(logger, Event(0.0, "n1", EventKind.STORAGE_FAILED, 1, "no space left"))
    assert [document["level"] for document in documents(stream)] == ["ERROR"]


@pytest.mark.parametrize("format_", [LogFormat.HUMAN, LogFormat.JSON])
def test_nothing_from_outside_can_begin_a_line_or_move_the_cursor(format_: LogFormat) -> None:
    stream = io.StringIO()
    log_to(stream, format_, LogLevel.INFO)
    logger.info("joined by %s and x\n2026 forged \x1b[2J\u202e\u2028", untrusted("a\nb\x1b[2J"))
    written = stream.getvalue()
    assert written.count("\n") == 1
    assert "\x1b" not in written
    if format_ is LogFormat.HUMAN:
        assert written[:-1].isprintable()


def test_what_is_long_is_cut() -> None:
    assert len(untrusted("x" * 10_000)) == 200
    assert untrusted("x") == "'x'"
    stream = io.StringIO()
    log_to(stream, LogFormat.JSON, LogLevel.INFO)
    logger.info("%s", "x" * 100_000)
    message = documents(stream)[0]["msg"]
    assert isinstance(message, str)
    assert len(message) == MAX_LINE_CHARACTERS


def test_a_traceback_is_for_programs_alone() -> None:
    for format_, wanted in ((LogFormat.HUMAN, False), (LogFormat.JSON, True)):
        stream = io.StringIO()
        log_to(stream, format_, LogLevel.INFO)
        try:
            raise RuntimeError("boom\n")
        except RuntimeError:
            logger.exception("it broke")
        assert stream.getvalue().count("\n") == 1
        assert ("Traceback" in stream.getvalue()) is wanted
        assert "boom" in stream.getvalue()


def test_a_field_that_is_no_json_is_shown_all_the_same() -> None:
    stream = io.StringIO()
    log_to(stream, LogFormat.JSON, LogLevel.INFO)
    logger.info("a", extra={"fields": {"x": {1}}})
    logger.info("b", extra={"fields": "no mapping"})
    assert [document.get("x") for document in documents(stream)] == ["{1}", None]


def test_a_timestamp_is_utc_with_milliseconds() -> None:
    assert timestamp(1_700_000_000.5) == "2023-11-14T22:13:20.500Z"
