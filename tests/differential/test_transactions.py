"""MULTI and EXEC in Redis, and TF.EXEC here, give the same replies and leave the same; so does WATCH."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.differential.comparison import compare
from tests.differential.grammar_keys import GRAMMAR, command
from tests.differential.pair import Pair
from tests.differential.real_redis import Command, Connection
from tests.differential.start import COMPARED, FURNISHED
from tests.differential.words import KEYS, render
from tfraft.store import codec
from tfraft.store.commands import resolve

IN_TRANSACTIONS = [name for name, grammar in GRAMMAR.items() if grammar.in_transactions]
COMMANDS = st.lists(st.sampled_from(IN_TRANSACTIONS).flatmap(command), max_size=6)
# What asks for a number or a name that is none is refused before it is queued, and ends the transaction.
QUEUED = COMMANDS.map(lambda commands: [words for words in commands if not isinstance(resolve(words), bytes)])
WATCHED = st.lists(st.sampled_from(KEYS), max_size=2)


@given(watched=WATCHED, before=COMMANDS, queued=QUEUED)
@settings(COMPARED, max_examples=150)
def test_a_transaction_is_answered_as_by_redis(
    redis: Connection, watched: list[bytes], before: list[Command], queued: list[Command]
) -> None:
    """All replies, or nil where a watched key was changed by a command between WATCH and EXEC."""
    pair = Pair(redis)
    for words in FURNISHED:
        pair.run(words)
    versions = _watch(pair, watched)
    for position, words in enumerate(before):
        pair.run(render(words, position))
    queued = [render(words, len(before) + position) for position, words in enumerate(queued)]

    *_, theirs = redis.call_all([[b"MULTI"], *queued, [b"EXEC"]])
    pairs = [word for key, version in zip(watched, versions, strict=True) for word in (key, version)]
    ours = pair.ours.run([b"TF.EXEC", b"%d" % len(watched), *pairs, *map(codec.encode, queued)])

    assert (ours.marker, len(ours.members)) == (theirs.marker, len(theirs.members))
    elapsed_ms = redis.now_ms() - pair.start_ms
    # Nil has no members, whatever was queued.
    for words, their_reply, our_reply in zip(queued, theirs.members, ours.members, strict=False):
        compare(words, their_reply, our_reply, elapsed_ms)
    pair.compare_states()


def _watch(pair: Pair, keys: list[bytes]) -> list[bytes]:
    """Afterwards Redis watches these keys; the versions that they have here."""
    if not keys:
        return []
    pair.redis.call([b"WATCH", *keys])
    return [version.text for version in pair.ours.run([b"TF.VERSIONS", *keys]).members]
