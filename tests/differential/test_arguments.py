"""Each command, with every number of arguments, on every type of key, and in odd forms, is answered as by Redis."""

from __future__ import annotations

import shlex
from itertools import product

import pytest

from tests.differential.grammar_keys import FAMILIES, GRAMMAR
from tests.differential.lines import RIGHT, odd_lines
from tests.differential.pair import Pair
from tests.differential.real_redis import Command, Connection
from tests.differential.start import FURNISHED, NAMES

MOST_ARGUMENTS = 8
KEYS = ["s", "S", "h", "H", "t", "none"]


def words(line: str) -> Command:
    return [word.encode() for word in shlex.split(line)]


@pytest.fixture
def pair(redis: Connection) -> Pair:
    """Redis and we, with keys of each type."""
    pair = Pair(redis)
    for command in FURNISHED:
        pair.run(command)
    return pair


commands = pytest.mark.parametrize("name", RIGHT)


@commands
def test_a_command_takes_as_many_arguments_as_in_redis(pair: Pair, name: str) -> None:
    for word, count in product([b"4102444800000", b"x", b"s"], range(MOST_ARGUMENTS)):
        pair.run([name.encode(), *[word] * count])
    pair.compare_states()


@commands
def test_a_command_meets_each_type_as_in_redis(redis: Connection, name: str) -> None:
    """The type of each key, and whether there is one, decide as they do in Redis; an error changes nothing."""
    for key, other in product(KEYS, KEYS if "{other}" in RIGHT[name] else [""]):
        Pair(redis).run_all([*FURNISHED, words(RIGHT[name].format(key=key, other=other))])


@commands
def test_a_command_in_odd_forms_is_answered_as_by_redis(pair: Pair, name: str) -> None:
    for line in odd_lines(name):
        pair.run(words(line))
    pair.compare_states()


@pytest.mark.parametrize("line", ["NOPE", "nope a b", f"NOPE {'a' * 200} b", f"{'N' * 200} x", "'a\nb' 'c\r\nd'", "''"])
def test_what_is_no_command_is_answered_as_by_redis(pair: Pair, line: str) -> None:
    pair.run(words(line))


def test_every_command_of_the_string_hash_and_set_families_is_there(redis: Connection) -> None:
    """All that Redis has in these groups, and the commands on keys that are listed here, are ours, too."""
    asked = {name.decode() for table in FAMILIES.values() for name in table}
    docs = {name.text: dict(about.pairs()) for name, about in redis.call([b"COMMAND", b"DOCS"]).pairs()}
    group = next(key for about in docs.values() for key in about if key.text == b"group")
    of_redis = {
        name.decode().upper() for name, about in docs.items() if about[group].text in (b"string", b"hash", b"set")
    }
    assert of_redis <= asked
    assert asked == set(RIGHT)
    assert set(GRAMMAR) - NAMES == set()
