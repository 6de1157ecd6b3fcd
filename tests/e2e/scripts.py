"""A script in place of a person: `tf-raft start` with pipes at its ends."""

import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.e2e.processes import PATIENCE_S


def run(script: bytes | Path, *args: str, environ: dict[str, str]) -> subprocess.CompletedProcess[bytes]:
    """Give all lines at once, as bytes through a pipe or as a file; wait for the end."""
    command = [sys.executable, "-m", "tfraft", "start", *args]
    if isinstance(script, Path):
        with script.open("rb") as file:
            return subprocess.run(command, stdin=file, capture_output=True, env=environ, timeout=PATIENCE_S)
    return subprocess.run(command, input=script, capture_output=True, env=environ, timeout=PATIENCE_S)


class Conversation:
    """One line after the other, each after the answer to the one before."""

    def __init__(self, *args: str, environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tfraft", "start", *args],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environ,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.communicate()

    def ask(self, line: str) -> str:
        """The line that answers; empty at the end."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().decode().removesuffix("\n")

    def end(self) -> int:
        """Close standard input; the exit code."""
        self.process.communicate(timeout=PATIENCE_S)
        return self.process.returncode
