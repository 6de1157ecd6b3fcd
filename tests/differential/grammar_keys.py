"""The grammar of the commands on keys of any type, wrong words included; and all tables together."""

from typing import Final

from hypothesis import strategies as st

from tests.differential.grammar import Grammar, Settled, Table
from tests.differential.grammar_hashes import CURSOR, HASHES, SCANNING
from tests.differential.grammar_sets import SETS
from tests.differential.grammar_strings import STRINGS
from tests.differential.words import (
    ANY_KEY,
    FAR_MS,
    FAR_S,
    LATER_MS,
    LATER_S,
    NO_TIMES,
    NO_TIMES_MS,
    PAST,
    PATTERN,
    Words,
    cased,
    maybe,
    mistaken,
    mostly,
    one,
    options,
    row,
    some,
)

CONDITIONS = options(cased(b"NX", b"XX", b"GT", b"LT"), one(b"?"))
NOT_LATER = (*PAST, *NO_TIMES)

KEY_COMMANDS: Table = {
    b"DEL": Grammar(some(ANY_KEY)),
    b"UNLINK": Grammar(some(ANY_KEY)),
    b"EXISTS": Grammar(some(ANY_KEY)),
    b"TOUCH": Grammar(some(ANY_KEY)),
    b"TYPE": Grammar(ANY_KEY),
    b"KEYS": Grammar(PATTERN, Settled.BUT_FOR_ORDER),
    b"SCAN": Grammar(
        row(CURSOR, SCANNING, options(row(cased(b"TYPE"), cased(b"STRING", b"HASH", b"SET", b"LIST", b"?")))),
        Settled.IN_PARTS,
        in_transactions=False,
    ),
    b"RENAME": Grammar(row(ANY_KEY, ANY_KEY)),
    b"RENAMENX": Grammar(row(ANY_KEY, ANY_KEY)),
    b"COPY": Grammar(
        row(ANY_KEY, ANY_KEY, options(cased(b"REPLACE"), row(cased(b"DB"), mostly((b"0",), (b"1", b"-1", b"x")))))
    ),
    b"RANDOMKEY": Grammar(st.just([]), Settled.BY_CHANCE, in_transactions=False),
    b"DBSIZE": Grammar(st.just([]), in_transactions=False),
    b"FLUSHDB": Grammar(maybe(mostly((b"ASYNC", b"sync"), (b"x", b"")))),
    b"FLUSHALL": Grammar(maybe(mostly((b"async", b"SYNC"), (b"x", b"")))),
    b"EXPIRE": Grammar(row(ANY_KEY, mostly((LATER_S,), NO_TIMES), CONDITIONS)),
    b"PEXPIRE": Grammar(row(ANY_KEY, mostly((LATER_MS,), NO_TIMES_MS), CONDITIONS)),
    b"EXPIREAT": Grammar(row(ANY_KEY, mostly(FAR_S, NOT_LATER), CONDITIONS)),
    b"PEXPIREAT": Grammar(row(ANY_KEY, mostly(FAR_MS, (b"-1", b"0", b"1", b"x", b"1.5")), CONDITIONS)),
    b"PERSIST": Grammar(ANY_KEY),
    b"TTL": Grammar(ANY_KEY, Settled.BUT_FOR_THE_CLOCK),
    b"PTTL": Grammar(ANY_KEY, Settled.BUT_FOR_THE_CLOCK),
    b"EXPIRETIME": Grammar(ANY_KEY, Settled.BUT_FOR_THE_CLOCK_THEN),
    b"PEXPIRETIME": Grammar(ANY_KEY, Settled.BUT_FOR_THE_CLOCK_THEN),
    b"OBJECT": Grammar(
        row(cased(b"ENCODING", b"FREQ", b"IDLETIME", b"REFCOUNT", b"?"), ANY_KEY),
        Settled.IN_KIND,
        in_transactions=False,
    ),
}

FAMILIES: Final = {"string": STRINGS, "hash": HASHES, "set": SETS, "key": KEY_COMMANDS}
GRAMMAR: Final[Table] = {name: grammar for table in FAMILIES.values() for name, grammar in table.items()}


def command(name: bytes) -> Words:
    """A command of this name; correct in most cases."""
    return mistaken(row(cased(name), GRAMMAR[name].words))
