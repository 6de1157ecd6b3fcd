"""Answers for a person at a terminal: typed as in Redis, coloured, and never able to do anything to the terminal."""

import shutil
from collections.abc import Callable

from tfraft.cli.escapes import quoted, safe
from tfraft.cli.outputs import Cell, Failure, Table
from tfraft.cli.style import Style
from tfraft.store.replies import ErrorReply, Reply, Simple

# Where the remark on an answer begins, so that remarks stand in one column.
_REMARK_COLUMN = 48


def typed(reply: Reply, indent: str = "") -> str:
    """`reply` with its type to be seen: an empty string, a missing one and the number 2 all look different."""
    match reply:
        case Simple(text):
            return safe(text)
        case ErrorReply(code, message):
            return safe(f"(error) {code} {message}")
        case bool():
            return "true" if reply else "false"
        case int():
            return f"(integer) {reply}"
        case None:
            return "(nil)"
        case bytes():
            return quoted(reply)
        case []:
            return "(empty list)"
        case list():
            return f"\n{indent}".join(
                f"{number}) {typed(member, indent + ' ' * (len(str(number)) + 2))}"
                for number, member in enumerate(reply, start=1)
            )


class TerminalOutput:
    """The `Output` of the interactive prompt. `write` takes text with its line ends."""

    def __init__(self, write: Callable[[str], None], style: Style) -> None:
        self._write = write
        self._style = style

    def reply(self, reply: Reply, took_s: float) -> None:
        text = typed(reply)
        if len(text) < _REMARK_COLUMN and "\n" not in text:
            text = text.ljust(_REMARK_COLUMN) + self._style("dim", f"{took_s * 1000:.1f} ms")
        self._line(text)

    def say(self, sentence: str) -> None:
        self._line(safe(sentence))

    def table(self, table: Table) -> None:
        self._write(_drawn(table, self._style.enabled))

    def story(self, line: str) -> None:
        self._line(self._style("cyan", safe(line)))

    def hint(self, sentence: str) -> None:
        self._line(self._style("dim", safe(sentence)))

    def fail(self, failure: Failure) -> None:
        self._line(self._style("red", "(error)") + " " + safe(failure.text))

    def end(self) -> None:
        pass

    def _line(self, text: str) -> None:
        self._write(text + "\n")


_ROW_STYLES = {"leader": "bold green", "faint": "dim", "": ""}


def _drawn(table: Table, colour: bool) -> str:
    """The table as text with line ends, no wider than the terminal."""
    from io import StringIO

    from rich.console import Console
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=None, show_edge=False, pad_edge=True, header_style="dim")
    for position, column in enumerate(table.columns):
        numbers = any(isinstance(row.cells[position], int) for row in table.rows)
        drawn.add_column(column, justify="right" if numbers else "left", no_wrap=column != table.long)
    for row in table.rows:
        first, *others = (Text(safe(cell_text(cell))) for cell in row.cells)
        # The star is for those who see no colours.
        drawn.add_row(first + " ★" if row.style == "leader" else first, *others, style=_ROW_STYLES[row.style])
    file = StringIO()
    width = max(shutil.get_terminal_size().columns, 60)
    Console(file=file, force_terminal=colour, no_color=not colour, width=width, highlight=False).print(drawn)
    return "".join(line.rstrip() + "\n" for line in file.getvalue().splitlines())


def cell_text(cell: Cell) -> str:
    """A cell as text; a dash for what is not there."""
    match cell:
        case None:
            return "–"
        case bool():
            return "yes" if cell else "no"
        case _:
            return str(cell)
