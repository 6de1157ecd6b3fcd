"""Snapshots in files: `<directory>/[<name>.]<index as 16 hexadecimal digits>.snapshot`, in the form of `snapshot_file`.

A snapshot is written under another name, synced, renamed, and only once its name is durable the one before is removed:
a crash at any moment leaves the old or the new one, whole. A thread of its own does all of it, so that the loop never
waits for the disk, and a snapshot never for a save.
"""

import asyncio
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final, TypeVar

from crc32c import crc32c

from tfraft.adapters.state.files import as_data_error, make_directory, reason_of
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.snapshot_file import encode_footer, encode_header, unlike
from tfraft.adapters.state.snapshots_on_disk import (
    Stored,
    checked,
    read_pieces,
    snapshot_path,
    snapshots_in,
    unfinished_in,
    unfinished_path,
)
from tfraft.core.base import Base, Snapshot
from tfraft.errors import CorruptSnapshot, SettingError, StorageFailed, TfRaftError
from tfraft.ports import OnRead, OnSaved, OnSnapshot

T = TypeVar("T")

_NAME: Final = r"([A-Za-z0-9][A-Za-z0-9_.:-]{0,62})?"


class FileSnapshotStore:
    """A SnapshotStore in `directory`, which others may use besides: what begins with `name` there is ours.

    Files are their owner's alone (0600). Whoever makes it sees to it that no other process uses the same: the lock of
    the StateManager does."""

    def __init__(self, directory: str | Path, name: str = "", *, files: LogFiles | None = None) -> None:
        if not re.fullmatch(_NAME, name):
            raise SettingError(
                f"the name of a server whose snapshots are kept in files has 1 to 63 letters, digits and _ . : - and "
                f"begins with a letter or a digit; it is not {name[:80]!r}"
            )
        self._directory = Path(directory)
        self._prefix = f"{name}." if name else ""
        self._files = files or LogFiles()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"snapshots of {name or self._directory.name}")
        self._is_open = False
        # From `load` to `close` these belong to the thread.
        self._latest: Stored | None = None
        self._file: int | None = None
        self._writers: set[FileSnapshotWriter] = set()
        self._temporaries = count(1)

    def load(self) -> Snapshot | None:
        """Check the latest snapshot, and remove all else of ours: what a crash left unfinished, and older ones.

        Where the latest is damaged nothing is changed."""
        with as_data_error(self._directory, "read"):
            make_directory(self._directory)
            found = self._found()
            if found:
                index, path = max(found.items())
                self._open(checked(self._files, path, index))
            self._remove_older()
            for path in unfinished_in(self._files, self._directory, self._prefix):
                self._files.remove(path)
            # A name that the last run did not live to sync may be relied on from now on.
            self._files.sync_directory(self._directory)
        self._is_open = True
        return None if self._latest is None else self._latest.snapshot

    def create(self, base: Base) -> "FileSnapshotWriter":
        """Begin a snapshot of the state at `base`; its file comes with the first piece."""
        path = snapshot_path(self._directory, self._prefix, base.index)
        return FileSnapshotWriter(self, base, path, unfinished_path(path, next(self._temporaries)))

    def read(self, snapshot: Snapshot, offset: int, size_bytes: int, on_read: OnRead) -> None:
        """Give `on_read` these bytes, fewer only at the end; None where they are not to be had any more."""

        def answer(data: bytes | TfRaftError | None) -> None:
            on_read(None if isinstance(data, TfRaftError) else data)

        self.run(partial(self._read, snapshot, offset, size_bytes), answer)

    def pieces(self, snapshot: Snapshot) -> Iterator[bytes]:
        """All bytes of `snapshot` in order. The error of a damaged one comes after the last of them."""
        stored = self._latest
        if stored is None or stored.snapshot != snapshot:
            raise CorruptSnapshot(f"{self._directory} has no snapshot any more of index {snapshot.base.index}")
        return read_pieces(self._files, stored)

    def set_aside(self, directory: Path) -> None:
        """Move all snapshots into `directory`, which is there, durably; for a server that is to be repaired.

        To be called before `load`, or after it where what it found is of no use; then `load` may be called again."""
        self._is_open, self._latest = False, None
        self._free()
        with as_data_error(self._directory, "written"):
            for path in self._found().values():
                self._files.rename(path, directory / path.name)
            self._files.sync_directory(directory)
            self._files.sync_directory(self._directory)

    def close(self) -> None:
        """Wait for what is under way, give up what is not finished, then free the files."""
        self._is_open = False
        self._thread.shutdown()
        for writer in [*self._writers]:
            writer.discard()
        self._free()

    def run(self, work: Callable[[], T], on_done: Callable[[T | TfRaftError], None]) -> None:
        """Let the thread do `work`, and call `on_done` on the running loop with what it gives, or raises."""
        if self._is_open:
            self._thread.submit(self._run, work, on_done, asyncio.get_running_loop())
        else:
            on_done(StorageFailed(f"the snapshots in {self._directory} are not open"))

    # --- On the thread, or while there is none ---

    def _run(
        self, work: Callable[[], T], on_done: Callable[[T | TfRaftError], None], loop: asyncio.AbstractEventLoop
    ) -> None:
        result: T | TfRaftError
        try:
            result = work()
        except TfRaftError as error:
            result = error
        except Exception as error:  # Whatever it is, the node must hear of it: silence would leave it waiting.
            result = StorageFailed(f"{self._directory}: the snapshot could not be saved: {reason_of(error)}")
        # On a loop that is closed this raises, into a future that nobody reads: nobody is left who waits.
        loop.call_soon_threadsafe(on_done, result)

    def begin(self, writer: "FileSnapshotWriter", temporary: Path) -> int:
        """The file that `writer` writes to."""
        self._writers.add(writer)
        return self._files.create(temporary)

    def write(self, file: int, data: bytes) -> None:
        """Put `data` behind what is in the file."""
        self._files.write(file, data)

    def forget(self, writer: "FileSnapshotWriter", file: int, temporary: Path) -> None:
        """Free the file of `writer`, and remove it; what cannot be removed now is removed by the next `load`."""
        self._writers.discard(writer)
        self._files.close(file)
        with suppress(OSError):
            self._files.remove(temporary)

    def install(self, writer: "FileSnapshotWriter", file: int, temporary: Path, stored: Stored) -> Snapshot:
        """Make this file the latest snapshot, durably, unless a later one is there; the one that is the latest then."""
        if self._latest is not None and self._latest.snapshot.base.index > stored.snapshot.base.index:
            self.forget(writer, file, temporary)
            return self._latest.snapshot
        self._files.sync_data(file)
        self._files.rename(temporary, stored.path)
        self._files.sync_directory(self._directory)
        self._open(stored)
        self._writers.discard(writer)
        self._files.close(file)
        with suppress(OSError):  # The next `load` removes them.
            self._remove_older()
        return stored.snapshot

    def _open(self, stored: Stored) -> None:
        file = self._files.open(stored.path)
        self._free()
        self._latest, self._file = stored, file

    def _free(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            self._files.close(file)

    def _remove_older(self) -> None:
        for path in self._found().values():
            if self._latest is None or path != self._latest.path:
                self._files.remove(path)

    def _found(self) -> dict[int, Path]:
        return snapshots_in(self._files, self._directory, self._prefix)

    def _read(self, snapshot: Snapshot, offset: int, size_bytes: int) -> bytes | None:
        stored, file = self._latest, self._file
        if stored is None or file is None or stored.snapshot != snapshot:
            return None
        size = max(0, min(size_bytes, snapshot.size_bytes - offset))
        with suppress(OSError):
            data = self._files.read_at(file, stored.data_at + offset, size)
            return data if len(data) == size else None
        return None


class FileSnapshotWriter:
    """A SnapshotWriter on a file of another name, which the next `load` removes if a crash leaves it."""

    def __init__(self, store: FileSnapshotStore, base: Base, path: Path, temporary: Path) -> None:
        self._store = store
        self._base = base
        self._path = path
        self._temporary = temporary
        # These belong to the thread of the store.
        self._file: int | None = None
        self._failure: TfRaftError | None = None
        self._header = encode_header(base)
        self._size = 0
        self._checksum = 0

    def write(self, data: bytes, on_written: OnSaved) -> None:
        """Hand `data` to the thread, which puts it behind what was written before."""
        self._store.run(partial(self._try, partial(self._write, data)), on_written)

    def finish(self, expected: Snapshot | None, on_finished: OnSnapshot) -> None:
        """Let the thread make it the latest snapshot."""
        self._store.run(partial(self._try, partial(self._finish, expected)), on_finished)

    def abort(self) -> None:
        """Let the thread remove it; what was asked for before is done before."""
        self._store.run(self.discard, lambda _: None)

    # --- On the thread of the store ---

    def discard(self) -> None:
        """Remove what was written, unless it is finished."""
        file, self._file = self._file, None
        self._failure = self._failure or StorageFailed(f"{self._path}: the snapshot was given up, or is finished")
        if file is not None:
            self._store.forget(self, file, self._temporary)

    def _try(self, work: Callable[[], T]) -> T:
        """Do `work`, unless this writer has ended: nothing is ever tried again."""
        if self._failure is not None:
            raise self._failure
        try:
            return work()
        except OSError as error:
            self._failure = StorageFailed(f"{self._path} could not be saved: {reason_of(error)}")
            raise self._failure from error
        finally:
            if self._failure is not None:
                self.discard()

    def _write(self, data: bytes) -> None:
        if self._file is None:
            self._file = self._store.begin(self, self._temporary)
            self._store.write(self._file, self._header)
        self._store.write(self._file, data)
        self._size += len(data)
        self._checksum = crc32c(data, self._checksum)

    def _finish(self, expected: Snapshot | None) -> Snapshot:
        self._write(b"")
        assert self._file is not None
        snapshot = Snapshot(self._base, self._size, self._checksum)
        if expected is not None and (expected.size_bytes, expected.checksum) != (self._size, self._checksum):
            self.discard()
            raise unlike(snapshot, expected)
        self._store.write(self._file, encode_footer(self._size, self._checksum))
        stored = Stored(snapshot, self._path, len(self._header))
        latest = self._store.install(self, self._file, self._temporary, stored)
        self._file = None
        self.discard()
        return latest
