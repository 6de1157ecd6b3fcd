"""The other side of the prompt: lines from a pipe or a file, one answer to each, in order, and nothing else."""

from collections.abc import AsyncIterator, Callable
from typing import BinaryIO

from tfraft.cli.exits import ExitCode
from tfraft.cli.json_lines import JsonOutput
from tfraft.cli.outputs import Failure, Outcome, Output
from tfraft.cli.plain import PlainOutput
from tfraft.cli.session import Result, Session
from tfraft.cli.stdin import MAX_LINE_BYTES


class BatchStreams:
    """Gathers the answer to one line; `flush` writes it, so that whoever reads has it before the next line is read.

    Answers go to `stdout`; failures are told by `tell_beside` with the number of their line, or with `as_json` go to
    `stdout`, too."""

    def __init__(self, stdout: BinaryIO, tell_beside: Callable[[str], None], *, as_json: bool) -> None:
        self.line_number = 0
        self._stdout = stdout
        self._tell_beside = tell_beside
        self._answers: list[bytes] = []
        self._failures: list[str] = []
        self.output: Output
        if as_json:
            self.output = JsonOutput(lambda text: self._answers.append(text.encode() + b"\n"))
        else:
            self.output = PlainOutput(self._answers.append, self._failures.append, escape=stdout.isatty())

    def flush(self) -> None:
        """Write what has gathered. Raises OSError where that cannot be done."""
        if self._answers:
            self._stdout.writelines(self._answers)
            self._stdout.flush()
        for failure in self._failures:
            self._tell_beside(f"error line {self.line_number}: {failure}")
        self._answers.clear()
        self._failures.clear()


async def run_batch(session: Session, streams: BatchStreams, lines: AsyncIterator[str | None]) -> ExitCode:
    """Answer every line up to EXIT or the end; COMMAND_FAILED if any has failed."""
    failed = False
    async for line in lines:
        streams.line_number += 1
        if line is None:
            streams.output.fail(Failure(Outcome.ERROR, f"a line may have at most {MAX_LINE_BYTES:,} bytes"))
            streams.output.end()
            result = Result.FAILED
        else:
            result = await session.answer(line)
        streams.flush()
        failed = failed or result is Result.FAILED
        if result is Result.EXIT:
            break
    return ExitCode.COMMAND_FAILED if failed else ExitCode.OK
