"""What Redis has let go by its clock, we have let go once log time has come so far; and not before."""

from __future__ import annotations

import time

import pytest

from tests.differential.pair import Pair
from tests.differential.real_redis import Command, Connection

WAIT_LIMIT_S = 60.0
SETTERS: list[list[Command]] = [
    [[b"SET", b"s", b"v", b"PX", b"20"]],
    [[b"PSETEX", b"s", b"20", b"v"]],
    [[b"SET", b"s", b"v"], [b"PEXPIRE", b"s", b"20"]],
    [[b"SET", b"s", b"v"], [b"GETEX", b"s", b"PX", b"20"]],
    [[b"HSET", b"s", b"f", b"v"], [b"PEXPIRE", b"s", b"20"]],
    [[b"SADD", b"s", b"a"], [b"PEXPIRE", b"s", b"20"]],
]


@pytest.mark.parametrize("setters", SETTERS)
def test_a_key_is_gone_once_its_time_has_come(redis: Connection, setters: list[Command]) -> None:
    """Redis's own clock is waited for, then our log time follows it; nothing depends on how long that took."""
    pair = Pair(redis)
    pair.run([b"SET", b"stays", b"v"])
    # In Redis the key may be gone before a second command comes: what it said to each is not compared here.
    redis.call_all(setters)
    for command in setters:
        pair.ours.run(command)
    deadline_ms = int(pair.ours.run([b"PEXPIRETIME", b"s"]).text)
    assert deadline_ms == pair.start_ms + 20

    limit_s = time.monotonic() + WAIT_LIMIT_S
    while redis.call([b"EXISTS", b"s"]).number:
        assert time.monotonic() < limit_s, "Redis keeps a key whose time has come"
    pair.ours.advance(deadline_ms - 1)
    assert pair.ours.run([b"EXISTS", b"s"]).number == 1
    pair.ours.advance(deadline_ms)
    pair.run([b"DBSIZE"])
    pair.run([b"TTL", b"s"])
    pair.compare_states()
