"""The log in memory: terms, kinds and commands, column by column, after a base whose entries are compacted away."""

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate

from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind


class Log:
    """A sequence of entries that follow the base: the entry at index `i` stands in row `i - base_index - 1`.

    Indexes start at 1; a log that has all its entries has the base 0, of term 0 (§3.5). What stands at the base or
    below it is committed, and so is the same in the log of every leader (§5.1)."""

    __slots__ = ("_data", "_kinds", "_terms", "base_index", "base_term")

    def __init__(self, entries: Entries = NO_ENTRIES, base_index: int = 0, base_term: int = 0) -> None:
        self.base_index = base_index
        self.base_term = base_term
        self._terms = array("Q", entries.terms)
        self._kinds = bytearray(entries.kinds)
        self._data = list(entries.data)

    @property
    def last_index(self) -> int:
        """The index of the last entry, or of the base where there is none."""
        return self.base_index + len(self._data)

    @property
    def last_term(self) -> int:
        """The term of the last entry, or of the base where there is none."""
        return self._terms[-1] if self._terms else self.base_term

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`, or of the base; 0 for an index below the base or after the last entry."""
        row = index - self.base_index
        if row <= 0:
            return self.base_term if row == 0 else 0
        return self._terms[row - 1] if row <= len(self._terms) else 0

    def kind_at(self, index: int) -> EntryKind:
        """The kind of the entry at `index`, which must be in the log."""
        return EntryKind(self._kinds[self._row(index)])

    def holds(self, index: int, term: int) -> bool:
        """Whether the entry at `index` has `term`, for a leader who says so: the check of AppendEntries (§3.5).

        Below the base it must: every leader has all that is committed."""
        return index < self.base_index or (index <= self.last_index and self.term_at(index) == term)

    def is_up_to_date(self, last_log_index: int, last_log_term: int) -> bool:
        """Whether a log that ends so is at least as up-to-date as this one: by term first, then by index (§3.6.1)."""
        return (last_log_term, last_log_index) >= (self.last_term, self.last_index)

    def append(self, term: int, kind: EntryKind, data: bytes) -> int:
        """Add one entry; its index. `term` must not be below `last_term`."""
        self._terms.append(term)
        self._kinds.append(kind)
        self._data.append(data)
        return self.base_index + len(self._data)

    def extend(self, entries: Entries) -> None:
        """Add a run of entries after the last."""
        self._terms.extend(entries.terms)
        self._kinds.extend(entries.kinds)
        self._data.extend(entries.data)

    def truncate(self, index: int) -> None:
        """Drop the entries from `index` on, which is above the base; the last index is `index - 1` afterwards."""
        row = self._row(index)
        del self._terms[row:], self._kinds[row:], self._data[row:]

    def compact(self, index: int) -> None:
        """Make `index`, which is in the log, the base; the entries through it are gone (§5.1)."""
        self.base_index, self.base_term, rows = index, self.term_at(index), index - self.base_index
        del self._terms[:rows], self._kinds[:rows], self._data[:rows]

    def reset(self, base_index: int, base_term: int) -> None:
        """Drop all entries; the next one follows this base."""
        self.base_index, self.base_term = base_index, base_term
        del self._terms[:], self._kinds[:], self._data[:]

    def matching(self, prev_log_index: int, entries: Entries) -> int:
        """How many of `entries`, which follow `prev_log_index`, are here already, in the same terms (§3.5).

        Those at the base and below it are: they are committed."""
        compacted = min(max(self.base_index - prev_log_index, 0), len(entries))
        row = max(prev_log_index - self.base_index, 0)
        theirs = entries.terms[compacted:]
        ours = self._terms[row : row + len(theirs)]
        if ours == theirs[: len(ours)]:
            return compacted + len(ours)
        return compacted + next(place for place, term in enumerate(ours) if term != theirs[place])

    def read(self, first: int, last: int) -> Entries:
        """The entries from `first` to `last`, both included, as far as they are in the log."""
        row = max(self._row(first), 0)
        rows = slice(row, max(last - self.base_index, row))
        return Entries(self._terms[rows], bytes(self._kinds[rows]), self._data[rows])

    def size_bytes(self, first: int, last: int) -> int:
        """How many bytes of data the entries from `first` to `last` have."""
        return sum(map(len, self._data[self._row(first) : last - self.base_index]))

    def batch(self, first: int, max_entries: int, max_bytes: int) -> Entries:
        """The run from `first` on that one AppendEntries may carry; never empty where there is an entry at `first`."""
        row = self._row(first)
        sizes = list(accumulate(map(len, self._data[row : row + max_entries])))
        fitting = max(bisect_right(sizes, max_bytes), 1) if sizes else 0
        return self.read(first, first + fitting - 1)

    def entry(self, index: int) -> Entry:
        """The entry at `index`, which must be in the log."""
        row = self._row(index)
        return Entry(self._terms[row], EntryKind(self._kinds[row]), self._data[row])

    def first_index_of(self, term: int) -> int:
        """The index of the first entry here whose term is at least `term`; one after the last where there is none."""
        return self.base_index + bisect_left(self._terms, term) + 1

    def last_index_of(self, term: int) -> int:
        """The index of the last entry of exactly `term`, which may be the base; 0 where there is none."""
        index = self.base_index + bisect_right(self._terms, term)
        return index if self.term_at(index) == term else 0

    def _row(self, index: int) -> int:
        return index - self.base_index - 1
