"""SET and GET: the STRING."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, codec, replies

Run = Callable[[str], bytes]


def test_a_string_that_was_set_is_read_back(run: Run) -> None:
    assert run('SET greeting "hello world"') == replies.OK
    assert run("GET greeting") == b"$11\r\nhello world\r\n"


def test_set_replaces_the_value(run: Run) -> None:
    run("SET a 1")
    run("SET a 2")
    assert run("GET a") == b"$1\r\n2\r\n"


@pytest.mark.parametrize("before", ["HSET k f v", "SSET k v"])
def test_set_replaces_a_value_of_any_type(run: Run, before: str) -> None:
    run(before)
    assert run("SET k v") == replies.OK
    assert run("TYPE k") == b"+string\r\n"


def test_a_missing_string_is_nil(run: Run) -> None:
    assert run("GET nothing") == replies.NIL


def test_an_empty_string_is_not_a_missing_one(run: Run) -> None:
    """SEED: an empty string prints as `null` there; here it is a value."""
    run("SET empty ''")
    assert run("GET empty") == b"$0\r\n\r\n"
    assert run("EXISTS empty") == b":1\r\n"


def test_keys_differ_by_case(run: Run) -> None:
    """SEED: keys are lower-cased there; here they are kept as typed."""
    run("SET Key upper")
    run("SET key lower")
    assert run("GET Key") == b"$5\r\nupper\r\n"
    assert run("GET key") == b"$5\r\nlower\r\n"


@pytest.mark.parametrize("value", [b"url:http://a", b"\r\n", b"\0\xff\xfe", "žluťoučký 馬 🐎".encode()])
def test_keys_and_values_are_any_bytes(store: Store, value: bytes) -> None:
    assert store.apply(codec.encode([b"SET", value, value])) == replies.OK
    assert replies.parse(store.query(codec.encode([b"GET", value]))) == value


@pytest.mark.parametrize("before", ["HSET k f v", "SSET k v"])
def test_get_of_another_type_is_refused(run: Run, before: str) -> None:
    run(before)
    assert run("GET k") == replies.WRONGTYPE
