"""The judge on histories that a person can follow; `tests/properties/test_linearizability.py` has all the others."""

from math import inf

import pytest

from tfraft.simulator.history import History, Operation
from tfraft.simulator.linearizability import Situations, judge
from tfraft.simulator.models import State


def operation(name: str, argument: bytes | None, start: float, end: float, result: object = None) -> Operation:
    return Operation("c", (b"k",), name, argument, start, end, result)


def write(value: bytes, start: float, end: float = inf) -> Operation:
    return operation("SET", value, start, end, "OK")


def read(value: bytes | None, start: float, end: float) -> Operation:
    return operation("GET", None, start, end, value)


def test_a_read_after_a_write_sees_it() -> None:
    assert judge([write(b"1", 0, 1), read(b"1", 2, 3)]) is None


def test_a_stale_read_is_named_with_all_that_could_be_explained_before() -> None:
    first, second, stale = write(b"1", 0, 1), write(b"2", 2, 3), read(b"1", 4, 5)
    impossible = judge([stale, second, first, read(b"2", 6, 7)])
    assert impossible is not None
    assert impossible.operation is stale
    assert impossible.before == [first, second]


def test_a_lost_write_shows_in_the_next_read() -> None:
    assert judge([write(b"1", 0, 1), read(None, 2, 3)]) is not None


def test_what_overlaps_may_be_in_either_order() -> None:
    for seen in (b"1", b"2"):
        assert judge([write(b"1", 0, 10), write(b"2", 0, 10), read(seen, 11, 12)]) is None


def test_two_reads_do_not_go_back_in_time() -> None:
    """A write that overlaps both may be seen by the second alone, never by the first alone."""
    slow = write(b"2", 0, 10)
    assert judge([write(b"1", -2, -1), slow, read(b"1", 1, 2), read(b"2", 3, 4)]) is None
    assert judge([write(b"1", -2, -1), slow, read(b"2", 1, 2), read(b"1", 3, 4)]) is not None


def test_a_write_of_unknown_outcome_may_happen_late_or_never_but_once_only() -> None:
    lost = write(b"2", 0)
    assert judge([write(b"1", 0, 1), lost, read(b"1", 2, 3)]) is None
    assert judge([write(b"1", 0, 1), lost, read(b"1", 2, 3), read(b"2", 50, 51)]) is None
    gone = [write(b"1", 52, 53), read(b"1", 54, 55), read(b"2", 56, 57)]
    assert judge([lost, read(b"2", 50, 51), *gone]) is not None


def test_a_removal_that_found_something_needs_something_to_find() -> None:
    assert judge([operation("DEL", None, 0, 1, 1)]) is not None
    assert judge([write(b"1", 0), operation("DEL", None, 2, 3, 1)]) is None
    assert judge([write(b"1", 0), operation("DEL", None, 2, 3, 1), operation("DEL", None, 4, 5, 1)]) is not None


def test_keys_are_judged_apart() -> None:
    other = Operation("c", (b"other",), "GET", None, 4, 5, None)
    assert judge([write(b"1", 0, 1), other]) is None


def test_many_lost_answers_do_not_make_it_slow() -> None:
    """With 200 writes that may have happened or not there are 2^200 histories; the judge looks at few of them."""
    lost = [write(b"%d" % number, 0) for number in range(200)]
    removals = [operation("DEL", None, 2 * number + 1, 2 * number + 2, 1) for number in range(50)]
    assert judge([*lost, *removals]) is None


def test_of_two_situations_that_differ_in_lost_operations_the_one_that_used_fewer_is_kept() -> None:
    situations = Situations(unknown=frozenset([1, 2, 3]))
    state: State = b"x"
    assert situations.add((state, frozenset([1, 2])))
    assert not situations.add((state, frozenset([1, 2])))
    assert not situations.add((state, frozenset([1, 2, 3])))
    assert situations.add((state, frozenset([3])))
    assert situations.add((state, frozenset([1])))
    assert set(situations) == {(state, frozenset([3])), (state, frozenset([1]))}
    assert situations.add((state, frozenset([1, 9])))


@pytest.mark.parametrize("outcome", ["complete", "refused", "unknown"])
def test_a_history_keeps_what_happened_and_what_may_have_happened(outcome: str) -> None:
    now = [1.0]
    history = History(lambda: now[0])
    number = history.invoke("c1", (b"k",), "SET", b"v")
    now[0] = 2.0
    if outcome == "complete":
        history.complete(number, "OK")
    elif outcome == "refused":
        history.never_happened(number)
    expected = {
        "complete": [Operation("c1", (b"k",), "SET", b"v", 1.0, 2.0, "OK")],
        "refused": [],
        "unknown": [Operation("c1", (b"k",), "SET", b"v", 1.0, inf, None)],
    }
    assert history.operations == expected[outcome]
