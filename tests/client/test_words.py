"""Python values as words of a command, and answers as Python values."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tfraft.client.options import expiry, flags, numbers, seconds
from tfraft.client.prepare import prepare, prepare_transaction
from tfraft.client.request import Later, Request
from tfraft.client.settings import CallSettings
from tfraft.client.words import result_in, value_of, words_of
from tfraft.core.requests import Consistency
from tfraft.errors import CommandError, SettingError


def test_text_travels_as_utf_8_and_numbers_as_their_digits() -> None:
    assert words_of(["ü", b"\xff", 7, -1, 0.1, 1e300]) == ["ü".encode(), b"\xff", b"7", b"-1", b"0.1", b"1e+300"]


@pytest.mark.parametrize(
    ("word", "told"),
    [(None, "not NoneType"), (True, "write 1 and 0"), ([1], "not list"), ("\ud800", "Unicode text or bytes")],
)
def test_what_is_no_word_is_refused_before_anything_is_sent(word: Any, told: str) -> None:
    with pytest.raises(CommandError, match=told):
        words_of(["SET", "a", word])


@pytest.mark.parametrize(
    ("reply", "value"),
    [
        (b"_\r\n", None),
        (b"+OK\r\n", b"OK"),
        (b":7\r\n", 7),
        (b"#t\r\n", True),
        (b",1.5\r\n", 1.5),
        (b"$1\r\na\r\n", b"a"),
        (b"=5\r\ntxt:a\r\n", b"a"),
        (b"~2\r\n$1\r\na\r\n$1\r\nb\r\n", {b"a", b"b"}),
        (b"~1\r\n*1\r\n$1\r\na\r\n", [[b"a"]]),
        (b"~0\r\n", set()),
        (b"%1\r\n$1\r\na\r\n:1\r\n", {b"a": 1}),
        (b"*2\r\n_\r\n*0\r\n", [None, []]),
    ],
)
def test_a_reply_is_the_python_value_of_its_type(reply: bytes, value: object) -> None:
    assert value_of(reply) == value
    assert type(value_of(reply)) is type(value)


def test_an_error_reply_is_raised_and_among_others_it_stands_in_its_place() -> None:
    with pytest.raises(CommandError, match=r"^ERR no$"):
        result_in(b"-ERR no\r\n")
    one, other = result_in(b"*2\r\n:1\r\n-WRONGTYPE no\r\n")
    assert one == 1
    assert isinstance(other, CommandError)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "a command needs a name"),
        ([b"NOPE"], "ERR unknown command 'NOPE'"),
        ([b"TF.EXEC", b"0"], "ERR unknown command 'TF.EXEC'"),
        ([b"GET"], "ERR wrong number of arguments for 'get' command"),
        ([b"GET", b"k" * 70_000], "a key may have at most"),
    ],
)
def test_a_command_that_is_not_well_formed_is_not_sent(words: list[bytes], told: str) -> None:
    with pytest.raises(CommandError, match=told):
        prepare(words)


def test_a_transaction_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(CommandError, match="a transaction may have at most 16,777,216 bytes"):
        prepare_transaction([b"TF.EXEC", b"0", bytes(1 << 24)], writes=True)


def test_times_are_numbers_or_those_of_datetime() -> None:
    moment = datetime(2030, 1, 1, tzinfo=UTC)
    assert expiry(ex=timedelta(minutes=1)) == ["EX", 60]
    assert expiry(px=timedelta(seconds=1.5)) == ["PX", 1500]
    assert expiry(exat=moment) == ["EXAT", 1893456000]
    assert expiry(pxat=moment) == ["PXAT", 1893456000000]
    assert (expiry(exat=5), expiry(pxat=5), expiry(px=5), seconds(5)) == (["EXAT", 5], ["PXAT", 5], ["PX", 5], 5)
    assert (flags(nx=True, xx=False), numbers(count=0, limit=None)) == (["NX"], ["COUNT", 0])


def test_a_result_is_there_once_it_has_been_sent() -> None:
    later: Later[int] = Later(int)
    with pytest.raises(RuntimeError, match="after the block"):
        _ = later.result
    before = later.outcome
    later.take(b"7")
    assert (before, later.result, later.outcome) == (None, 7, 7)
    later.take(CommandError("ERR no"))
    assert isinstance(later.outcome, CommandError)
    with pytest.raises(CommandError, match="ERR no"):
        _ = later.result


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"timeout_s": 0}, "above 0, not 0"),
        ({"timeout_s": float("nan")}, "above 0, not nan"),
        ({"timeout_s": float("inf")}, "above 0, not inf"),
        ({"max_staleness_s": -1.0, "consistency": Consistency.STALE}, "from 0 on, not -1"),
        ({"max_staleness_s": 1.0}, "for STALE reads, not for LINEARIZABLE"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError, match=told):
        CallSettings(**settings)


def test_requests_are_plain_words_with_a_reader() -> None:
    assert Request(["GET", "a"], int).read(b"1") == 1
