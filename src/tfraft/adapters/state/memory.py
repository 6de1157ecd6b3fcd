"""State in memory: as fast as a state can be kept, and gone when the process ends.

A `MemoryDisk` outlives the node that writes to it, so that a node of a running process can be stopped or killed and
started again with the state that it had.
"""

from array import array

from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries
from tfraft.core.messages import ServerId
from tfraft.errors import StorageFailed
from tfraft.ports import OnSaved


class MemoryDisk:
    """The disk of one server, in memory: what was saved last, and who may save."""

    def __init__(self) -> None:
        self.owner: MemoryStateManager | None = None
        self._written = False
        self._current_term = 0
        self._voted_for: ServerId | None = None
        self._configuration: Configuration = EMPTY
        # Columns that grow, so that a save costs what it brings and not what is there already.
        self._terms = array("Q")
        self._kinds = bytearray()
        self._data: list[bytes] = []

    def read(self) -> Saved | None:
        """A copy of what was saved; None where nothing ever was."""
        if not self._written:
            return None
        entries = Entries(self._terms[:], bytes(self._kinds), self._data[:])
        return Saved(self._current_term, self._voted_for, self._configuration, entries)

    def write(self, save: Save) -> None:
        """Take `save` over, as `Save` says. Linear in the entries that come and go."""
        self._written = True
        self._current_term = save.current_term
        self._voted_for = save.voted_for
        if save.configuration is not None:
            self._configuration = save.configuration
        if save.first_index:
            kept = save.first_index - 1
            assert kept <= len(self._data), f"a gap in the log: {len(self._data)} entries, then {save.first_index}"
            del self._terms[kept:], self._kinds[kept:], self._data[kept:]
            self._terms.extend(save.entries.terms)
            self._kinds += save.entries.kinds
            self._data += save.entries.data


class MemoryStateManager:
    """A StateManager in memory. `disk` is for whoever wants the state back after this manager is gone.

    Loading takes the disk over: a manager of an earlier run, of a node that was killed, can save no more."""

    def __init__(self, disk: MemoryDisk | None = None) -> None:
        self._disk = MemoryDisk() if disk is None else disk

    def load(self) -> Saved | None:
        """What was saved last; None where nothing ever was."""
        self._disk.owner = self
        return self._disk.read()

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Keep `save` and call `on_saved` before this returns."""
        if self._disk.owner is not self:
            on_saved(StorageFailed("the state in memory is closed, or belongs to a later run of this server"))
            return
        self._disk.write(save)
        on_saved(None)

    def close(self) -> None:
        """Afterwards nothing is saved any more; the disk keeps what it has."""
        if self._disk.owner is self:
            self._disk.owner = None
