"""The log in memory: terms, kinds and commands, column by column; the entry at index `i` stands in row `i - 1`."""

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate

from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind


class Log:
    """A sequence of entries with indexes from 1. Index 0, of term 0, is the place before the first (§3.5)."""

    __slots__ = ("_data", "_kinds", "_terms")

    def __init__(self, entries: Entries = NO_ENTRIES) -> None:
        self._terms = array("Q", entries.terms)
        self._kinds = bytearray(entries.kinds)
        self._data = list(entries.data)

    @property
    def last_index(self) -> int:
        """The index of the last entry; 0 where there is none."""
        return len(self._data)

    @property
    def last_term(self) -> int:
        """The term of the last entry; 0 where there is none."""
        return self._terms[-1] if self._terms else 0

    def term_at(self, index: int) -> int:
        """The term of the entry at `index`; 0 for index 0 and for an index after the last."""
        return self._terms[index - 1] if 0 < index <= len(self._terms) else 0

    def kind_at(self, index: int) -> EntryKind:
        """The kind of the entry at `index`, which must be in the log."""
        return EntryKind(self._kinds[index - 1])

    def holds(self, index: int, term: int) -> bool:
        """Whether the entry at `index` has `term`; the consistency check of AppendEntries (§3.5)."""
        return 0 <= index <= self.last_index and self.term_at(index) == term

    def is_up_to_date(self, last_log_index: int, last_log_term: int) -> bool:
        """Whether a log that ends so is at least as up-to-date as this one: by term first, then by index (§3.6.1)."""
        return (last_log_term, last_log_index) >= (self.last_term, self.last_index)

    def append(self, term: int, kind: EntryKind, data: bytes) -> int:
        """Add one entry; its index. `term` must not be below `last_term`."""
        self._terms.append(term)
        self._kinds.append(kind)
        self._data.append(data)
        return len(self._data)

    def extend(self, entries: Entries) -> None:
        """Add a run of entries after the last."""
        self._terms.extend(entries.terms)
        self._kinds.extend(entries.kinds)
        self._data.extend(entries.data)

    def truncate(self, index: int) -> None:
        """Drop the entries from `index` on, which must be at least 1; later reads of `last_index` give `index - 1`."""
        del self._terms[index - 1 :]
        del self._kinds[index - 1 :]
        del self._data[index - 1 :]

    def matching(self, prev_log_index: int, entries: Entries) -> int:
        """How many of `entries`, which follow `prev_log_index`, are in the log already, in the same terms (§3.5)."""
        ours = self._terms[prev_log_index : prev_log_index + len(entries)]
        if ours == entries.terms[: len(ours)]:
            return len(ours)
        return next(row for row, term in enumerate(ours) if term != entries.terms[row])

    def read(self, first: int, last: int) -> Entries:
        """The entries from `first` to `last`, both included, as far as they are in the log; `first` is at least 1."""
        rows = slice(first - 1, max(last, first - 1))
        return Entries(self._terms[rows], bytes(self._kinds[rows]), self._data[rows])

    def batch(self, first: int, max_entries: int, max_bytes: int) -> Entries:
        """The run from `first` on that one AppendEntries may carry; never empty where there is an entry at `first`."""
        data = self._data[first - 1 : first - 1 + max_entries]
        sizes = list(accumulate(map(len, data)))
        fitting = max(bisect_right(sizes, max_bytes), 1) if sizes else 0
        return self.read(first, first + fitting - 1)

    def entry(self, index: int) -> Entry:
        """The entry at `index`, which must be in the log."""
        return Entry(self._terms[index - 1], EntryKind(self._kinds[index - 1]), self._data[index - 1])

    def first_index_of(self, term: int) -> int:
        """The index of the first entry whose term is at least `term`; one after the last where there is none."""
        return bisect_left(self._terms, term) + 1

    def last_index_of(self, term: int) -> int:
        """The index of the last entry of exactly `term`; 0 where there is none."""
        index = bisect_right(self._terms, term)
        return index if self.term_at(index) == term else 0
