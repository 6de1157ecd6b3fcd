"""The simulated disk of one server, record by record: a save takes time, and a crash loses it or keeps it whole.

The disk outlives the node. The oracles read it: what a server claims to have saved must be here.
"""

from array import array
from collections import deque
from collections.abc import Callable
from copy import copy
from typing import Final, Protocol

from tfraft.core.base import NO_BASE, Base, Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries
from tfraft.errors import StorageFailed
from tfraft.ports import OnSaved
from tfraft.simulator.chance import Draw
from tfraft.simulator.clock import Run
from tfraft.simulator.loop import Timer, VirtualLoop
from tfraft.simulator.violation import Violation

KEPT_IN_A_CRASH: Final = 0.5
"""How likely a save that is under way is on disk after a crash or an error."""


class Watcher(Protocol):
    """Is shown everything just before it changes a disk, and objects where it must not."""

    def before_write(self, disk: "VirtualDisk", save: Save) -> None: ...

    def before_trim(self, disk: "VirtualDisk", base: Base) -> None: ...

    def before_snapshot(self, disk: "VirtualDisk", snapshot: Snapshot) -> None: ...


class VirtualDisk:
    """What one server has saved, column by column, its latest snapshot, and how its device behaves now."""

    def __init__(self, server_id: ServerId, watcher: Watcher) -> None:
        self.server_id = server_id
        self.current_term = 0
        self.voted_for: ServerId | None = None
        self.base = NO_BASE
        self.snapshot: Snapshot | None = None
        self.snapshot_data = b""
        self.votes: dict[int, ServerId] = {}
        """Every vote that was ever on this disk, by term: what was promised once may be counted later."""
        self.past: list[VirtualDisk] = []
        """What it was when it lost what it held, once for each time; nothing changes there any more."""
        self.slowness = 1.0
        """How many times longer than usual everything takes."""
        self.stalled_until = 0.0
        """Nothing completes before this time."""
        self.failing = False
        """Whether what is under way, or comes next, ends in an error."""
        self.incarnation = 0
        """How often it has lost what it held."""
        self.repairing = False
        self._watcher = watcher
        self._written = False
        self._terms = array("Q")
        self._kinds = bytearray()
        self._data: list[bytes] = []

    def as_of(self, incarnation: int) -> "VirtualDisk":
        """What it held in this incarnation: now, or when it lost that."""
        return self if incarnation == self.incarnation else self.past[incarnation]

    def heal(self) -> None:
        """Afterwards the device is as good and as fast as a new one."""
        self.slowness = 1.0
        self.stalled_until = 0.0
        self.failing = False

    @property
    def last_index(self) -> int:
        """The index of the last entry of the log on disk, or of its base where there is none."""
        return self.base.index + len(self._data)

    @property
    def covered(self) -> int:
        """Through this index the state is on disk in a snapshot, whatever the log has."""
        return max(self.base.index, self.snapshot.base.index if self.snapshot else 0)

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`, or of the base; 0 below the base and after the last entry."""
        row = index - self.base.index
        if row <= 0:
            return self.base.term if row == 0 else 0
        return self._terms[row - 1] if row <= len(self._terms) else 0

    def read(self) -> Saved | None:
        """A copy of what is saved; None where nothing ever was."""
        if not self._written:
            return None
        entries = Entries(self._terms[:], bytes(self._kinds), self._data[:])
        return Saved(self.current_term, self.voted_for, self.base, entries, self.incarnation, self.repairing)

    def write(self, save: Save) -> None:
        """Take over `save`, as `Save` says."""
        self._watcher.before_write(self, save)
        self._written = True
        self.current_term = save.current_term
        self.voted_for = save.voted_for
        if save.voted_for is not None:
            self.votes[save.current_term] = save.voted_for
        if save.base is not None:
            self.base = save.base
            del self._terms[:], self._kinds[:], self._data[:]
        if save.first_index:
            kept = save.first_index - 1 - self.base.index
            if not 0 <= kept <= len(self._data):
                facts = f"a log from {self.base.index} to {self.last_index} cannot go on at {save.first_index}"
                raise Violation("a log has no gaps", f"{self.server_id}: {facts}")
            del self._terms[kept:], self._kinds[kept:], self._data[kept:]
            self._terms.extend(save.entries.terms)
            self._kinds += save.entries.kinds
            self._data += save.entries.data

    def trim(self, base: Base) -> None:
        """Let the log begin after `base`; one that is not above the base changes nothing."""
        if base.index <= self.base.index:
            return
        self._watcher.before_trim(self, base)
        rows = base.index - self.base.index
        del self._terms[:rows], self._kinds[:rows], self._data[:rows]
        self.base = base

    def lose(self) -> None:
        """All that was on the disk is damaged and put aside; it begins anew, and says so."""
        self.past.append(copy(self))
        self.current_term, self.voted_for, self.votes = 0, None, {}
        self.base, self.snapshot, self.snapshot_data = NO_BASE, None, b""
        self._terms, self._kinds, self._data = array("Q"), bytearray(), []
        self.incarnation += 1
        self._written = self.repairing = True

    def keep(self, snapshot: Snapshot, data: bytes) -> None:
        """Let `snapshot`, whose bytes are `data`, be the latest."""
        self._watcher.before_snapshot(self, snapshot)
        self.snapshot = snapshot
        self.snapshot_data = data


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
        self._under_way: deque[tuple[Save | Base, OnSaved]] = deque()
        """Saves, and bases to trim to, in the order in which they came."""
        self._timer: Timer | None = None

    @property
    def trims(self) -> bool:
        """Whether the log on disk is about to be trimmed."""
        return any(isinstance(work, Base) for work, _ in self._under_way)

    def load(self) -> Saved | None:
        """What is on the disk."""
        return self._disk.read()

    def save(self, save: Save, on_saved: OnSaved) -> None:
        """Make `save` durable after a while, or fail."""
        assert not any(isinstance(work, Save) for work, _ in self._under_way), "two saves at once"
        self._put(save, on_saved)

    def trim(self, base: Base, on_trimmed: OnSaved) -> None:
        """Let the log on disk begin after `base` after a while, or fail."""
        self._put(base, on_trimmed)

    def _put(self, work: Save | Base, on_saved: OnSaved) -> None:
        self._under_way.append((work, on_saved))
        if len(self._under_way) == 1:
            self._begin()

    def _begin(self) -> None:
        self._timer = self._loop.call_later(self._save_time_s() * self._disk.slowness, self._complete)

    def _complete(self) -> None:
        disk = self._disk
        if self._loop.now < disk.stalled_until:
            self._timer = self._loop.call_at(disk.stalled_until, self._complete)
            return
        work, on_saved = self._under_way[0]
        if disk.failing:
            disk.failing = False
            self.crash()
            self._run("failed", on_saved, StorageFailed("the simulated disk failed"))
            return
        self._under_way.popleft()
        self._carry_out(work)
        if self._under_way:
            self._begin()
        self._run("saved" if isinstance(work, Save) else "trimmed", on_saved, None)

    def _carry_out(self, work: Save | Base) -> None:
        if isinstance(work, Save):
            self._disk.write(work)
        else:
            self._disk.trim(work)

    def crash(self) -> bool:
        """What is under way is lost, from some point on, by chance; whether there was anything."""
        was_under_way = bool(self._under_way)
        while self._under_way and self._survives() < KEPT_IN_A_CRASH:
            self._carry_out(self._under_way.popleft()[0])
        self._under_way.clear()
        self.close()
        return was_under_way

    def repaired(self) -> None:
        """The disk has again what it had lost."""
        self._disk.repairing = False

    def close(self) -> None:
        """Complete what is under way; afterwards nothing changes the disk."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._under_way:
            self._carry_out(self._under_way.popleft()[0])
