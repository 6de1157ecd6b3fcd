"""The exclusive use of a directory, or of one server's files in it."""

import fcntl
import os
from contextlib import ExitStack
from pathlib import Path

from tfraft.adapters.state.files import as_data_error
from tfraft.errors import DataLocked

LOCK_NAME = "LOCK"
"""The lock of a whole directory."""


class DirectoryLock:
    """Holds the lock `<directory>/<name>` from the moment it is made until `release` or the end of the process.

    The kernel keeps the lock and frees it however the process ends, kill -9 included: a lock file that is left over
    locks nothing. The file holds the number of the process, for the message to whoever comes second. A child made by
    `fork` without `exec` would share the lock; one started as a program does not.

    Raises `DataLocked` where another holder lives, in this process too, and `DataError` where the file cannot be made.
    """

    def __init__(self, directory: Path, name: str = LOCK_NAME) -> None:
        self._path = directory / name
        self._file: int | None = self._take()

    def release(self) -> None:
        """Let others have it. Releasing twice is releasing once.

        The file stays: were it removed, two processes could each hold a lock on a file of this name."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _take(self) -> int:
        with as_data_error(self._path, "locked"), ExitStack() as unless_taken:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            unless_taken.callback(os.close, file)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise DataLocked(
                    f"{self._path.parent} is in use by {_holder(file)} (lock {self._path.name}): "
                    "end that one first, or choose another directory"
                ) from None
            os.ftruncate(file, 0)
            os.pwrite(file, b"%d\n" % os.getpid(), 0)
            unless_taken.pop_all()
            return file


def _holder(file: int) -> str:
    pid = os.pread(file, 20, 0).decode(errors="replace").strip()
    if pid == str(os.getpid()):
        return f"this same process {pid}"
    return f"process {pid}" if pid else "another process"
