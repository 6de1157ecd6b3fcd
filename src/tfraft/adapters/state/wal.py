"""State in a write-ahead log: a save is appended and synced, and costs what it brings, not what is there already.

    segment, saves, metadata    bytes, and back; no I/O
    segments_on_disk            the files
    wal_reader, wal_recovery    from the files to the state
    wal_writer                  from a save to the files
    wal_repair                  setting a damaged log aside
    wal_check                   looking at a log while no server uses it
    worker                      the thread

This file has the lock, what is done on the thread, and the rule that nothing is tried again.
"""

import asyncio
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from tfraft.adapters.state.files import as_data_error, make_directory, reason_of
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.metadata import MARK_BYTES, Metadata
from tfraft.adapters.state.segment import SECTOR
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles
from tfraft.adapters.state.wal_recovery import OpenLog, create_log, open_log, read_metadata
from tfraft.adapters.state.wal_repair import RepairNote, read_note, set_aside, write_note
from tfraft.adapters.state.wal_writer import LogWriter
from tfraft.adapters.state.worker import Worker
from tfraft.core.base import Base
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.errors import CorruptState, ForeignData, SettingError, StorageFailed
from tfraft.ports import OnSaved

SEGMENT_SIZE_BYTES: Final = 64 << 20

_Work = Callable[[LogWriter], None]


class WalStateManager:
    """A StateManager on a write-ahead log, which has `directory` for itself.

    Each save is one write and one `fdatasync`, by a thread of its own, before `on_saved` comes. Segments have up to
    `segment_size_bytes`, more where one save needs it. An empty `cluster_id` takes the log of any cluster. Directory
    and files are their owner's alone (0700, 0600). `mark` is what a new log is told by; random where it is not given.

    Damage is refused (`CorruptLog`), the torn end of a crash is cut: see `segment` for how they are told apart, and
    for what cannot be."""

    def __init__(
        self,
        server_id: ServerId,
        directory: str | Path,
        *,
        cluster_id: str = "",
        segment_size_bytes: int = SEGMENT_SIZE_BYTES,
        mark: bytes | None = None,
        files: LogFiles | None = None,
    ) -> None:
        if segment_size_bytes < SECTOR or segment_size_bytes % SECTOR:
            raise SettingError(f"segment_size_bytes must be a multiple of {SECTOR}, not {segment_size_bytes}")
        assert mark is None or len(mark) == MARK_BYTES, f"a mark has {MARK_BYTES} bytes, not {len(mark)}"
        self._directory = Path(directory)
        self._server_id = server_id
        self._cluster_id = cluster_id
        self._segment_size_bytes = segment_size_bytes
        self._mark = mark
        self._files = files or LogFiles()
        self._thread = Worker(f"log of {server_id}")
        self._lock: DirectoryLock | None = None
        self._remark = ""
        self._repair_note: RepairNote | None = None
        # From the first save on these two belong to the thread.
        self._writer: LogWriter | None = None
        self._failure: StorageFailed | None = None

    @property
    def remark(self) -> str:
        """What `load` has mended, in a sentence for a person; empty where it was nothing."""
        return self._remark

    def load(self) -> Saved | None:
        """Read the log; None where this server never saved anything. Afterwards it is durable as it was read.

        Where it raises `CorruptState`, `set_aside` is the way on."""
        lock = self._take_lock()
        try:
            self._repair_note = read_note(self._files, self._directory)
            log = self._open()
        except BaseException:
            lock.release()
            raise
        self._lock, self._writer, self._remark = lock, log.writer, log.remark
        return log.saved if self._repair_note is None else _noted(log.saved or Saved(), self._repair_note)

    @property
    def repair_note(self) -> RepairNote | None:
        """What `load` has found of logs that were set aside; None where none ever was."""
        return self._repair_note

    def set_aside(self) -> Path:
        """Where `load` has raised `CorruptState`, or the snapshot beside the log is damaged: set the log aside; then
        `load` finds an empty one.

        Gives the directory, `damaged-<n>`, to which metadata and segments are moved; snapshots are not. Afterwards,
        durably and after any crash on the way, `load` either refuses the log as before, or gives an empty one that is
        `repairing`, with the term that the old one was in and an incarnation more. It says so until `repaired`, over
        any number of restarts.

        Raises `DataError`: in use, foreign, or the disk cannot be written; then it may be called again."""
        self._let_go()
        lock = self._take_lock()
        try:
            return set_aside(self._files, self._directory, self._readable_metadata())
        finally:
            lock.release()

    def repaired(self) -> None:
        """The log is whole again: `load` says so from now on, durably. Blocks for two syncs; the incarnation stays.

        Whoever calls it has seen the saves acknowledged that have filled the log."""
        before = self._repair_note
        assert before is not None, "nothing was set aside"
        note = RepairNote(before.incarnation, False, before.current_term, before.last_index)
        with suppress(OSError):  # As the port says: then the next `load` has the server repaired once more.
            write_note(self._files, self._directory, note)
            self._repair_note = note

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Hand `save` to the thread; `on_saved` comes back on the running loop, once.

        After an error every later save gets the same error: what is on disk is only known after another `load`."""
        self._submit(lambda writer: writer.append(save), on_saved)

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        """Let the log begin after `base`; segments that have nothing above it are removed. In order with the saves.

        A base above the last entry leaves an empty log, which goes on after it. Entries after the base stay: where
        they do not belong to it, a save must cut them first, or set the base itself."""
        self._submit(lambda writer: writer.trim(base), on_trimmed)

    def close(self) -> None:
        """Wait for the save under way, then let others have the directory."""
        self._thread.close()
        self._let_go()

    def _let_go(self) -> None:
        lock, self._lock = self._lock, None
        if lock is not None and self._writer is not None:
            try:
                self._writer.close()
            finally:
                lock.release()

    def _open(self) -> OpenLog:
        metadata = read_metadata(self._files, self._directory)
        if metadata is None:
            mark = self._mark or os.urandom(MARK_BYTES)
            metadata = Metadata(self._cluster_id, self._server_id, mark)
            create_log(self._files, self._directory, metadata, self._segment_size_bytes)
        self._refuse_foreign(metadata)
        return open_log(self._files, self._directory, metadata, self._segment_size_bytes)

    def _take_lock(self) -> DirectoryLock:
        with as_data_error(self._directory, "made a directory"):
            make_directory(self._directory)
        return DirectoryLock(self._directory)

    def _readable_metadata(self) -> Metadata | None:
        try:
            metadata = read_metadata(self._files, self._directory)
        except CorruptState:
            return None
        if metadata is not None:
            self._refuse_foreign(metadata)
        return metadata

    def _refuse_foreign(self, metadata: Metadata) -> None:
        path = self._directory / METADATA_NAME
        if metadata.server_id != self._server_id:
            raise ForeignData(f"{path} is of the log of server {metadata.server_id}, not of {self._server_id}")
        if self._cluster_id not in ("", metadata.cluster_id):
            raise ForeignData(
                f"{path} belongs to cluster {metadata.cluster_id or 'without an id'}, not to {self._cluster_id}"
            )

    def _submit(self, work: _Work, on_done: OnSaved) -> None:
        if self._lock is None or self._writer is None:
            on_done(StorageFailed(f"{self._directory} is not open"))
            return
        self._thread.submit(partial(self._run, self._writer, work, on_done, asyncio.get_running_loop()))

    # --- On the thread ---

    def _run(self, writer: LogWriter, work: _Work, on_done: OnSaved, loop: asyncio.AbstractEventLoop) -> None:
        self._try(writer, work)
        with suppress(RuntimeError):  # Of a loop that is closed: nobody is left who waits.
            loop.call_soon_threadsafe(on_done, self._failure)
        # The next segment is prepared while nobody waits for this save any more.
        self._try(writer, LogWriter.prepare)

    def _try(self, writer: LogWriter, work: _Work) -> None:
        """Do `work`, unless something has failed before: nothing is ever tried again."""
        if self._failure is None:
            try:
                work(writer)
            except Exception as error:  # Whatever it is, the node must hear of it: silence would leave it waiting.
                self._failure = StorageFailed(f"{self._directory} could not be saved: {reason_of(error)}")


def _noted(saved: Saved, note: RepairNote) -> Saved:
    """What is on disk, where a log was set aside: the term is at least the one in which that may have voted."""
    if saved.current_term >= note.current_term:
        return replace(saved, incarnation=note.incarnation, repairing=note.repairing)
    return Saved(note.current_term, None, saved.base, saved.entries, note.incarnation, note.repairing)
