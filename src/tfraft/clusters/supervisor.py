"""NodeProcess: one node as a process that we started; it never outlives us."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

from tfraft import errors
from tfraft.adapters.state.files import as_data_error
from tfraft.clusters.spec import FirstWord, NodeSpec
from tfraft.core.configuration import ServerId
from tfraft.errors import TfRaftError, Unavailable

START_PATIENCE_S: Final = 60.0
"""How long a process may take to its first word; fifteen on a busy machine take some seconds."""

STOP_PATIENCE_S: Final = 10.0
"""How long a process may take to stop in good order before it is killed."""

MAX_LOG_BYTES: Final = 1024 * 1024
LAST_LINE_BYTES: Final = 4096


class NodeProcess:
    """The process of a node that runs. `start` makes one; where it ends by itself, `on_end` is told why."""

    def __init__(self, process: Process, log: "Log", on_end: Callable[[str], None]) -> None:
        self._process = process
        self._log = log
        self._on_end: Callable[[str], None] | None = on_end
        self._watch = asyncio.create_task(self._watch_it(), name=f"process {process.pid}")

    @classmethod
    async def start(cls, spec: NodeSpec, log_file: Path, on_end: Callable[[str], None]) -> Self:
        """Start the process of a node and wait until it is ready; what it writes to standard error goes to a file.

        Raises the error that the node gives, or Unavailable; then the process is gone."""
        log = Log(log_file)
        with log.opened() as errors_to:
            process = await asyncio.create_subprocess_exec(
                # -P: a file of the user's that happens to be called like a module of ours is not taken for it.
                *(sys.executable, "-P", "-m", "tfraft.clusters.process", spec.encode()),
                stdin=PIPE,
                stdout=PIPE,
                stderr=errors_to,
                # Ctrl-C is for whoever started the cluster, who then ends the nodes in good order.
                start_new_session=True,
            )
        try:
            async with asyncio.timeout(START_PATIENCE_S):
                await hear(process, spec.server_id, log)
        except BaseException as error:
            await kill(process)
            if isinstance(error, TimeoutError):
                raise Unavailable(f"{spec.server_id} was not ready after {START_PATIENCE_S:g} s") from None
            raise
        return cls(process, log, on_end)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    async def stop(self, *, hand_over: bool = True) -> None:
        """End the process in good order, or after a while anyhow; `hand_over` says that the other nodes go on."""
        self._on_end = None
        assert self._process.stdin is not None, "its standard input is a pipe"
        try:
            with suppress(ProcessLookupError):
                if hand_over:
                    self._process.terminate()
                else:
                    self._process.stdin.close()
            async with asyncio.timeout(STOP_PATIENCE_S):
                await self._process.wait()
        except TimeoutError:
            pass
        finally:
            # Also where nobody waits any more for the good order.
            await self.kill()

    async def kill(self) -> None:
        """End the process at once."""
        self._on_end = None
        await kill(self._process)
        await self._watch

    async def _watch_it(self) -> None:
        code = await self._process.wait()
        if self._on_end is not None:
            self._on_end(why_ended(code, self._log))


class Log:
    """The file for what a process writes to standard error. Begins anew where it has grown too large."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._begin = 0

    def opened(self) -> BinaryIO:
        """The file, to be written at its end. Raises DataError where that cannot be."""
        with as_data_error(self.file, "written"):
            log = self.file.open("ab")
            if log.tell() > MAX_LOG_BYTES:
                log.truncate(0)
            self._begin = log.tell()
        return log

    def last_line(self) -> str:
        """The last line that is not empty of what was written since it was opened; or an empty string."""
        with suppress(OSError), self.file.open("rb") as log:
            end = log.seek(0, 2)
            log.seek(max(self._begin, end - LAST_LINE_BYTES))
            lines = log.read().decode(errors="replace").splitlines()
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""


async def hear(process: Process, server_id: ServerId, log: Log) -> None:
    """Wait for the first word of a process. Raises what keeps it from being ready."""
    assert process.stdout is not None, "its standard output is a pipe"
    line = await process.stdout.readline()
    if not line:
        why = why_ended(await process.wait(), log)
        raise Unavailable(f"{server_id} ended before it was ready: {why} (all of it in {log.file})")
    word = FirstWord.decode(line)
    if word.error:
        kind = getattr(errors, word.error, TfRaftError)
        raise kind(word.text)


def why_ended(code: int, log: Log) -> str:
    """Why a process ended, as far as can be told from its exit code and its last line."""
    if code < 0:
        return f"ended by signal {-code} ({signal.strsignal(-code)})"
    return log.last_line() or f"it ended with exit code {code}"


async def kill(process: Process) -> None:
    """End a process at once; afterwards it is gone, and so are the pipes to it."""
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
    assert process.stdin is not None, "its standard input is a pipe"
    assert process.stdout is not None, "its standard output is a pipe"
    await process.stdout.read()
    process.stdin.close()
    with suppress(ConnectionError):
        await process.stdin.wait_closed()
