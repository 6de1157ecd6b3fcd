"""A user at a terminal: a real pseudo-terminal, and a screen that shows what the escape sequences come to."""

import re
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar

import pexpect
import pyte

T = TypeVar("T")

PATIENCE_S = 60.0
_COLUMNS, _LINES = 120, 150
_PROMPT = re.compile(r"(?P<prompt>\S+★ t\d+|no leader)> ?(?P<typed>.*)")
_TIME = re.compile(r" +[0-9.]+ ms$")


class Terminal:
    """`tf-raft start` with these arguments at a terminal that is long enough never to scroll."""

    def __init__(self, *args: str, environ: dict[str, str]) -> None:
        self._screen = pyte.Screen(_COLUMNS, _LINES)
        self._stream = pyte.Stream(self._screen)
        self.received = ""
        # What the screen shows, down to the last line that is not empty.
        self.lines: list[str] = []
        self._child = pexpect.spawn(
            sys.executable,
            ["-m", "tfraft", "start", *args],
            env=environ,
            encoding="utf-8",
            dimensions=(_LINES, _COLUMNS),
            timeout=PATIENCE_S,
        )
        assert self._child.pid is not None
        self.pid = self._child.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is not None:
            print("\n".join(self.lines))
        self._child.close(force=True)

    @property
    def prompt(self) -> str:
        """What stands before the line that is being typed: `n2★ t1`."""
        match = _PROMPT.fullmatch(self.lines[self._prompts()[-1]])
        assert match is not None
        return match["prompt"]

    def see(self, pattern: str) -> str:
        """Wait until a line matches; that line."""
        return self._wait_for(lambda: next((line for line in self.lines if re.search(pattern, line)), ""), pattern)

    def ready(self) -> list[str]:
        """Wait for the first prompt; the lines above it."""
        self._wait_for(lambda: self._prompts(), "the first prompt")
        return self.lines[: self._prompts()[0]]

    def ask(self, line: str) -> list[str]:
        """Type a line, wait for the next prompt; the lines between, without the time that a command took."""
        return self.press(line + "\r")

    def press(self, keys: str) -> list[str]:
        """Press keys that end the line, wait for the next prompt; the lines between."""
        before = len(self._prompts())
        self.send(keys)
        self._wait_for(lambda: len(self._prompts()) > before and self._is_empty(-1), f"the prompt after {keys!r}")
        prompts = self._prompts()
        return [_TIME.sub("", shown) for shown in self.lines[prompts[before - 1] + 1 : prompts[before]]]

    def send(self, keys: str) -> None:
        """Press keys."""
        self._child.send(keys)

    def end(self) -> tuple[int, list[str]]:
        """Wait for the end of the program; its exit code, and the lines below the last prompt."""
        self.gone()
        assert self._child.exitstatus is not None, f"ended by signal {self._child.signalstatus}"
        return self._child.exitstatus, self.lines[self._prompts()[-1] + 1 :]

    def gone(self) -> None:
        """Wait until the program has ended."""
        self._wait_for(lambda: self._child.flag_eof, "the end")
        self._child.close()

    def hang_up(self) -> None:
        """Close the terminal's window."""
        self._child.close(force=False)

    def _prompts(self) -> list[int]:
        return [number for number, line in enumerate(self.lines) if _PROMPT.fullmatch(line)]

    def _is_empty(self, number: int) -> bool:
        match = _PROMPT.fullmatch(self.lines[self._prompts()[number]])
        return match is not None and not match["typed"]

    def _wait_for(self, condition: Callable[[], T], what: str) -> T:
        """Feed the screen until the condition gives something; what it gives."""
        deadline = time.monotonic() + PATIENCE_S
        while not (found := condition()):
            assert time.monotonic() < deadline, f"waited {PATIENCE_S:g} s for {what}:\n" + "\n".join(self.lines)
            try:
                received = self._child.read_nonblocking(65536, timeout=0.1)
                self.received += received
                self._stream.feed(received)
                self.lines = "\n".join(line.rstrip() for line in self._screen.display).rstrip().splitlines()
            except pexpect.TIMEOUT:
                continue
            except pexpect.EOF:
                assert condition(), f"the program ended before {what}:\n" + "\n".join(self.lines)
        return found
