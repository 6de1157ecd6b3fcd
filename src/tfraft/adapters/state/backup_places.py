"""Where a backup is written to and read from: a file of this machine, or whatever a URL of fsspec names.

Both give the whole backup or none: it gets its name once it is complete, and what was there before stays until then.
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from tfraft.adapters.state.files import Files, reason_of
from tfraft.errors import DataError, SettingError, StorageFailed

_WINDOW: Final = 1 << 20
"""So many bytes are read at a time."""
_SHOWN_CHARACTERS: Final = 300


class BackupSink(Protocol):
    """A backup on its way to its place. Every method may block. Raises `StorageFailed`."""

    def write(self, data: bytes) -> None:
        """Put `data` after what was written before."""

    def commit(self) -> None:
        """Afterwards the backup is there, durably, in the place of what was there."""

    def abort(self) -> None:
        """Forget what was written, unless it is committed. Raises nothing."""


class BackupPlace(Protocol):
    """A place for one backup."""

    @property
    def name(self) -> str:
        """What a person calls it; without a password."""

    def create(self) -> BackupSink:
        """Begin a backup. May block. Raises `SettingError` or `StorageFailed`."""

    def read(self) -> Iterator[bytes]:
        """The bytes of what is there, in pieces. Blocks. Raises `SettingError` or `DataError`."""


def place_of(text: str) -> BackupPlace:
    """The place that a person means by `text`: with :// it is a URL. Raises SettingError for an empty one."""
    if not text:
        raise SettingError("a backup needs a file, or a URL such as s3://bucket/name")
    if text.startswith("file://"):
        return LocalFile(Path(text.removeprefix("file://")))
    return UrlPlace(text) if "://" in text else LocalFile(Path(text))


# --- A file ---


class LocalFile:
    """A file of this machine, its owner's alone (0600)."""

    def __init__(self, path: Path, files: Files | None = None) -> None:
        self._path = path
        self._files = files or Files()

    @property
    def name(self) -> str:
        """The path."""
        return str(self._path)

    def create(self) -> "LocalSink":
        """Begin under another name beside it."""
        if self._path.is_dir():
            raise SettingError(f"{self._path} is a directory; a backup is a file, such as {self._path / 'backup'}")
        return LocalSink(self._path, self._files)

    def read(self) -> Iterator[bytes]:
        """The bytes of the file."""
        try:
            with self._path.open("rb") as file:
                while piece := file.read(_WINDOW):
                    yield piece
        except OSError as error:
            raise DataError(f"{self._path} cannot be read: {reason_of(error)}") from error


class LocalSink:
    """A BackupSink that renames what is written and synced."""

    def __init__(self, path: Path, files: Files) -> None:
        self._path = path
        # Two backups to the same name at a time do not disturb each other: the last to be complete stays.
        self._temporary = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
        self._files = files
        self._file: int | None = None
        try:
            self._file = files.create(self._temporary)
        except OSError as error:
            self._fail(error)

    def write(self, data: bytes) -> None:
        """Write all of `data`."""
        assert self._file is not None, "the backup is committed, or was given up"
        try:
            self._files.write(self._file, data)
        except OSError as error:
            self._fail(error)

    def commit(self) -> None:
        """Sync, rename, sync the directory."""
        assert self._file is not None, "the backup is committed, or was given up"
        try:
            self._files.sync(self._file)
            self._close()
            self._files.rename(self._temporary, self._path)
            self._files.sync_directory(self._path.parent)
        except OSError as error:
            self._fail(error)

    def abort(self) -> None:
        """Remove the file of the other name, if it is there."""
        with suppress(OSError):
            self._close()
        with suppress(OSError):
            self._files.remove(self._temporary)

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._files.close(file)

    def _fail(self, error: OSError) -> NoReturn:
        self.abort()
        raise StorageFailed(f"the backup could not be written to {self._path}: {reason_of(error)}") from error


# --- A URL ---


class UrlPlace:
    """What a URL of fsspec names. What writes there completes the upload at the end, where its kind of place can."""

    def __init__(self, url: str) -> None:
        self._url = url

    @property
    def name(self) -> str:
        """The URL without user and password."""
        return self._told(self._url)

    def create(self) -> "UrlSink":
        """Begin an upload."""
        files, path = self._resolved()
        return UrlSink(files, path, self._failed)

    def read(self) -> Iterator[bytes]:
        """The bytes behind the URL."""
        files, path = self._resolved()
        try:
            with files.open(path, "rb") as file:
                while piece := file.read(_WINDOW):
                    yield piece
        except Exception as error:  # Whoever implements the file system may raise anything.
            raise DataError(f"{self.name} cannot be read: {self._reason(error)}") from error

    def _failed(self, error: Exception) -> NoReturn:
        raise StorageFailed(f"the backup could not be written to {self.name}: {self._reason(error)}") from error

    def _reason(self, error: Exception) -> str:
        """What a stranger's code says is wrong, not too long."""
        text = "" if isinstance(error, OSError) and str(error) else f"{type(error).__name__}: "
        return self._told(f"{text}{error}")[:_SHOWN_CHARACTERS]

    def _told(self, text: str) -> str:
        """`text` without user and password, if they are in the URL."""
        secret = re.search(r"//([^/@]+)@", self._url)
        return text.replace(secret[1], "…") if secret else text

    def _resolved(self) -> tuple[Any, str]:
        """The file system and the path in it."""
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise SettingError(
                f"{self.name} is a URL, and those need fsspec, which is not installed   (pip install 'tf-raft[backup]')"
            ) from None
        try:
            files, path = url_to_fs(self._url)
        except Exception as error:  # An unknown protocol, a package that is missing, a URL that makes no sense.
            raise SettingError(f"{self.name} cannot be used: {self._reason(error)}") from error
        return files, path


class UrlSink:
    """A BackupSink in a transaction of fsspec."""

    def __init__(self, files: Any, path: str, fail: Callable[[Exception], NoReturn]) -> None:
        self._raise = fail
        self._file: Any = None
        self._transaction: Any = None
        try:
            files.start_transaction()
            self._transaction = files.transaction
            self._file = files.open(path, "wb")
        except Exception as error:
            self._fail(error)

    def write(self, data: bytes) -> None:
        """Send `data`, or gather it to be sent."""
        try:
            self._file.write(data)
        except Exception as error:
            self._fail(error)

    def commit(self) -> None:
        """Complete the upload."""
        try:
            self._file.close()
            transaction, self._transaction = self._transaction, None
            transaction.complete(commit=True)
        except Exception as error:
            self._fail(error)

    def abort(self) -> None:
        """Discard the upload."""
        transaction, self._transaction = self._transaction, None
        if transaction is not None:
            with suppress(Exception):
                self._file.close()
            with suppress(Exception):
                transaction.complete(commit=False)

    def _fail(self, error: Exception) -> NoReturn:
        self.abort()
        self._raise(error)
