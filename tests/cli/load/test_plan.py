"""A plan that makes no sense is told in one sentence, before anybody is asked anything."""

from dataclasses import replace
from random import Random
from typing import Any

import hiredis
import pytest

from tfraft.cli.load.plan import LoadPlan, checked, seconds_in
from tfraft.cli.load.workload import Workload
from tfraft.errors import SettingError

PLAN = LoadPlan(("127.0.0.1:7379",))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"clients": 0}, "--clients needs a number from 1 to 10000, not 0"),
        ({"pipeline": 0}, "--pipeline needs a number from 1 to 100000, not 0"),
        ({"keys": 10**8}, "--keys needs a number from 1 to 10000000, not 100000000"),
        ({"key_size": 10}, "--key-size needs a number from 11 to 65536, not 10"),
        ({"value_size": -1}, "--value-size needs a number from 0 to 536870912, not -1"),
        ({"value_size": 2**25}, "these clients would have more than 1 GiB under way at a time"),
        ({"reads": 1.5}, "--reads is their share, from 0 to 1, not 1.5"),
        ({"reads": float("nan")}, "--reads is their share, from 0 to 1, not nan"),
        ({"rate": 0.0}, "--rate needs requests a second, above 0 and up to 10000000, not 0"),
        ({"read_mode": "stale"}, '--read-mode is linearizable, lease, follower or stale:SECONDS, not "stale"'),
        ({"read_mode": "any\n"}, '--read-mode is linearizable, lease, follower or stale:SECONDS, not "any\\n"'),
    ],
)
def test_what_makes_no_sense_is_told(change: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingError) as refusal:
        checked(replace(PLAN, **change))
    assert str(refusal.value).startswith(told)


@pytest.mark.parametrize(
    ("text", "seconds"), [("10s", 10.0), ("500ms", 0.5), ("2m", 120.0), ("1h", 3600.0), ("1.5", 1.5), (" 3 S", None)]
)
def test_a_duration_has_a_unit_or_is_in_seconds(text: str, seconds: float | None) -> None:
    if seconds is None:
        with pytest.raises(SettingError):
            seconds_in(text)
    else:
        assert seconds_in(text) == seconds


@pytest.mark.parametrize("text", ["", "0", "0s", "-1s", "25h", "ten", "1e3", "nan", "1s\x1b[31m"])
def test_what_is_no_duration_is_told(text: str) -> None:
    with pytest.raises(SettingError, match="--duration needs a time up to 24h, such as 10s, 500ms or 2m") as refusal:
        seconds_in(text)
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize(("key_size", "expected"), [(None, 7), (7, 7), (20, 20)])
def test_requests_are_of_the_sizes_and_keys_that_were_asked_for(key_size: int | None, expected: int) -> None:
    plan = checked(replace(PLAN, keys=10, key_size=key_size, value_size=5, reads=0.5))
    workload = Workload(plan, Random(1))
    keys, kinds = set(), set()
    for _ in range(500):
        is_read, request = workload.next()
        name, key, *value = read(request)
        assert name == (b"GET" if is_read else b"SET")
        assert len(key) == expected == plan.key_bytes
        assert [len(one) for one in value] == ([] if is_read else [5])
        keys.add(key)
        kinds.add(name)
    assert keys == {b"bench:" + str(number).rjust(expected - 6, "0").encode() for number in range(10)}
    assert kinds == {b"GET", b"SET"}


def test_only_keys_that_were_written_are_removed() -> None:
    workload = Workload(replace(PLAN, keys=1000), Random(1))
    written = {read(workload.next()[1])[1] for _ in range(100)}
    removals = list(workload.removals(30))
    assert {key for data, _ in removals for key in read(data)[1:]} == written
    assert sum(count for _, count in removals) == len(written) == workload.written
    assert {read(data)[0] for data, _ in removals} == {b"DEL"}
    assert max(count for _, count in removals) == 30


def read(request: bytes) -> list[bytes]:
    """The words of a request, which is one and whole."""
    reader = hiredis.Reader(notEnoughData=None)
    reader.feed(request)
    words: list[bytes] = reader.gets()
    assert reader.gets() is None
    assert not reader.has_data()
    return words
