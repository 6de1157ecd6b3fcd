"""The grammar of the HASH commands, wrong words included."""

from tests.differential.grammar import Grammar, Settled, Table
from tests.differential.words import (
    FIELD,
    FLOAT,
    INTEGER,
    NO_INTEGERS,
    PATTERN,
    VALUE,
    cased,
    key_of,
    maybe,
    mostly,
    options,
    row,
    some,
)

KEY = key_of("hash")
# HRANDFIELD with -4611686018427387905 and WITHVALUES is refused, without it Redis would try to give so many.
HOW_MANY = mostly((b"0", b"1", b"2", b"9", b"-1", b"-9", b"9223372036854775807"), NO_INTEGERS)
SCANNING = options(
    row(cased(b"MATCH"), PATTERN),
    row(cased(b"COUNT"), mostly((b"1", b"3", b"1000"), (b"0", b"-1", b"x", b""))),
)
CURSOR = mostly((b"0",), (b"", b"x", b"-1", b"1.5", b"17", b"18446744073709551616"))

HASHES: Table = {
    b"HSET": Grammar(row(KEY, some(row(FIELD, VALUE)))),
    b"HMSET": Grammar(row(KEY, some(row(FIELD, VALUE)))),
    b"HSETNX": Grammar(row(KEY, FIELD, VALUE)),
    b"HGET": Grammar(row(KEY, FIELD)),
    b"HMGET": Grammar(row(KEY, some(FIELD))),
    b"HGETALL": Grammar(KEY, Settled.BUT_FOR_ORDER),
    b"HKEYS": Grammar(KEY, Settled.BUT_FOR_ORDER),
    b"HVALS": Grammar(KEY, Settled.BUT_FOR_ORDER),
    b"HLEN": Grammar(KEY),
    b"HSTRLEN": Grammar(row(KEY, FIELD)),
    b"HEXISTS": Grammar(row(KEY, FIELD)),
    b"HDEL": Grammar(row(KEY, some(FIELD))),
    b"HINCRBY": Grammar(row(KEY, FIELD, INTEGER)),
    b"HINCRBYFLOAT": Grammar(row(KEY, FIELD, FLOAT)),
    b"HRANDFIELD": Grammar(
        row(KEY, maybe(row(HOW_MANY, maybe(cased(b"WITHVALUES"))))), Settled.BY_CHANCE, in_transactions=False
    ),
    b"HSCAN": Grammar(row(KEY, CURSOR, SCANNING), Settled.IN_PARTS, in_transactions=False),
}
