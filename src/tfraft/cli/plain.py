"""Answers for a pipe: one line each, nothing around it. A missing value is `(nil)`, so that an empty one is empty.

Values go out as the bytes they are; where the pipe ends at a terminal they are escaped. Who must tell a value with a
line end, or a string `(nil)`, from others asks for `--json`.
"""

from collections.abc import Callable

from tfraft.cli.escapes import safe, shown
from tfraft.cli.outputs import Failure, Row, Table
from tfraft.cli.terminal import cell_text
from tfraft.store.replies import ErrorReply, Reply, Simple


def raw(reply: Reply) -> list[bytes]:
    """`reply` as lines: one, or one for each member of a list."""
    match reply:
        case Simple(text):
            return [text.encode()]
        case ErrorReply(code, message):
            return [f"{code} {message}".encode()]
        case bool():
            return [b"true" if reply else b"false"]
        case int():
            return [b"%d" % reply]
        case None:
            return [b"(nil)"]
        case bytes():
            return [reply]
        case list():
            return [line for member in reply for line in raw(member)]


class PlainOutput:
    """The `Output` of a pipe. `write` takes bytes, `fail_line` the sentence of a failure."""

    def __init__(self, write: Callable[[bytes], None], fail_line: Callable[[str], None], *, escape: bool) -> None:
        self._write = write
        self._fail_line = fail_line
        self._escape = escape

    def reply(self, reply: Reply, took_s: float) -> None:
        for line in raw(reply):
            self._write((shown(line).encode() if self._escape else line) + b"\n")

    def say(self, sentence: str) -> None:
        self._write(safe(sentence).encode() + b"\n")

    def table(self, table: Table) -> None:
        for row in [Row(table.columns), *table.rows]:
            self._write("\t".join(safe(cell_text(cell)) for cell in row.cells).encode() + b"\n")

    def story(self, line: str) -> None:
        pass

    def hint(self, sentence: str) -> None:
        pass

    def fail(self, failure: Failure) -> None:
        self._fail_line(safe(failure.text))

    def end(self) -> None:
        pass
