"""State in a JSON file that a person can read: `<directory>/<server_id>.json`, in the words of `document`.

Each save replaces the whole file, so its cost grows with the log: right for learning and for small clusters.
"""

import asyncio
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tfraft.adapters.state.document import Codec, Document, decode
from tfraft.adapters.state.files import (
    Files,
    as_data_error,
    make_directory,
    reason_of,
    replace_file,
    temporary_of,
)
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.core.base import Base
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.errors import ForeignData, SettingError, StorageFailed
from tfraft.ports import OnSaved

_Change = Callable[[Document], None]

FILE_FRIENDLY = r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,62}"
"""The ids of servers that can name a file."""


def state_path(directory: Path, server_id: ServerId) -> Path:
    """The file of this server's state. Raises SettingError for an id that cannot name a file."""
    if not re.fullmatch(FILE_FRIENDLY, server_id):
        raise SettingError(
            f"a server whose state is kept in files needs an id of 1 to 63 letters, digits and _ . : - that begins "
            f"with a letter or a digit, not {server_id[:80]!r}"
        )
    return directory / f"{server_id}.json"


def lock_name(server_id: ServerId) -> str:
    """The lock beside the file, which keeps a second process of the same id out."""
    return f"{server_id}.lock"


class LocalStateManager:
    """A StateManager on a file. Each save is written and synced by a thread of its own before `on_saved` comes.

    `codec` shows commands in words; it is needed again to read what was written with it. An empty `cluster_id` takes
    the file of any cluster. Directory and files are their owner's alone (0700, 0600)."""

    def __init__(
        self,
        server_id: ServerId,
        directory: str | Path,
        *,
        cluster_id: str = "",
        codec: Codec | None = None,
        files: Files | None = None,
    ) -> None:
        self._path = state_path(Path(directory), server_id)
        self._server_id = server_id
        self._cluster_id = cluster_id
        self._codec = codec
        self._files = files or Files()
        self._writer = ThreadPoolExecutor(1, thread_name_prefix=f"state of {server_id}")
        self._lock: DirectoryLock | None = None
        # From the first save on these two belong to the writer's thread.
        self._document = Document(cluster_id, server_id, codec)
        self._failure: StorageFailed | None = None

    def load(self) -> Saved | None:
        """Read the file and write it again; None where this server never saved anything. Afterwards it is locked.

        The last run may have been killed between a rename and its sync: what is read then is not durable yet, but the
        server will rely on it. And a disk that cannot be written is found before the server takes part. A server that
        is new gets a file, too: one that is missing later is known to be lost."""
        with as_data_error(self._path.parent, "made a directory"):
            make_directory(self._path.parent)
        lock = DirectoryLock(self._path.parent, lock_name(self._server_id))
        try:
            saved = self._read()
            # Left by a crash in the middle of a save that nobody was told of.
            with as_data_error(self._path, "written"):
                self._files.remove(temporary_of(self._path))
                replace_file(self._files, self._path, self._document.encode())
        except BaseException:
            lock.release()
            raise
        self._lock = lock
        return None if saved == Saved() else saved

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Hand `save` to the writer's thread; `on_saved` comes back on the running loop, once.

        After an error every later save gets the same error: what is on disk is only known after another `load`."""
        self._submit(lambda document: document.apply(save), on_saved)

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        """Hand to the writer's thread that the log is to begin after `base`; as with a save otherwise."""
        self._submit(lambda document: document.trim(base), on_trimmed)

    def repaired(self) -> None:
        """Never called: a file that is damaged is refused, and never begun anew."""

    def close(self) -> None:
        """Wait for the save under way, then let others have the file."""
        self._writer.shutdown()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def _read(self) -> Saved | None:
        with as_data_error(self._path, "read"):
            text = self._files.read(self._path)
        if text is None:
            return None
        decoded = decode(text, str(self._path), self._codec)
        if decoded.server_id != self._server_id:
            raise ForeignData(f"{self._path} is the state of server {decoded.server_id}, not of {self._server_id}")
        if self._cluster_id not in ("", decoded.cluster_id):
            raise ForeignData(
                f"{self._path} belongs to cluster {decoded.cluster_id or 'without an id'}, not to {self._cluster_id}"
            )
        self._document = Document(decoded.cluster_id, self._server_id, self._codec)
        saved = decoded.saved
        self._document.apply(Save(saved.current_term, saved.voted_for, saved.base.index + 1, saved.entries, saved.base))
        return saved

    def _submit(self, change: _Change, on_done: OnSaved) -> None:
        if self._lock is None:
            on_done(StorageFailed(f"{self._path} is not open"))
            return
        self._writer.submit(self._write, change, on_done, asyncio.get_running_loop())

    # --- On the writer's thread ---

    def _write(self, change: _Change, on_done: OnSaved, loop: asyncio.AbstractEventLoop) -> None:
        if self._failure is None:
            try:
                change(self._document)
                replace_file(self._files, self._path, self._document.encode())
            except Exception as error:  # Whatever it is, the node must hear of it: silence would leave it waiting.
                self._failure = StorageFailed(f"{self._path} could not be saved: {reason_of(error)}")
        # On a loop that is closed this raises, into a future that nobody reads: nobody is left who waits.
        loop.call_soon_threadsafe(on_done, self._failure)
