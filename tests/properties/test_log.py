"""Property: the log, column by column, is a list of entries."""

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


def log_of(rows: list[Row]) -> Log:
    """The log that holds `rows`."""
    return Log(Entries.from_rows(rows))


class LogAgainstList(RuleBasedStateMachine):
    """Whatever is done to a log is done to a list as well; what the one says the other says."""

    def __init__(self) -> None:
        super().__init__()
        self.log = Log()
        self.rows: list[Row] = []

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

    @precondition(lambda self: self.rows)
    @rule(part=st.floats(0, 1))
    def truncate(self, part: float) -> None:
        """The end is cut off."""
        index = 1 + round(part * (len(self.rows) - 1))
        del self.rows[index - 1 :]
        self.log.truncate(index)

    @invariant()
    def ends_where_the_list_ends(self) -> None:
        """lastLogIndex and lastLogTerm."""
        assert self.log.last_index == len(self.rows)
        assert self.log.last_term == self.last_term

    @invariant()
    def holds_what_the_list_holds(self) -> None:
        """Every row by itself, and around the ends."""
        for index, row in enumerate(self.rows, 1):
            assert self.log.entry(index) == row
            assert self.log.term_at(index) == row.term
            assert self.log.kind_at(index) == row.kind
        assert self.log.term_at(0) == self.log.term_at(len(self.rows) + 1) == 0


TestLogAgainstList = LogAgainstList.TestCase


@given(rows=runs(), first=st.integers(1, 10), last=st.integers(-1, 12))
def test_read_is_a_slice(rows: list[Row], first: int, last: int) -> None:
    """Both ends included, as far as they are in the log."""
    expected = [row for index, row in enumerate(rows, 1) if first <= index <= last]
    assert list(log_of(rows).read(first, last)) == expected


@given(rows=runs(), first=st.integers(1, 10), max_entries=st.integers(0, 5), max_bytes=st.integers(1, 12))
def test_a_batch_is_the_longest_run_within_both_limits(
    rows: list[Row], first: int, max_entries: int, max_bytes: int
) -> None:
    """And one entry at least, where one may go at all: a single larger command still goes, alone."""
    expected: list[Row] = []
    for row in rows[first - 1 :]:
        too_large = sum(len(other.data) for other in [*expected, row]) > max_bytes
        if len(expected) == max_entries or (expected and too_large):
            break
        expected.append(row)
    assert list(log_of(rows).batch(first, max_entries, max_bytes)) == expected


@given(rows=runs(), term=st.integers(0, 7))
def test_the_first_and_last_index_of_a_term(rows: list[Row], term: int) -> None:
    """§3.5: the conflict skips a whole term."""
    log = log_of(rows)
    at_least = [index for index, row in enumerate(rows, 1) if row.term >= term]
    exactly = [index for index, row in enumerate(rows, 1) if row.term == term]
    assert log.first_index_of(term) == (at_least[0] if at_least else len(rows) + 1)
    assert log.last_index_of(term) == (exactly[-1] if exactly else 0)


@given(rows=runs(), index=st.integers(-1, 10), term=st.integers(0, 7))
def test_holds_is_the_consistency_check(rows: list[Row], index: int, term: int) -> None:
    """§3.5: an entry of this index and term is there; index 0 of term 0 always is."""
    places = {(0, 0)} | {(index, row.term) for index, row in enumerate(rows, 1)}
    assert log_of(rows).holds(index, term) == ((index, term) in places)


@given(rows=runs(), index=st.integers(0, 10), term=st.integers(0, 7))
def test_up_to_date_is_by_term_then_by_length(rows: list[Row], index: int, term: int) -> None:
    """§3.6.1, word for word."""
    last_term = rows[-1].term if rows else 0
    if term != last_term:
        expected = term > last_term
    else:
        expected = index >= len(rows)
    assert log_of(rows).is_up_to_date(index, term) == expected


@given(rows=runs(), theirs=runs(), part=st.floats(0, 1))
def test_matching_counts_the_leading_entries_of_equal_term(rows: list[Row], theirs: list[Row], part: float) -> None:
    """§3.5: what is there already; up to the first that differs or is not there."""
    prev_log_index = round(part * len(rows))
    expected = 0
    for ours, entry in zip(rows[prev_log_index:], theirs, strict=False):
        if ours.term != entry.term:
            break
        expected += 1
    assert log_of(rows).matching(prev_log_index, Entries.from_rows(theirs)) == expected


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
