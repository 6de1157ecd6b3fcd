"""The simulated disk of one server, record by record: a save takes time, and a crash loses it or keeps it whole.

The disk outlives the node. The oracles read it: what a server claims to have saved must be here.
"""

from array import array
from collections.abc import Callable
from typing import Final

from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries
from tfraft.core.messages import ServerId
from tfraft.errors import StorageFailed
from tfraft.ports import OnSaved
from tfraft.simulator.chance import Draw
from tfraft.simulator.clock import Run
from tfraft.simulator.loop import Timer, VirtualLoop

KEPT_IN_A_CRASH: Final = 0.5
"""How likely a save that is under way is on disk after a crash or an error."""

Write = Callable[["VirtualDisk", Save], None]
"""Told of each save just before it changes the disk."""


class VirtualDisk:
    """What one server has saved, column by column, and how its device behaves now."""

    def __init__(self, server_id: ServerId, before_write: Write) -> None:
        self.server_id = server_id
        self.current_term = 0
        self.voted_for: ServerId | None = None
        self.configuration: Configuration = EMPTY
        self.votes: dict[int, ServerId] = {}
        """Every vote that was ever on this disk, by term: what was promised once may be counted later."""
        self.slowness = 1.0
        """How many times longer than usual a save takes."""
        self.stalled_until = 0.0
        """No save completes before this time."""
        self.failing = False
        """Whether the save under way, or the next one, ends in an error."""
        self._before_write = before_write
        self._written = False
        self._terms = array("Q")
        self._kinds = bytearray()
        self._data: list[bytes] = []

    def heal(self) -> None:
        """Afterwards the device is as good and as fast as a new one."""
        self.slowness = 1.0
        self.stalled_until = 0.0
        self.failing = False

    @property
    def last_index(self) -> int:
        """The index of the last entry on disk; 0 where there is none."""
        return len(self._data)

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`; 0 where there is none."""
        return self._terms[index - 1] if 0 < index <= len(self._terms) else 0

    def read(self) -> Saved | None:
        """A copy of what is saved; None where nothing ever was."""
        if not self._written:
            return None
        entries = Entries(self._terms[:], bytes(self._kinds), self._data[:])
        return Saved(self.current_term, self.voted_for, self.configuration, entries)

    def write(self, save: Save) -> None:
        """Take over `save`, as `Save` says."""
        self._before_write(self, save)
        self._written = True
        self.current_term = save.current_term
        self.voted_for = save.voted_for
        if save.voted_for is not None:
            self.votes[save.current_term] = save.voted_for
        if save.configuration is not None:
            self.configuration = save.configuration
        if save.first_index:
            kept = save.first_index - 1
            assert kept <= len(self._data), f"a gap in the log: {len(self._data)} entries, then {save.first_index}"
            del self._terms[kept:], self._kinds[kept:], self._data[kept:]
            self._terms.extend(save.entries.terms)
            self._kinds += save.entries.kinds
            self._data += save.entries.data


class SimulatedState:
    """The StateManager of one life of a node: from its start to its crash."""

    def __init__(
        self, disk: VirtualDisk, loop: VirtualLoop, run: Run, save_time_s: Callable[[], float], survives: Draw
    ) -> None:
        self._disk = disk
        self._loop = loop
        self._run = run
        self._save_time_s = save_time_s
        self._survives = survives
        self._under_way: Save | None = None
        self._timer: Timer | None = None

    def load(self) -> Saved | None:
        """What is on the disk."""
        return self._disk.read()

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Make `save` durable after a while, or fail."""
        assert self._under_way is None, "two saves at once"
        self._under_way = save
        self._timer = self._loop.call_later(self._save_time_s() * self._disk.slowness, self._complete, on_saved)

    def _complete(self, on_saved: OnSaved) -> None:
        disk = self._disk
        if self._loop.now < disk.stalled_until:
            self._timer = self._loop.call_at(disk.stalled_until, self._complete, on_saved)
        elif disk.failing:
            disk.failing = False
            self.crash()
            self._run("storage failed", on_saved, StorageFailed("the simulated disk failed"))
        else:
            self.close()
            self._run("saved", on_saved, None)

    def crash(self) -> bool:
        """The save under way is lost or kept whole, by chance; whether there was one."""
        was_under_way = self._under_way is not None
        if was_under_way and self._survives() >= KEPT_IN_A_CRASH:
            self._under_way = None
        self.close()
        return was_under_way

    def close(self) -> None:
        """Complete the save under way; afterwards nothing changes the disk."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._under_way is not None:
            save, self._under_way = self._under_way, None
            self._disk.write(save)
