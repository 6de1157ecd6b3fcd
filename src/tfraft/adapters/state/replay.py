"""The state that saves leave, one after the other; no I/O.

The columns grow in place: a save costs what it brings and takes away, not what is there already.
"""

from array import array

from tfraft.core.base import NO_BASE, Base
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries


class Replay:
    """Begins with a log that is empty and begins after `base`."""

    def __init__(self, base: Base = NO_BASE) -> None:
        self.base = base
        self.current_term = 0
        self.voted_for: ServerId | None = None
        self._terms = array("Q")
        self._kinds = bytearray()
        self._data: list[bytes] = []

    @property
    def last_index(self) -> int:
        """The index of the last entry; that of the base where there is none."""
        return self.base.index + len(self._data)

    def apply(self, save: Save) -> None:
        """Take over what `save` says; entries that are not above the base are left out (PITFALLS 37)."""
        self.current_term = save.current_term
        self.voted_for = save.voted_for
        if save.base is not None:
            self.base = save.base
            self._cut(0)
        if save.first_index:
            entries, kept = save.entries, save.first_index - self.base.index - 1
            if kept != len(self._data):
                assert kept < len(self._data), f"a gap in the log: {self.last_index} entries, then {save.first_index}"
                entries = entries.skip(max(0, -kept))
                self._cut(max(0, kept))
            self._terms.extend(entries.terms)
            self._kinds += entries.kinds
            self._data += entries.data

    def trim(self, base: Base) -> None:
        """Let the log begin after `base`, and keep what is above it; one that is not above the base is ignored."""
        dropped = base.index - self.base.index
        if dropped > 0:
            self.base = base
            del self._terms[:dropped], self._kinds[:dropped], self._data[:dropped]

    def saved(self) -> Saved:
        """A copy of the state; the bytes of the entries are shared."""
        entries = Entries(self._terms[:], bytes(self._kinds), self._data[:])
        return Saved(self.current_term, self.voted_for, self.base, entries)

    def _cut(self, kept: int) -> None:
        if kept < len(self._data):
            del self._terms[kept:], self._kinds[kept:], self._data[kept:]
