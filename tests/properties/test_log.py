"""Property: the log, column by column, is a list of entries whose beginning may be compacted away."""

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.servers import joined
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.log import Log

Row = Entry

kinds = st.sampled_from(EntryKind)
data = st.binary(max_size=5)


@st.composite
def runs(draw: st.DrawFn, least_term: int = 1, max_size: int = 8) -> list[Row]:
    """Entries whose terms never fall."""
    terms = sorted(draw(st.lists(st.integers(least_term, least_term + 4), max_size=max_size)))
    return [Entry(term, draw(kinds), draw(data)) for term in terms]


@st.composite
def places(draw: st.DrawFn) -> tuple[list[Row], int]:
    """Entries, and how many of them are compacted away."""
    rows = draw(runs())
    return rows, draw(st.integers(0, len(rows)))


def log_of(rows: list[Row], base: int = 0) -> Log:
    """The log of `rows`, of which those through `base` are compacted away."""
    log = Log(Entries.from_rows(rows))
    if base:
        log.compact(base)
    return log


class LogAgainstList(RuleBasedStateMachine):
    """Whatever is done to a log is done to a list as well; what the one says the other says."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.rows: list[Row] = []
        self.base = 0

    @property
    def last_term(self) -> int:
        """The term of the last row."""
        return self.rows[-1].term if self.rows else 0

    @rule(step=st.integers(0, 2), kind=kinds, command=data)
    def append(self, step: int, kind: EntryKind, command: bytes) -> None:
        """One entry more."""
        self.rows.append(Entry(self.last_term + step, kind, command))
        assert self.log.append(self.rows[-1].term, kind, command) == len(self.rows)

    @rule(rows=runs())
    def extend(self, rows: list[Row]) -> None:
        """A run more."""
        later = [Entry(row.term + self.last_term, row.kind, row.data) for row in rows]
        self.rows.extend(later)
        self.log.extend(Entries.from_rows(later))

    @precondition(lambda self: len(self.rows) > self.base)
    @rule(part=st.floats(0, 1))
    def truncate(self, part: float) -> None:
        """The end is cut off."""
        index = self.base + 1 + round(part * (len(self.rows) - self.base - 1))
        del self.rows[index - 1 :]
        self.log.truncate(index)

    @precondition(lambda self: len(self.rows) > self.base)
    @rule(part=st.floats(0, 1))
    def compact(self, part: float) -> None:
        """The beginning is in a snapshot."""
        self.base += 1 + round(part * (len(self.rows) - self.base - 1))
        self.log.compact(self.base)

    @rule(steps=st.integers(0, 5), term_steps=st.integers(0, 2))
    def reset(self, steps: int, term_steps: int) -> None:
        """All of it is in a leader's snapshot, which goes further."""
        entry = Entry(self.last_term + term_steps, EntryKind.NO_OP)
        self.rows.extend([entry] * steps)
        self.base = len(self.rows)
        self.log.reset(self.base, self.last_term)

    @invariant()
    def ends_where_the_list_ends(self) -> None:
        """lastLogIndex and lastLogTerm."""
        assert self.log.last_index == len(self.rows)
        assert self.log.last_term == self.last_term

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        """Every row by itself, and around the ends."""
        for index, row in enumerate(self.rows[self.base :], self.base + 1):
            assert self.log.entry(index) == row
            assert self.log.term_at(index) == row.term
            assert self.log.kind_at(index) == row.kind
        assert self.log.term_at(self.base) == self.log.base_term
        assert self.log.term_at(self.base - 1) == self.log.term_at(len(self.rows) + 1) == 0
        assert self.log.size_bytes(self.base + 1, len(self.rows)) == sum(
            len(row.data) for row in self.rows[self.base :]
        )


TestLogAgainstList = LogAgainstList.TestCase


@given(place=places(), first=st.integers(1, 10), last=st.integers(-1, 12))
def test_read_is_a_slice(place: tuple[list[Row], int], first: int, last: int) -> None:
    """Both ends included, as far as they are in the log."""
    rows, base = place
    expected = [row for index, row in enumerate(rows, 1) if first <= index <= last and index > base]
    assert list(log_of(rows, base).read(first, last)) == expected


@given(place=places(), offset=st.integers(1, 10), max_entries=st.integers(0, 5), max_bytes=st.integers(1, 12))
def test_a_batch_is_the_longest_run_within_both_limits(
    place: tuple[list[Row], int], offset: int, max_entries: int, max_bytes: int
) -> None:
    """And one entry at least, where one may go at all: a single larger command still goes, alone."""
    rows, base = place
    first = base + offset
    expected: list[Row] = []
    for row in rows[first - 1 :]:
        too_large = sum(len(other.data) for other in [*expected, row]) > max_bytes
        if len(expected) == max_entries or (expected and too_large):
            break
        expected.append(row)
    assert list(log_of(rows, base).batch(first, max_entries, max_bytes)) == expected


@given(place=places(), term=st.integers(0, 7))
def test_the_first_and_last_index_of_a_term(place: tuple[list[Row], int], term: int) -> None:
    """§3.5: the conflict skips a whole term; the term of the base is known, and its index is shared by all."""
    rows, base = place
    log = log_of(rows, base)
    at_least = [index for index, row in enumerate(rows, 1) if row.term >= term and index > base]
    exactly = [index for index, row in enumerate(rows, 1) if row.term == term and index >= base]
    assert log.first_index_of(term) == (at_least[0] if at_least else len(rows) + 1)
    assert log.last_index_of(term) == (exactly[-1] if exactly else 0)


@given(place=places(), index=st.integers(0, 10), term=st.integers(0, 7))
def test_holds_is_the_consistency_check(place: tuple[list[Row], int], index: int, term: int) -> None:
    """§3.5: an entry of this index and term is there; index 0 of term 0 always is, and what is compacted away, too."""
    rows, base = place
    there = {(0, 0)} | {(index, row.term) for index, row in enumerate(rows, 1)}
    assert log_of(rows, base).holds(index, term) == (index < base or (index, term) in there)


@given(rows=runs(), index=st.integers(0, 10), term=st.integers(0, 7))
def test_up_to_date_is_by_term_then_by_length(rows: list[Row], index: int, term: int) -> None:
    """§3.6.1, word for word."""
    last_term = rows[-1].term if rows else 0
    if term != last_term:
        expected = term > last_term
    else:
        expected = index >= len(rows)
    assert log_of(rows).is_up_to_date(index, term) == expected


@given(place=places(), others=runs(), part=st.floats(0, 1))
def test_matching_counts_the_leading_entries_of_equal_term(
    place: tuple[list[Row], int], others: list[Row], part: float
) -> None:
    """§3.5: what is there already; up to the first that differs or is not there. What is compacted away is equal."""
    rows, base = place
    prev_log_index = round(part * len(rows))
    theirs = rows[prev_log_index:base] + others
    expected = 0
    for ours, entry in zip(rows[prev_log_index:], theirs, strict=False):
        if ours.term != entry.term:
            break
        expected += 1
    assert log_of(rows, base).matching(prev_log_index, Entries.from_rows(theirs)) == expected


@given(rows=runs(), more=runs(least_term=9))
def test_a_log_is_not_changed_through_what_it_was_made_of(rows: list[Row], more: list[Row]) -> None:
    """A run is a value: the log keeps columns of its own."""
    source = Entries.from_rows(rows)
    log = Log(source)
    read = log.read(1, len(rows))
    log.extend(Entries.from_rows(more))
    log.truncate(1)
    assert list(source) == list(read) == rows
    assert joined(source, read) == Entries.from_rows([*rows, *rows])
