"""How far a load is, on the terminal beside the answer; nothing where that is no terminal."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

from tfraft.cli.style import wants_colour

if TYPE_CHECKING:
    import rich.progress


class Progress(Protocol):
    """Shows one phase after the other."""

    def begin(self, what: str, total: float) -> None:
        """A phase begins, and with it what was shown of the last is gone."""

    def show(self, done: float, remark: str = "") -> None:
        """So much of the total is done."""


class NoProgress:
    """For whoever does not look."""

    def begin(self, what: str, total: float) -> None:
        """See `Progress`."""

    def show(self, done: float, remark: str = "") -> None:
        """See `Progress`."""


class Bar:
    """A bar on a terminal. It is drawn when it is told to: a thread would take time from the load."""

    def __init__(self, bars: "rich.progress.Progress") -> None:
        self._bars = bars
        self._task = bars.add_task("", total=None, remark="")

    def begin(self, what: str, total: float) -> None:
        """See `Progress`."""
        self._bars.update(self._task, description=what, total=total, completed=0, remark="", refresh=True)

    def show(self, done: float, remark: str = "") -> None:
        """See `Progress`."""
        self._bars.update(self._task, completed=done, remark=remark, refresh=True)


@contextmanager
def progress_beside() -> Iterator[Progress]:
    """What shows progress on standard error within the block; afterwards it is gone from the screen."""
    if sys.stderr is None or not sys.stderr.isatty():
        yield NoProgress()
        return
    import rich.progress
    from rich.console import Console

    colour = wants_colour(sys.stderr, os.environ)
    console = Console(file=sys.stderr, no_color=not colour, highlight=False)
    columns = ("{task.description}", rich.progress.BarColumn(), "{task.percentage:>3.0f} %", "{task.fields[remark]}")
    with rich.progress.Progress(*columns, console=console, auto_refresh=False, transient=True) as bars:
        yield Bar(bars)
