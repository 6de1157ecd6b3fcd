"""Where the comparisons begin: what is on the keys, which names we know, and how hard Hypothesis tries."""

from hypothesis import HealthCheck, settings

from tests.differential.real_redis import Command
from tfraft.store import COMMANDS

# The connection outlives an example; each begins by emptying Redis.
COMPARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])

NAMES = {name.split()[0] for name in COMMANDS}
FURNISHED: list[Command] = [
    [b"SET", b"s", b"10"],
    [b"SET", b"S", b"ohmytext"],
    [b"SET", b"", b"mynewtext"],
    [b"HSET", b"h", b"a", b"1", b"b", b"x", b"", b"0.5"],
    [b"HSET", b"H", b"a", b"1"],
    [b"SADD", b"t", b"a", b"b", b"1"],
    [b"SADD", b"T", b"b", b"1", b"\xff\x00\r\n"],
    [b"PEXPIREAT", b"S", b"4102444800000"],
    [b"EXPIREAT", b"H", b"4102444801"],
    [b"EXPIREAT", b"t", b"4102444802"],
]
