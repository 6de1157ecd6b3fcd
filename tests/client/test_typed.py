"""Every typed method: what it sends is a command of the store, and what it gives is of the type that it promises."""

import inspect
from datetime import timedelta
from typing import Any

import pytest

from tfraft.client.commands import Commands
from tfraft.client.request import Blocking, Request, T, command
from tfraft.client.words import result_in, words_of
from tfraft.errors import CommandError
from tfraft.store import Store, codec


class Local(Commands, Blocking):
    """The typed methods on a store in this process."""

    def __init__(self) -> None:
        self._store = Store()

    def send(self, request: Request[T]) -> T:
        return request.read(result_in(self._store.apply(codec.encode(words_of(request.words)))))


def filled() -> Local:
    """A store with a string, a number, a hash and two sets."""
    local = Local()
    local.mset({"s": "hello", "n": 7})
    local.hset("h", mapping={"a": "1", "b": "x"})
    local.sadd("one", "a", "b")
    local.sadd("two", "b", "c")
    return local


CASES: list[tuple[str, tuple[Any, ...], dict[str, Any], object]] = [
    ("set", ("s", "x"), {}, True),
    ("set", ("s", "x"), {"nx": True}, False),
    ("set", ("s", "x"), {"xx": True, "ex": 10}, True),
    ("set", ("new", 1.5, timedelta(minutes=1)), {}, True),
    ("get", ("s",), {}, b"hello"),
    ("get", ("nil",), {}, None),
    ("getset", ("s", "x"), {}, b"hello"),
    ("getdel", ("s",), {}, b"hello"),
    ("getex", ("s",), {"ex": 10}, b"hello"),
    ("setnx", ("s", "x"), {}, False),
    ("setex", ("s", 10, "x"), {}, True),
    ("psetex", ("s", 10_000, "x"), {}, True),
    ("mget", ("s", "nil"), {}, [b"hello", None]),
    ("mset", ({b"a": 1},), {}, True),
    ("msetnx", ({"s": 1},), {}, False),
    ("append", ("s", "!"), {}, 6),
    ("strlen", ("s",), {}, 5),
    ("getrange", ("s", 1, -2), {}, b"ell"),
    ("setrange", ("s", 4, "!!"), {}, 6),
    ("incr", ("n",), {}, 8),
    ("incrby", ("n", 3), {}, 10),
    ("decr", ("n",), {}, 6),
    ("decrby", ("n", 3), {}, 4),
    ("incrbyfloat", ("n", 0.5), {}, 7.5),
    ("hset", ("h", "c", 1), {}, 1),
    ("hset", ("h", {"c": 1, "a": 2}), {}, 1),
    ("hset", ("h", "c", 1), {"mapping": {"d": 2}}, 2),
    ("hsetnx", ("h", "a", 1), {}, False),
    ("hget", ("h", "a"), {}, b"1"),
    ("hmget", ("h", "a", "z"), {}, [b"1", None]),
    ("hgetall", ("h",), {}, {b"a": b"1", b"b": b"x"}),
    ("hgetall", ("nil",), {}, {}),
    ("hkeys", ("h",), {}, [b"a", b"b"]),
    ("hvals", ("h",), {}, [b"1", b"x"]),
    ("hlen", ("h",), {}, 2),
    ("hexists", ("h", "a"), {}, True),
    ("hstrlen", ("h", "b"), {}, 1),
    ("hdel", ("h", "a", "z"), {}, 1),
    ("hincrby", ("h", "a", 2), {}, 3),
    ("hincrbyfloat", ("h", "a", 0.5), {}, 1.5),
    ("hrandfield", ("nil",), {}, None),
    ("hscan", ("h",), {"match": "a", "count": 100}, (0, {b"a": b"1"})),
    ("sadd", ("one", "a", 5), {}, 1),
    ("sset", ("one", "a", 5), {}, 1),
    ("srem", ("one", "a", "z"), {}, 1),
    ("sdel", ("one", "a", "z"), {}, 1),
    ("sismember", ("one", "a"), {}, True),
    ("shas", ("one", "z"), {}, False),
    ("smismember", ("one", "a", "z"), {}, [True, False]),
    ("smembers", ("one",), {}, {b"a", b"b"}),
    ("scard", ("one",), {}, 2),
    ("smove", ("one", "two", "a"), {}, True),
    ("spop", ("nil",), {}, None),
    ("srandmember", ("nil",), {}, None),
    ("sunion", ("one", "two"), {}, {b"a", b"b", b"c"}),
    ("sinter", ("one", "two"), {}, {b"b"}),
    ("sdiff", ("one", "two"), {}, {b"a"}),
    ("sunionstore", ("d", "one", "two"), {}, 3),
    ("sinterstore", ("d", "one", "two"), {}, 1),
    ("sdiffstore", ("d", "one", "two"), {}, 1),
    ("sintercard", (2, ["one", "two"]), {"limit": 5}, 1),
    ("sscan", ("one",), {"match": "a"}, (0, [b"a"])),
    ("delete", ("s", "nil"), {}, 1),
    ("unlink", ("s", "nil"), {}, 1),
    ("exists", ("s", "s", "nil"), {}, 2),
    ("touch", ("s", "nil"), {}, 1),
    ("type", ("h",), {}, "hash"),
    ("type", ("nil",), {}, "none"),
    ("keys", ("o*",), {}, [b"one"]),
    ("scan", (), {"match": "h", "count": 10_000, "_type": "hash"}, (0, [b"h"])),
    ("dbsize", (), {}, 5),
    ("flushdb", (), {}, True),
    ("rename", ("s", "t"), {}, True),
    ("renamenx", ("s", "n"), {}, False),
    ("copy", ("s", "n"), {"replace": True}, True),
    ("expire", ("s", 10), {"gt": True}, False),
    ("pexpire", ("s", timedelta(seconds=10)), {}, True),
    ("expireat", ("s", 99_999_999_999), {}, True),
    ("pexpireat", ("s", 99_999_999_999_999), {"nx": True}, True),
    ("persist", ("s",), {}, False),
    ("ttl", ("s",), {}, -1),
    ("pttl", ("nil",), {}, -2),
    ("expiretime", ("s",), {}, -1),
    ("pexpiretime", ("nil",), {}, -2),
]


def str_of(case: object) -> str:
    """Part of the name of a test, the same in every process."""
    return str(sorted(case) if isinstance(case, set) else case)[:30]


@pytest.mark.parametrize(("name", "args", "options", "result"), CASES, ids=str_of)
def test_a_typed_method_gives_what_it_promises(
    name: str, args: tuple[Any, ...], options: dict[str, Any], result: object
) -> None:
    seen = getattr(filled(), name)(*args, **options)
    assert seen == result
    assert type(seen) is type(result)


def test_every_typed_method_is_tried_here() -> None:
    methods = {name for kind in Commands.__mro__ for name, value in vars(kind).items() if isinstance(value, command)}
    assert methods - {"randomkey"} == {name for name, *_ in CASES}


def test_any_key_is_one_of_the_keys() -> None:
    assert filled().randomkey() in {b"s", b"n", b"h", b"one", b"two"}
    assert filled().srandmember("one") in {b"a", b"b"}


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("h",), "wrong number of arguments"),
        (("h", "field"), "a field with its value"),
        (("h", None, "value"), "a field with its value"),
        (("h", {"a": 1}, 2), "a mapping, or a field with its value"),
        (("h", "a", None), "a field with its value"),
    ],
)
def test_a_field_without_a_value_is_refused(args: tuple[Any, ...], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        filled().hset(*args)


def test_a_typed_method_shows_its_arguments_and_what_it_does() -> None:
    """As `help` and editors ask for it."""
    local = Local()
    assert list(inspect.signature(local.getrange).parameters) == ["key", "start", "end"]
    assert inspect.getdoc(Local.get) == "The string under `key`; None if there is none."
