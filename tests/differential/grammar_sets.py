"""The grammar of the SET commands, wrong words included."""

from hypothesis import strategies as st

from tests.differential.grammar import Grammar, Settled, Table
from tests.differential.grammar_hashes import CURSOR, HOW_MANY, SCANNING
from tests.differential.words import MEMBER, NO_INTEGERS, Words, cased, key_of, maybe, mostly, one, options, row, some

KEY = key_of("set")


def _counted(keys: int, said: bytes) -> Words:
    return row(one(said), some(KEY, keys, keys))


NUMBERED = st.one_of(
    _counted(1, b"1"), _counted(2, b"2"), _counted(3, b"3"), _counted(2, b"1"), _counted(1, b"2"), _counted(1, b"0")
)

SETS: Table = {
    b"SADD": Grammar(row(KEY, some(MEMBER))),
    b"SREM": Grammar(row(KEY, some(MEMBER))),
    b"SCARD": Grammar(KEY),
    b"SISMEMBER": Grammar(row(KEY, MEMBER)),
    b"SMISMEMBER": Grammar(row(KEY, some(MEMBER))),
    b"SMEMBERS": Grammar(KEY, Settled.BUT_FOR_ORDER),
    b"SMOVE": Grammar(row(KEY, KEY, MEMBER)),
    b"SPOP": Grammar(
        row(KEY, maybe(mostly((b"0", b"1", b"2", b"9"), (b"-1", *NO_INTEGERS)))),
        Settled.BY_CHANCE,
        in_transactions=False,
    ),
    b"SRANDMEMBER": Grammar(row(KEY, maybe(HOW_MANY)), Settled.BY_CHANCE, in_transactions=False),
    b"SINTER": Grammar(some(KEY, at_most=3), Settled.BUT_FOR_ORDER),
    b"SUNION": Grammar(some(KEY, at_most=3), Settled.BUT_FOR_ORDER),
    b"SDIFF": Grammar(some(KEY, at_most=3), Settled.BUT_FOR_ORDER),
    b"SINTERSTORE": Grammar(some(KEY, at_least=2)),
    b"SUNIONSTORE": Grammar(some(KEY, at_least=2)),
    b"SDIFFSTORE": Grammar(some(KEY, at_least=2)),
    b"SINTERCARD": Grammar(
        row(NUMBERED, options(row(cased(b"LIMIT"), mostly((b"0", b"1", b"2"), (b"-1", b"", b"x")))))
    ),
    b"SSCAN": Grammar(row(KEY, CURSOR, SCANNING), Settled.IN_PARTS, in_transactions=False),
}
