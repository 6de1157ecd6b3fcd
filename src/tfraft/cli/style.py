"""Colours of a terminal, or none: NO_COLOR, FORCE_COLOR and TERM=dumb decide (no-color.org)."""

from collections.abc import Mapping
from typing import Protocol

from tfraft.record import record

_CODES = {"dim": "2", "bold": "1", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Stream(Protocol):
    """As much of a stream as matters here."""

    def isatty(self) -> bool:
        """Whether a terminal is at its end."""


def wants_colour(stream: Stream, environ: Mapping[str, str]) -> bool:
    """Whether to colour what is written to `stream`."""
    if environ.get("NO_COLOR") or environ.get("TERM") == "dumb":
        return False
    return bool(environ.get("FORCE_COLOR")) or stream.isatty()


@record
class Style:
    """Puts text into colours if they are `enabled`, and leaves it alone otherwise."""

    enabled: bool

    def __call__(self, name: str, text: str) -> str:
        """`text` in the style of this name."""
        return f"\x1b[{_CODES[name]}m{text}\x1b[0m" if self.enabled and text else text
