"""The grammar of the STRING commands, wrong words included."""

from hypothesis import strategies as st

from tests.differential.grammar import Grammar, Table
from tests.differential.words import (
    FAR_MS,
    FAR_S,
    FLOAT,
    INTEGER,
    LATER_MS,
    LATER_S,
    NO_INTEGERS,
    NO_TIMES,
    NO_TIMES_MS,
    PAST,
    VALUE,
    cased,
    key_of,
    maybe,
    mostly,
    one,
    options,
    row,
    some,
)

KEY = key_of("string")
LATER = st.one_of(
    row(cased(b"EX"), mostly((LATER_S,), NO_TIMES)),
    row(cased(b"PX"), mostly((LATER_MS,), NO_TIMES_MS)),
    row(cased(b"EXAT"), mostly((*FAR_S, *PAST), NO_TIMES)),
    row(cased(b"PXAT"), mostly((*FAR_MS, *PAST), (b"0", b"-1", b"x"))),
)
PLACE = mostly((b"0", b"1", b"2", b"-1", b"-2", b"9", b"-9", b"9223372036854775807"), NO_INTEGERS)
# No long string in random sequences; test_limits.py tries the limit itself.
OFFSET = mostly((b"0", b"1", b"3", b"40"), (b"-1", b"8388608", b"9223372036854775807", b"x"))

STRINGS: Table = {
    b"SET": Grammar(row(KEY, VALUE, options(LATER, cased(b"NX", b"XX"), cased(b"GET"), cased(b"KEEPTTL"), one(b"?")))),
    b"GET": Grammar(KEY),
    b"GETDEL": Grammar(KEY),
    b"GETSET": Grammar(row(KEY, VALUE)),
    b"GETEX": Grammar(row(KEY, options(LATER, cased(b"PERSIST"), cased(b"KEEPTTL")))),
    b"SETNX": Grammar(row(KEY, VALUE)),
    b"SETEX": Grammar(row(KEY, mostly((LATER_S,), NO_TIMES), VALUE)),
    b"PSETEX": Grammar(row(KEY, mostly((LATER_MS,), NO_TIMES_MS), VALUE)),
    b"MGET": Grammar(some(KEY)),
    b"MSET": Grammar(some(row(KEY, VALUE), at_most=3)),
    b"MSETNX": Grammar(some(row(KEY, VALUE), at_most=3)),
    b"APPEND": Grammar(row(KEY, VALUE)),
    b"STRLEN": Grammar(KEY),
    b"GETRANGE": Grammar(row(KEY, PLACE, PLACE)),
    b"SUBSTR": Grammar(row(KEY, PLACE, PLACE)),
    b"SETRANGE": Grammar(row(KEY, OFFSET, VALUE)),
    b"INCR": Grammar(KEY),
    b"DECR": Grammar(KEY),
    b"INCRBY": Grammar(row(KEY, INTEGER)),
    b"DECRBY": Grammar(row(KEY, INTEGER)),
    b"INCRBYFLOAT": Grammar(row(KEY, FLOAT)),
    b"LCS": Grammar(
        row(
            KEY,
            KEY,
            options(
                cased(b"IDX"),
                cased(b"LEN"),
                cased(b"WITHMATCHLEN"),
                row(cased(b"MINMATCHLEN"), mostly((b"0", b"2", b"-1", b"99"), NO_INTEGERS)),
            ),
            maybe(cased(b"IDX")),
        )
    ),
}
