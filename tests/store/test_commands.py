"""The table of commands, the arity of each, and the limits on what is taken in."""

from collections.abc import Callable
from itertools import pairwise

import pytest

from tfraft.errors import CommandError
from tfraft.store import (
    COMMANDS,
    MAX_COMMAND_BYTES,
    MAX_KEY_BYTES,
    MAX_VALUE_BYTES,
    Command,
    Store,
    check_limits,
    codec,
)
from tfraft.store.commands import find, resolve

Run = Callable[[str], bytes]


def test_the_table_holds_the_nine_commands_of_the_seed() -> None:
    assert {b"SET", b"GET", b"DEL", b"HSET", b"HGET", b"HDEL", b"SSET", b"SHAS", b"SDEL"} < set(COMMANDS)
    assert list(COMMANDS) == [command.name.encode() for command in COMMANDS.values()]


@pytest.mark.parametrize("name", ["GET", "get", "Get"])
def test_a_command_is_found_in_any_case(name: str) -> None:
    assert find([name.encode()]) is COMMANDS[b"GET"]
    assert find([b"NOSUCH"]) is None


@pytest.mark.parametrize("words", [b"OBJECT ENCODING key", b"object encoding key", b"Object Encoding key"])
def test_a_command_of_two_words_is_found_by_both(words: bytes) -> None:
    assert resolve(words.split()) is COMMANDS[b"OBJECT ENCODING"]
    assert find(words.split()) is COMMANDS[b"OBJECT ENCODING"]


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([b"object"], "ERR wrong number of arguments for 'object' command"),
        ([b"OBJECT", b"foo", b"a"], "ERR unknown subcommand 'foo'. Try OBJECT HELP."),
        ([b"object", b"n" * 200], f"ERR unknown subcommand '{'n' * 128}'. Try OBJECT HELP."),
        ([b"OBJECT", b"ENCODING"], "ERR wrong number of arguments for 'object|encoding' command"),
        ([b"OBJECT", b"ENCODING", b"a", b"b"], "ERR wrong number of arguments for 'object|encoding' command"),
        ([b"OBJECT ENCODING", b"a"], "ERR unknown command 'OBJECT ENCODING', with args beginning with: 'a' "),
    ],
)
def test_what_is_no_command_of_two_words_is_refused_in_the_words_of_redis(words: list[bytes], error: str) -> None:
    assert resolve(words) == f"-{error}\r\n".encode()


@pytest.mark.parametrize("command", COMMANDS.values(), ids=list(map(bytes.decode, COMMANDS)))
def test_every_example_runs_and_tells_truly_whether_the_command_writes(
    store: Store, run: Run, command: Command
) -> None:
    for line in ("SET greeting 'hello world'", "HSET user name Ada site https://a.b/c", "SSET colours red Green"):
        run(line)
    before = store.digest()
    assert not run(command.example).startswith(b"-")
    assert command.writes or store.digest() == before
    assert command.usage.startswith(command.name)
    assert command.summary.endswith(".")


@pytest.mark.parametrize("name", [b"TF.EXEC", b"TF.VERSIONS"])
def test_an_internal_command_is_found_but_stands_in_no_list(name: bytes) -> None:
    command = resolve([name, b"0"])
    assert isinstance(command, Command)
    assert command.internal
    assert name not in COMMANDS
    assert not any(command.internal for command in COMMANDS.values())


@pytest.mark.parametrize(
    ("name", "refused", "taken"),
    [
        ("SET", [0, 1], [2]),
        ("GET", [0, 2], [1]),
        ("DEL", [0], [1, 2, 9]),
        ("HSET", [0, 1, 2, 4, 6], [3, 5, 9]),
        ("HGET", [0, 1, 3], [2]),
        ("HDEL", [0, 1], [2, 3, 9]),
        ("SSET", [0, 1], [2, 3, 9]),
        ("SHAS", [0, 1, 3], [2]),
        ("SDEL", [0, 1], [2, 3, 9]),
        ("TYPE", [0, 2], [1]),
        ("EXISTS", [0], [1, 2, 9]),
        ("KEYS", [0, 2], [1]),
        ("DBSIZE", [1], [0]),
    ],
)
def test_a_wrong_number_of_arguments_is_refused_in_the_words_of_redis(
    name: str, refused: list[int], taken: list[int]
) -> None:
    command = COMMANDS[name.encode()]
    error = f"-ERR wrong number of arguments for '{name.lower()}' command\r\n".encode()
    assert [resolve([name.lower().encode()] + [b"x"] * count) for count in refused] == [error] * len(refused)
    assert [resolve([name.encode()] + [b"x"] * count) for count in taken] == [command] * len(taken)


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ([b"FOO", b"a", b"b"], b"-ERR unknown command 'FOO', with args beginning with: 'a' 'b' \r\n"),
        ([b"foo"], b"-ERR unknown command 'foo', with args beginning with: \r\n"),
        ([b""], b"-ERR unknown command '', with args beginning with: \r\n"),
        ([b"F\r\nO", b"\n"], b"-ERR unknown command 'F  O', with args beginning with: ' ' \r\n"),
        (
            [b"n" * 200, b"a" * 100, b"b" * 100, b"c"],
            b"-ERR unknown command '%b', with args beginning with: '%b' '%b' \r\n"
            % (b"n" * 128, b"a" * 100, b"b" * 25),
        ),
    ],
)
def test_an_unknown_command_is_refused_in_the_words_of_redis(words: list[bytes], error: bytes) -> None:
    assert resolve(words) == error


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("SET k v", ["k"]),
        ("HSET k f v f v", ["k"]),
        ("DEL a b c", ["a", "b", "c"]),
        ("EXISTS a", ["a"]),
        ("KEYS a", []),
        ("DBSIZE", []),
        ("GET", []),
        ("RENAME a b", ["a", "b"]),
    ],
)
def test_a_command_knows_where_its_keys_stand(line: str, keys: list[str]) -> None:
    words = line.split()
    positions = COMMANDS[words[0].encode()].key_positions(len(words))
    assert [words[position] for position in positions] == keys


@pytest.mark.parametrize(
    "args",
    [
        [b"SET", b"k" * MAX_KEY_BYTES, b"v" * MAX_VALUE_BYTES],
        [b"HSET", b"k", b"f" * MAX_VALUE_BYTES, b"v" * (MAX_COMMAND_BYTES - MAX_VALUE_BYTES - 5)],
        [b"NOSUCH", b"v" * MAX_VALUE_BYTES],
        [b"GET", b"k"],
    ],
)
def test_what_reaches_a_limit_is_taken(args: list[bytes]) -> None:
    check_limits(args)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        ([b"GET", b"k" * 65_537], "a key may have at most 65,536 bytes, this one has 65,537"),
        ([b"DEL", b"k", b"k" * 70_000], "a key may have at most 65,536 bytes, this one has 70,000"),
        (
            [b"SET", b"k", b"v" * (MAX_VALUE_BYTES + 1)],
            "a value may have at most 8,388,608 bytes, this one has 8,388,609",
        ),
        (
            [b"NOSUCH", b"v" * (MAX_VALUE_BYTES + 1)],
            "a value may have at most 8,388,608 bytes, this one has 8,388,609",
        ),
        (
            [b"SSET", b"k", *[b"v" * 65_536] * 256],
            "a command may have at most 16,777,216 bytes, this one has 16,777,221",
        ),
    ],
)
def test_what_goes_over_a_limit_is_refused_with_the_limit_in_the_text(args: list[bytes], text: str) -> None:
    with pytest.raises(CommandError, match=f"^{text}$"):
        check_limits(args)


def test_the_limit_of_a_value_can_be_set() -> None:
    check_limits([b"SET", b"k", b"1234"], max_value_bytes=4)
    with pytest.raises(CommandError, match="a value may have at most 4 bytes, this one has 5"):
        check_limits([b"SET", b"k", b"12345"], max_value_bytes=4)
    check_limits([b"SET", b"k", b"v" * (MAX_COMMAND_BYTES + 1)], max_value_bytes=MAX_COMMAND_BYTES + 1)


def test_an_entry_over_the_limits_is_applied_all_the_same(store: Store) -> None:
    """Servers with different limits must not differ in state, so the limits hold at the edge alone."""
    assert store.apply(codec.encode([b"SET", b"k" * (MAX_KEY_BYTES + 1), b"v"])) == b"+OK\r\n"


def test_the_commands_of_a_type_stand_together() -> None:
    groups = [command.group for command in COMMANDS.values()]
    assert sum(left != right for left, right in pairwise(groups)) == 3
