"""Any sequence of commands gets the same replies from Redis and from us, and leaves the same state."""

from __future__ import annotations

from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.grammar_keys import FAMILIES, GRAMMAR, command
from tests.differential.pair import Pair
from tests.differential.real_redis import Command, Connection
from tests.differential.start import COMPARED, FURNISHED, NAMES


def sequences(names: list[bytes]) -> st.SearchStrategy[list[Command]]:
    """Sequences of these commands, half of them on keys that are there already."""
    known = [name for name in names if name in NAMES]
    few = st.lists(st.sampled_from(known).flatmap(command), max_size=10)
    # One list has five on average, whatever it may have at most, and could not shrink below what it must have.
    steps = st.tuples(few, few, few, few).map(lambda parts: list(chain.from_iterable(parts)))
    return st.tuples(st.sampled_from([[], FURNISHED]), steps).map(lambda parts: [*parts[0], *parts[1]])


ALL = sequences([*GRAMMAR])
# Commands of one family meet more often among themselves; those on keys need something to work on.
OF_FAMILY = {family: sequences([*table, *table, b"SET", b"HSET", b"SADD"]) for family, table in FAMILIES.items()}


@given(commands=ALL)
@settings(COMPARED, max_examples=150)
def test_any_sequence_is_answered_as_by_redis(redis: Connection, commands: list[Command]) -> None:
    Pair(redis).run_all(commands)


@pytest.mark.parametrize("family", FAMILIES)
def test_any_sequence_of_a_family_is_answered_as_by_redis(redis: Connection, family: str) -> None:
    @given(commands=OF_FAMILY[family])
    @settings(COMPARED, max_examples=60)
    def check(commands: list[Command]) -> None:
        Pair(redis).run_all(commands)

    check()


@pytest.mark.campaign
@given(commands=ALL)
@settings(COMPARED, max_examples=20_000, derandomize=False)
def test_thousands_of_sequences_are_answered_as_by_redis(redis: Connection, commands: list[Command]) -> None:
    Pair(redis).run_all(commands)
