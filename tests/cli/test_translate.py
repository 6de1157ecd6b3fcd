"""From words to a command of the store."""

import pytest

from tfraft.cli.suggest import nearest, unknown_command
from tfraft.cli.tokens import split
from tfraft.cli.translate import to_store_command
from tfraft.errors import CommandError
from tfraft.store import MAX_KEY_BYTES, MAX_VALUE_BYTES


@pytest.mark.parametrize(
    ("line", "args"),
    [
        ("SET Key Value", [b"SET", b"Key", b"Value"]),
        ("set Key Value", [b"SET", b"Key", b"Value"]),
        ("SeT url http://a:8080", [b"SET", b"url", b"http://a:8080"]),
        ("HSET u name:Ada site:https://a.b/c", [b"HSET", b"u", b"name", b"Ada", b"site", b"https://a.b/c"]),
        ("hset u name Ada site https://a.b/c", [b"HSET", b"u", b"name", b"Ada", b"site", b"https://a.b/c"]),
        ('HSET u "first name:Ada L." empty:', [b"HSET", b"u", b"first name", b"Ada L.", b"empty", b""]),
        ("DEL a b c", [b"DEL", b"a", b"b", b"c"]),
        ("DBSIZE", [b"DBSIZE"]),
    ],
)
def test_words_make_a_command_in_capitals_with_its_arguments_as_typed(line: str, args: list[bytes]) -> None:
    command = to_store_command(split(line))
    assert command is not None
    assert command.args == args


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("APPEND k", "APPEND command requires key and value arguments, not 1. Usage: APPEND key value"),
        (
            "APPEND k two words",
            "APPEND command requires key and value arguments, not 3. Usage: APPEND key value"
            '   (words that belong together go in quotes: "two words")',
        ),
        ("GET", "GET command requires a key argument, not 0. Usage: GET key"),
        ("DEL", "DEL command requires a key argument, not 0. Usage: DEL key [key …]"),
        ("HGET h", "HGET command requires hash and field arguments, not 1. Usage: HGET hash field"),
        ("HDEL h", "HDEL command requires hash and field arguments, not 1. Usage: HDEL hash field [field …]"),
        ("SSET s", "SSET command requires set and value arguments, not 1. Usage: SSET set value [value …]"),
        ("SHAS s", "SHAS command requires set and value arguments, not 1. Usage: SHAS set value"),
        ("SDEL s", "SDEL command requires set and value arguments, not 1. Usage: SDEL set value [value …]"),
        ("DBSIZE now", "DBSIZE command takes no arguments, not 1. Usage: DBSIZE"),
    ],
)
def test_a_wrong_number_of_arguments_is_told_with_the_usage(line: str, told: str) -> None:
    with pytest.raises(CommandError) as error:
        to_store_command(split(line))
    assert str(error.value) == told


@pytest.mark.parametrize("line", ["HSET", "HSET u", "HSET u name", "HSET u a:1 b c"])
def test_an_hset_in_neither_form_is_shown_both(line: str) -> None:
    with pytest.raises(CommandError, match=r"HSET user name:Ada {2}or {2}HSET user name Ada"):
        to_store_command(split(line))


def test_a_word_that_is_no_command_of_the_store_is_none() -> None:
    assert to_store_command([b"SETT", b"a", b"1"]) is None


@pytest.mark.parametrize(
    ("words", "limit"),
    [
        ([b"SET", b"k", bytes(MAX_VALUE_BYTES + 1)], "a value .* 8,388,608 bytes"),
        ([b"SET", bytes(MAX_KEY_BYTES + 1), b"v"], "a key .* 65,536 bytes"),
    ],
)
def test_what_is_over_a_limit_is_refused_with_the_limit(words: list[bytes], limit: str) -> None:
    with pytest.raises(CommandError, match=limit):
        to_store_command(words)


def test_a_value_at_the_limit_is_taken() -> None:
    command = to_store_command([b"SET", b"k", bytes(MAX_VALUE_BYTES)])
    assert command is not None
    assert command.keys == [b"k"]


USAGES = {"SET": "SET key value", "GET": "GET key", "STATUS": "STATUS", "SSET": "SSET set value", "ADD": "ADD [node]"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("SETT", "SET"),
        ("sett", "SET"),
        ("GTE", None),
        ("GETT", "GET"),
        ("STAUS", "STATUS"),
        ("BAD", None),
    ],
)
def test_the_nearest_name_is_offered_if_it_is_near(name: str, meant: str | None) -> None:
    assert nearest(name, USAGES) == meant


def test_an_unknown_command_is_answered_with_what_was_meant() -> None:
    assert unknown_command("SETT", USAGES) == "unknown command SETT. Did you mean SET key value?"
    assert unknown_command("BAD", USAGES) == "unknown command BAD. HELP lists all commands."
