"""Replacing a file so that a crash or a power cut leaves the old contents or the new ones, whole.

The order makes it so: write to a temporary file beside it, sync that, rename it over the old one, sync the directory.
Without the first sync a power cut may leave the new name with no contents; without the second, the old contents.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tfraft.errors import DataError


class Files:
    """What is asked of a file system here; a test or a simulator may lend another one.

    Every method raises OSError where the system call behind it does."""

    def read(self, path: Path) -> bytes | None:
        """The contents; None where there is no such file."""
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None

    def create(self, path: Path) -> int:
        """Open an empty file for writing that nobody but its owner may read; a file of this name is emptied."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)

    def write(self, file: int, data: bytes) -> None:
        """Write all of `data`; the system may take it in several pieces."""
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(file, rest) :]

    def sync(self, file: int) -> None:
        """Afterwards what was written to `file` survives a power cut, if its name does."""
        os.fsync(file)

    def close(self, file: int) -> None:
        """Free the descriptor."""
        os.close(file)

    def rename(self, source: Path, target: Path) -> None:
        """Give `source` the name `target`, whatever had it."""
        os.replace(source, target)

    def remove(self, path: Path) -> None:
        """Remove the name, if it is there."""
        path.unlink(missing_ok=True)

    def sync_directory(self, directory: Path) -> None:
        """Afterwards the names in `directory` survive a power cut."""
        file = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(file)
        finally:
            os.close(file)


def temporary_of(path: Path) -> Path:
    """Where the next contents of `path` are written before they get its name."""
    return path.with_name(path.name + ".new")


def replace_file(files: Files, path: Path, data: bytes) -> None:
    """Make `data` the contents of `path`, durably. Where it raises OSError, the old or the new are there, whole."""
    temporary = temporary_of(path)
    file = files.create(temporary)
    try:
        files.write(file, data)
        files.sync(file)
    finally:
        files.close(file)
    files.rename(temporary, path)
    files.sync_directory(path.parent)


def make_directory(path: Path) -> None:
    """Afterwards `path` is a directory that survives a power cut; each one made here is its owner's alone (0700)."""
    if path.is_dir():
        return
    make_directory(path.parent)
    path.mkdir(mode=0o700, exist_ok=True)
    Files().sync_directory(path.parent)


@contextmanager
def as_data_error(path: Path, what: str) -> Iterator[None]:
    """Turn an OSError in the block into a DataError that says of `path` that it cannot be `what`, and why."""
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{path} cannot be {what}: {reason_of(error)}; mend that, or choose another directory"
        ) from error


def reason_of(error: Exception) -> str:
    """Why, in a few words for a person: `No space left on device`."""
    return (error.strerror if isinstance(error, OSError) else None) or f"{type(error).__name__}: {error}"
