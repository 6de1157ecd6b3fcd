"""The entries of the log, and runs of them.

A run of entries is kept column by column: an array of terms, a string of kinds, a list of `bytes`. A log of a million
entry objects costs the garbage collector 130 to 200 ms a pass, which is long enough to lose a leadership; three
columns cost it nothing. `Entry` is the view of one row.
"""

from array import array
from collections.abc import Iterable, Iterator
from enum import IntEnum

from tfraft.record import record


class EntryKind(IntEnum):
    """What an entry asks for once it is committed."""

    COMMAND = 0
    """Apply `data` to the state machine."""
    NO_OP = 1
    """Nothing: a leader's first entry, which commits all before it (§3.6.2, §6.4)."""
    CONFIGURATION = 2
    """The cluster is now the configuration in `data`; in force from the moment it is appended (§4.1)."""
    REGISTER_CLIENT = 3
    """A session begins; its client id is the index of this entry (§6.3)."""


@record
class Entry:
    """One entry: the term in which a leader received it, its kind and its bytes. Its index is its place in the log."""

    term: int
    kind: EntryKind
    data: bytes = b""


class Entries:
    """A run of consecutive entries, column by column; a value: nobody changes it once it is made.

    `terms`, `kinds` and `data` have equal length; `terms` never falls from one entry to the next."""

    __slots__ = ("data", "kinds", "terms")

    def __init__(self, terms: "array[int]", kinds: bytes, data: list[bytes]) -> None:
        self.terms = terms
        self.kinds = kinds
        self.data = data

    @classmethod
    def of(cls, *entries: Entry) -> "Entries":
        """The run that holds `entries` in this order."""
        return cls.from_rows(entries)

    @classmethod
    def from_rows(cls, rows: Iterable[Entry]) -> "Entries":
        """The run that holds `rows` in this order."""
        rows = list(rows)
        return cls(
            array("Q", [row.term for row in rows]),
            bytes([row.kind for row in rows]),
            [row.data for row in rows],
        )

    def __len__(self) -> int:
        return len(self.data)

    def __iter__(self) -> Iterator[Entry]:
        return map(Entry, self.terms, map(EntryKind, self.kinds), self.data)

    def __getitem__(self, position: int) -> Entry:
        return Entry(self.terms[position], EntryKind(self.kinds[position]), self.data[position])

    def skip(self, count: int) -> "Entries":
        """The run without its first `count` entries."""
        return Entries(self.terms[count:], self.kinds[count:], self.data[count:]) if count else self

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Entries)
            and self.terms == other.terms
            and self.kinds == other.kinds
            and self.data == other.data
        )

    def __hash__(self) -> int:
        return hash((self.kinds, tuple(self.data)))

    def __repr__(self) -> str:
        return f"Entries.of({', '.join(map(repr, self))})"


NO_ENTRIES = Entries(array("Q"), b"", [])
