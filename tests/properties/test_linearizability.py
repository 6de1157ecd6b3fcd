"""The judge of histories against a dumb one that tries every order, and against histories that are right by making."""

from itertools import permutations
from math import inf

from hypothesis import given, settings
from hypothesis import strategies as st

from tfraft.simulator.history import Operation
from tfraft.simulator.linearizability import judge, judge_key
from tfraft.simulator.models import HASH_FIELD, REGISTER, SET_MEMBER, Model, State

VALUES = [b"1", b"2"]
REGISTERS = st.one_of(
    st.tuples(st.just("SET"), st.sampled_from(VALUES), st.just("OK")),
    st.tuples(st.just("DEL"), st.none(), st.sampled_from([0, 1])),
    st.tuples(st.just("GET"), st.none(), st.sampled_from([None, *VALUES])),
)
FIELDS = st.one_of(
    st.tuples(st.just("HSET"), st.sampled_from(VALUES), st.sampled_from([0, 1])),
    st.tuples(st.just("HDEL"), st.none(), st.sampled_from([0, 1])),
    st.tuples(st.just("HGET"), st.none(), st.sampled_from([None, *VALUES])),
)
MEMBERS = st.one_of(
    st.tuples(st.just("SSET"), st.none(), st.sampled_from([0, 1])),
    st.tuples(st.just("SDEL"), st.none(), st.sampled_from([0, 1])),
    st.tuples(st.just("SHAS"), st.none(), st.booleans()),
)
TIMES = st.tuples(st.integers(0, 8), st.integers(0, 5), st.booleans())
"""When it is asked, how long it takes, and whether the answer is lost."""


def operations_of(
    drawn: list[tuple[tuple[str, bytes | None, object], tuple[int, int, bool]]],
) -> list[Operation]:
    """The history that was drawn, of one key."""
    return [
        Operation("c", (b"k",), name, argument, start, inf if lost else start + lasted, None if lost else result)
        for (name, argument, result), (start, lasted, lost) in drawn
    ]


def histories(commands: st.SearchStrategy[tuple[str, bytes | None, object]]) -> st.SearchStrategy[list[Operation]]:
    return st.lists(st.tuples(commands, TIMES), max_size=6).map(operations_of)


def is_linearizable(model: Model, operations: list[Operation]) -> bool:
    """The definition, word by word: some order of some of them respects time, and every known answer in it is right.

    Those that are known must all be in it."""
    known = [one for one in operations if one.is_known]
    unknown = [one for one in operations if not one.is_known]
    return any(
        respects_time(order) and answers_are_right(model, order)
        for taken in range(2 ** len(unknown))
        for order in permutations([*known, *(one for bit, one in enumerate(unknown) if taken >> bit & 1)])
    )


def respects_time(order: tuple[Operation, ...]) -> bool:
    return not any(
        later.completed_at < earlier.invoked_at for place, earlier in enumerate(order) for later in order[place + 1 :]
    )


def answers_are_right(model: Model, order: tuple[Operation, ...]) -> bool:
    state: State = None
    for operation in order:
        state, result = model.step(state, operation.name, operation.argument)
        if operation.is_known and result != operation.result:
            return False
    return True


@settings(max_examples=300)
@given(histories(REGISTERS))
def test_a_register_is_judged_as_the_definition_says(operations: list[Operation]) -> None:
    assert (judge_key(REGISTER, operations) is None) == is_linearizable(REGISTER, operations)


@settings(max_examples=200)
@given(histories(FIELDS))
def test_a_field_of_a_hash_is_judged_as_the_definition_says(operations: list[Operation]) -> None:
    assert (judge_key(HASH_FIELD, operations) is None) == is_linearizable(HASH_FIELD, operations)


@settings(max_examples=200)
@given(histories(MEMBERS))
def test_a_member_of_a_set_is_judged_as_the_definition_says(operations: list[Operation]) -> None:
    assert (judge_key(SET_MEMBER, operations) is None) == is_linearizable(SET_MEMBER, operations)


@given(st.lists(st.tuples(REGISTERS, st.floats(0, 1), st.floats(0, 1), st.floats(0, 1)), max_size=60))
def test_what_did_happen_in_one_place_is_never_called_impossible(
    drawn: list[tuple[tuple[str, bytes | None, object], float, float, float]],
) -> None:
    """Each operation takes effect at its own moment, the n-th at n, is asked up to 4 before and answered up to 4 after;
    one in five answers is lost."""
    state: State = None
    operations = []
    for moment, ((name, argument, _), before, after, lost) in enumerate(drawn):
        state, result = REGISTER.step(state, name, argument)
        end = inf if lost < 0.2 else moment + 4 * after
        operations.append(Operation("c", (b"k",), name, argument, moment - 4 * before, end, result))
    assert judge(operations) is None


@given(histories(REGISTERS))
def test_an_impossible_history_is_possible_without_its_last_answer(operations: list[Operation]) -> None:
    """What is reported is the first answer that cannot be explained: before it, everything could."""
    impossible = judge_key(REGISTER, operations)
    if impossible is not None:
        until = impossible.operation.completed_at
        cut = [
            one if one.completed_at < until else Operation(one.client, one.key, one.name, one.argument, one.invoked_at)
            for one in operations
            if one.invoked_at <= until
        ]
        assert judge_key(REGISTER, cut) is None
