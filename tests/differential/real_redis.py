"""A real Redis for the length of a test run, on a unix socket of its own; and a connection that speaks RESP3."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NoReturn

import pytest

from tests.differential.resp3 import Answer, Incomplete, read_reply
from tfraft.store import MAX_VALUE_BYTES

VERSION: Final = "7.0"
"""Texts of errors differ from one version to the next; this is the one whose replies we promise."""
START_LIMIT_S: Final = 60.0
STOP_LIMIT_S: Final = 60.0

Command = list[bytes]


def find_redis() -> str:
    """The program. Where there is none of the right version the tests are skipped; on CI they fail."""
    program = shutil.which("redis-server")
    if program is None:
        _do_without("there is no redis-server here")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout
    if f"v={VERSION}." not in version:
        _do_without(f"expected redis-server {VERSION}, saw {version.strip()!r}")
    return program


def _do_without(why: str) -> NoReturn:
    text = f"NOT COMPARED WITH REDIS: {why}. On Debian 12: apt-get install redis-server"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@contextmanager
def running_redis(program: str) -> Iterator[Path]:
    """The socket of a Redis that keeps nothing, has one database, and takes strings as long as ours."""
    with tempfile.TemporaryDirectory(prefix="redis-") as directory:  # A path in it is short enough for a socket.
        path = Path(directory, "socket")
        settings = {
            "--port": "0",
            "--unixsocket": str(path),
            "--dir": directory,
            "--save": "",
            "--appendonly": "no",
            "--databases": "1",
            "--proto-max-bulk-len": str(MAX_VALUE_BYTES),
        }
        command = [program, *(word for setting in settings.items() for word in setting)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        try:
            _wait_until_it_listens(process, path)
            yield path
        finally:
            process.terminate()
            try:
                process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], path: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_S
    while process.poll() is None and time.monotonic() < deadline:
        with socket.socket(socket.AF_UNIX) as attempt:
            if attempt.connect_ex(str(path)) == 0:
                return
        time.sleep(0.01)
    raise AssertionError(f"redis-server does not listen; its exit code is {process.poll()}")


class Connection:
    """One connection to Redis in RESP3: commands out, replies back as they came."""

    def __init__(self, path: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(60)
        self._socket.connect(str(path))
        self._buffer = b""
        self.call([b"HELLO", b"3"])

    def close(self) -> None:
        self._socket.close()

    def call(self, command: Command) -> Answer:
        """The reply to a command."""
        return self.call_all([command])[0]

    def call_all(self, commands: Iterable[Command]) -> list[Answer]:
        """The replies to commands that are sent together."""
        encoded = [_encode(command) for command in commands]
        self._socket.sendall(b"".join(encoded))
        return [self._next() for _ in encoded]

    def now_ms(self) -> int:
        """What the clock of Redis shows, in milliseconds since 1970."""
        seconds, microseconds = (int(member.text) for member in self.call([b"TIME"]).members)
        return seconds * 1000 + microseconds // 1000

    def _next(self) -> Answer:
        while True:
            try:
                answer, end = read_reply(self._buffer)
            except Incomplete:
                arrived = self._socket.recv(1 << 16)
                assert arrived, "Redis closed the connection"
                self._buffer += arrived
            else:
                self._buffer = self._buffer[end:]
                return answer


def _encode(command: Command) -> bytes:
    return b"*%d\r\n%b" % (len(command), b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in command))
