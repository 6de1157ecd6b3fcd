"""The same commands to a real Redis and to two replicas of our store, with every reply compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.differential.comparison import compare, compare_choice, compare_found, settled_of
from tests.differential.grammar import Settled
from tests.differential.real_redis import Command, Connection
from tests.differential.resp3 import Answer, read_whole
from tests.differential.words import KEYS, render
from tfraft.store import Store, codec

MAX_CALLS_OF_A_SCAN = 1000
READ_WHOLE = {b"string": b"GET", b"hash": b"HGETALL", b"set": b"SMEMBERS"}


class Replicas:
    """Our store, twice: what the log gives to one it gives to the other, and a query only the first gets."""

    def __init__(self, now_ms: int) -> None:
        self.first, self.second = Store(), Store()
        self.advance(now_ms)

    def advance(self, time_ms: int) -> None:
        """Log time has come so far."""
        for store in (self.first, self.second):
            store.advance(time_ms)

    def run(self, command: Command) -> Answer:
        """The reply to the command.

        A read is a query, and then goes through the log, too, as a read behind a write does; both give the same."""
        query = self.first.query(codec.encode(command)) if Store.is_read(command) else None
        reply = self.apply(command)
        by_chance = settled_of(command) is Settled.BY_CHANCE
        assert query is None or query == reply or by_chance, f"{command}: query {query!r}, apply {reply!r}"
        return read_whole(reply)

    def apply(self, command: Command) -> bytes:
        encoded = codec.encode(command)
        reply, other_reply = self.first.apply(encoded), self.second.apply(encoded)
        assert reply == other_reply, f"{command}: one replica answers {reply!r}, the other {other_reply!r}"
        return reply

    def assert_alike(self) -> None:
        """One replica is like the other, and a store restored from its snapshot is like both."""
        restored = Store()
        restored.restore(list(self.first.snapshot()))
        assert self.first.digest() == self.second.digest() == restored.digest()


class Pair:
    """Redis and our replicas, both empty at first.

    Our log time stands at the moment at which the pair was made; the clock of Redis goes on. So whatever depends on
    it may differ by as much as has passed since then."""

    def __init__(self, redis: Connection) -> None:
        self.redis = redis
        redis.call([b"FLUSHALL"])
        self.start_ms = redis.now_ms()
        self.ours = Replicas(self.start_ms)

    def run_all(self, commands: Iterable[Command]) -> None:
        """Run all commands on both, and compare each reply, and the state at the end."""
        for position, command in enumerate(commands):
            self.run(render(command, position))
        self.compare_states()

    def run(self, command: Command) -> tuple[Answer, Answer]:
        """Run a command on both and compare the replies; Redis's and ours."""
        settled = settled_of(command)
        pool = self._pool(command) if settled is Settled.BY_CHANCE else None
        # A deadline that has passed leaves the key where it is, in Redis, until somebody looks at it.
        theirs, _ = self.redis.call_all([command, [b"EXISTS", *KEYS]])
        ours = self.ours.run(command)
        compare(command, theirs, ours, self._elapsed_ms())
        if theirs.is_error:
            return theirs, ours
        if pool is not None:
            compare_choice(command, pool, ours)
            if command[0].upper() == b"SPOP":
                self._lose_the_same(command[1], theirs, ours)
        elif settled is Settled.IN_PARTS:
            self._scan(command)
        return theirs, ours

    def compare_states(self) -> None:
        """Raise Different unless both hold the same, with the same deadlines."""
        keys = sorted(key.text for key in self._same([b"KEYS", b"*"]).members)
        for key in keys:
            type_name = self._same([b"TYPE", key]).text
            self._same([READ_WHOLE[type_name], key])
            self._same([b"PEXPIRETIME", key])
        self.ours.assert_alike()

    def _same(self, command: Command) -> Answer:
        return self.run(command)[0]

    def _elapsed_ms(self) -> int:
        return self.redis.now_ms() - self.start_ms

    def _pool(self, command: Command) -> Answer:
        """All that a command by chance may choose from."""
        if command[0].upper() == b"RANDOMKEY":
            return self.redis.call([b"KEYS", b"*"])
        whole = b"HGETALL" if command[0].upper() == b"HRANDFIELD" else b"SMEMBERS"
        return self.redis.call([whole, *command[1:2]])

    def _lose_the_same(self, key: bytes, theirs: Answer, ours: Answer) -> None:
        """Afterwards Redis's set lacks what ours lost by chance. What Redis took is put back first, so that the key,
        with its deadline, does not go in between."""
        lost, kept = ([member.text for member in answer.members or (answer,)] for answer in (ours, theirs))
        if sorted(lost) != sorted(kept):
            self.redis.call_all([[b"SADD", key, *kept], [b"SREM", key, *lost]])

    def _scan(self, command: Command) -> None:
        """Compare what all calls of a scan find, from the first to the one that gives the cursor 0 again."""
        place = 1 if command[0].upper() == b"SCAN" else 2
        if command[place] != b"0":
            return

        def at(cursor: bytes) -> Command:
            return [*command[:place], cursor, *command[place + 1 :]]

        theirs = _whole_scan(lambda cursor: self.redis.call(at(cursor)))
        ours = _whole_scan(lambda cursor: self.ours.run(at(cursor)))
        compare_found(command, theirs, ours)


def _whole_scan(call: Callable[[bytes], Answer]) -> list[Answer]:
    """What each call of a scan finds, the next one with the cursor that the last one gave."""
    cursor = b"0"
    found: list[Answer] = []
    while len(found) < MAX_CALLS_OF_A_SCAN:
        next_cursor, part = call(cursor).members
        found.append(part)
        if next_cursor.text == b"0":
            return found
        cursor = next_cursor.text
    raise AssertionError(f"no end of the scan after {MAX_CALLS_OF_A_SCAN} calls")
