"""The commands on single fields of a HASH; and the prompt's own grammar of HSET."""

from collections.abc import Callable

import pytest

from tfraft.errors import CommandError
from tfraft.store import Store, colon_pairs, replies

Run = Callable[[str], bytes]


def integers(*numbers: int) -> list[bytes]:
    return [replies.integer(number) for number in numbers]


def test_hset_answers_how_many_fields_are_new(run: Run) -> None:
    assert run("HSET user name Ada site https://a.b/c") == b":2\r\n"
    assert run("HSET user name Grace born 1906") == b":1\r\n"
    assert run("HGET user name") == b"$5\r\nGrace\r\n"
    assert run("HGET user site") == b"$13\r\nhttps://a.b/c\r\n"


def test_the_last_value_of_a_field_named_twice_holds(run: Run) -> None:
    assert run("HSET h f 1 f 2") == b":1\r\n"
    assert run("HGET h f") == b"$1\r\n2\r\n"


def test_fields_differ_by_case(run: Run) -> None:
    """SEED: HGET alone lower-cases fields there, so that they cannot be found."""
    run("HSET h Field upper")
    assert run("HGET h field") == replies.NIL
    assert run("HGET h Field") == b"$5\r\nupper\r\n"


def test_a_missing_hash_or_field_is_nil_and_an_empty_value_is_not(run: Run) -> None:
    assert run("HGET nothing f") == replies.NIL
    run("HSET h f ''")
    assert run("HGET h g") == replies.NIL
    assert run("HGET h f") == b"$0\r\n\r\n"


def test_hdel_answers_how_many_fields_there_were(run: Run) -> None:
    run("HSET user name Ada site x")
    assert run("HDEL user name nope name") == b":1\r\n"
    assert run("HGET user name") == replies.NIL
    assert run("HGET user site") == b"$1\r\nx\r\n"
    assert run("HDEL user nope") == b":0\r\n"
    assert run("HDEL nothing f") == b":0\r\n"


def test_with_its_last_field_goes_the_hash(run: Run) -> None:
    run("HSET h f 1 g 2")
    assert run("HDEL h f g") == b":2\r\n"
    assert run("TYPE h") == b"+none\r\n"
    assert run("DBSIZE") == b":0\r\n"


def test_hmset_sets_as_hset_does_and_answers_ok(run: Run) -> None:
    assert run("HMSET user name Ada site x") == replies.OK
    assert run("HMSET user name Grace") == replies.OK
    assert run("HMGET user name site") == b"*2\r\n$5\r\nGrace\r\n$1\r\nx\r\n"


@pytest.mark.parametrize("name", ["hset", "hmset"])
def test_a_field_without_a_value_is_refused(run: Run, name: str) -> None:
    error = f"-ERR wrong number of arguments for '{name}' command\r\n".encode()
    assert [run(f"{name} h{fields}") for fields in ("", " f", " f 1 g")] == [error] * 3
    assert run("HGETALL h") == b"%0\r\n"


def test_hsetnx_sets_only_a_field_that_is_missing(run: Run) -> None:
    assert run("HSETNX h f 1") == b":1\r\n"
    assert run("HSETNX h f 2") == b":0\r\n"
    assert run("HSETNX h g 3") == b":1\r\n"
    assert run("HMGET h f g") == b"*2\r\n$1\r\n1\r\n$1\r\n3\r\n"


def test_hmget_answers_nil_for_each_field_that_is_missing(run: Run) -> None:
    run("HSET h f 1")
    assert run("HMGET h g f g") == b"*3\r\n_\r\n$1\r\n1\r\n_\r\n"
    assert run("HMGET nothing f g") == b"*2\r\n_\r\n_\r\n"


def test_hexists_and_hstrlen_answer_0_for_what_is_missing(run: Run) -> None:
    run("HSET h f 'four' empty ''")
    assert [run(f"HEXISTS {at}") for at in ("h f", "h empty", "h g", "nothing f")] == integers(1, 1, 0, 0)
    assert [run(f"HSTRLEN {at}") for at in ("h f", "h empty", "h g", "nothing f")] == integers(4, 0, 0, 0)


@pytest.mark.parametrize("before", ["SET k v", "SSET k v"])
@pytest.mark.parametrize(
    "command",
    [
        "HSET k a b",
        "HMSET k a b",
        "HSETNX k a b",
        "HGET k v",
        "HMGET k v",
        "HEXISTS k v",
        "HSTRLEN k v",
        "HDEL k v",
    ],
)
def test_another_type_is_refused_and_nothing_changes(store: Store, run: Run, before: str, command: str) -> None:
    """SEED: `SET k v`, then `HSET k a:b` kills every node there."""
    run(before)
    digest = store.digest()
    assert run(command) == replies.WRONGTYPE
    assert store.digest() == digest


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("HSET h a:1", "HSET h a 1"),
        ("HSET h a:1 b:2", "HSET h a 1 b 2"),
        ("hset h url:http://a", "hset h url http://a"),
        ("HSET h a: :b", "HSET h a '' '' b"),
        ("HSET h a 1 b 2", "HSET h a 1 b 2"),
        ("HSET h url http://a", "HSET h url http://a"),
        ("HSET h:1 a 1", "HSET h:1 a 1"),
        ("SET a:1 b:2", "SET a:1 b:2"),
        ("GET", "GET"),
    ],
)
def test_a_pair_is_divided_at_its_first_colon_where_every_argument_has_one(typed: str, meant: str) -> None:
    """UX: `HSET h a:1 b:2` and `HSET h a 1 b 2` both work. SEED: a value is cut at its second colon there."""
    words = [word.strip("'").encode() for word in typed.split()]
    assert colon_pairs(words) == [word.strip("'").encode() for word in meant.split()]


@pytest.mark.parametrize("typed", [b"HSET", b"HSET h", b"HSET h a", b"HSET h a:1 b c", b"HSET h a 1 b"])
def test_anything_else_is_an_error_that_shows_both_forms(typed: bytes) -> None:
    with pytest.raises(CommandError, match=r"HSET user name:Ada  or  HSET user name Ada"):
        colon_pairs(typed.split())
