"""Property: deadlines, versions and snapshots do what a dumb model of them does, for any history."""

from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import Store, codec, replies
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions

KEYS = [b"a", b"b", b"c"]
KEY = st.sampled_from(KEYS)
MOMENT = st.integers(0, 40)

Step = tuple[int, list[bytes]]
"""How many milliseconds pass, and then a command."""

COMMAND = st.one_of(
    st.tuples(st.just(b"SET"), KEY, st.just(b"v")).map(list),
    st.tuples(st.just(b"PEXPIREAT"), KEY, MOMENT.map(lambda ms: b"%d" % ms)).map(list),
    st.tuples(st.sampled_from([b"PERSIST", b"DEL", b"GET"]), KEY).map(list),
    st.tuples(st.just(b"RENAME"), KEY, KEY).map(list),
    st.tuples(st.just(b"COPY"), KEY, KEY, st.just(b"REPLACE")).map(list),
    st.tuples(st.just(b"HSET"), KEY, st.sampled_from([b"f", b"g"]), st.sampled_from([b"1", b"2"])).map(list),
    st.tuples(st.just(b"HDEL"), KEY, st.sampled_from([b"f", b"g"])).map(list),
    st.sampled_from([[b"FLUSHALL"], [b"RANDOMKEY"]]),
)
STEPS = st.lists(st.tuples(st.integers(0, 8), COMMAND), max_size=40)


class Clocked:
    """A store in sessions, and the time at which its next entry is stamped."""

    def __init__(self) -> None:
        self.store = Store()
        self.sessions = Sessions(self.store)
        self.now_ms = 0

    def take(self, step: Step) -> bytes:
        passed_ms, command = step
        self.now_ms += passed_ms
        return self.sessions.apply(Command(self.now_ms, codec.encode(command)).encode()).response

    def ask(self, *words: bytes) -> replies.Reply:
        return replies.parse(self.store.query(codec.encode(list(words))))


def follow(model: dict[bytes, int | None], now_ms: int, command: list[bytes]) -> None:
    """Change `model`, which has the deadline of each key that there is, as the command would."""
    for key in [key for key, deadline_ms in model.items() if deadline_ms is not None and deadline_ms <= now_ms]:
        del model[key]
    match command:
        case [b"SET", key, _]:
            model[key] = None
        case [b"PEXPIREAT", key, moment] if key in model:
            model[key] = int(moment)
            if int(moment) <= now_ms:
                del model[key]
        case [b"PERSIST", key] if key in model:
            model[key] = None
        case [b"DEL", key]:
            model.pop(key, None)
        case [b"RENAME", old, new] if old in model:
            model[new] = model.pop(old)
        case [b"COPY", old, new, _] if old in model:
            model[new] = model[old]
        case [b"FLUSHALL"]:
            model.clear()


@given(st.lists(st.tuples(st.integers(0, 8), COMMAND.filter(lambda command: command[0][0] != ord("H"))), max_size=40))
def test_every_key_is_there_until_its_deadline_and_no_longer(steps: list[Step]) -> None:
    clocked, model = Clocked(), dict[bytes, int | None]()
    for step in steps:
        clocked.take(step)
        follow(model, clocked.now_ms, step[1])
        assert clocked.ask(b"KEYS", b"*") == [*sorted(model)]
        deadlines = {key: clocked.ask(b"PEXPIRETIME", key) for key in model}
        assert deadlines == {key: -1 if deadline_ms is None else deadline_ms for key, deadline_ms in model.items()}
        coming = [deadline_ms for deadline_ms in model.values() if deadline_ms is not None]
        assert clocked.store.next_deadline_ms() == min(coming, default=None)


@given(STEPS, STEPS)
def test_a_server_that_starts_from_a_snapshot_goes_on_like_the_others(before: list[Step], after: list[Step]) -> None:
    """SM, with deadlines, versions and chance."""
    original, copy = Clocked(), Clocked()
    for step in before:
        original.take(step)
    copy.sessions.restore(original.sessions.snapshot())
    copy.now_ms = original.now_ms
    for step in after:
        assert copy.take(step) == original.take(step)
    assert copy.sessions.digest() == original.sessions.digest()
    assert b"".join(copy.sessions.snapshot()) == b"".join(original.sessions.snapshot())


@given(STEPS, STEPS)
def test_a_snapshot_under_way_neither_changes_nor_is_noticed(before: list[Step], during: list[Step]) -> None:
    """Another server, which takes no snapshot at the time, must come to the same state."""
    busy, other, copy = Clocked(), Clocked(), Clocked()
    for step in before:
        busy.take(step)
        other.take(step)
    digest = busy.sessions.digest()
    pieces = busy.sessions.snapshot()
    first = next(pieces)
    for step in during:
        assert busy.take(step) == other.take(step)
    copy.sessions.restore([first, *pieces])
    assert copy.sessions.digest() == digest
    assert busy.sessions.digest() == other.sessions.digest()


@given(STEPS, STEPS.filter(bool), KEY)
def test_a_version_grows_with_every_change_of_what_a_key_holds(
    before: list[Step], after: list[Step], key: bytes
) -> None:
    clocked = Clocked()
    for step in before:
        clocked.take(step)
    for step in after:
        reads = [(b"TYPE", key), (b"GET", key), (b"HGET", key, b"f"), (b"HGET", key, b"g"), (b"PEXPIRETIME", key)]
        seen, version = [clocked.ask(*read) for read in reads], clocked.ask(b"TF.VERSIONS", key)
        clocked.take(step)
        if [clocked.ask(*read) for read in reads] != seen:
            assert clocked.ask(b"TF.VERSIONS", key) != version


@given(STEPS, st.lists(COMMAND, max_size=8))
def test_a_transaction_leaves_what_its_commands_leave_one_by_one(
    before: list[Step], commands: list[list[bytes]]
) -> None:
    together, apart = Clocked(), Clocked()
    for step in before:
        together.take(step)
        apart.take(step)
    together.take((0, [b"TF.EXEC", b"0", *map(codec.encode, commands)]))
    for command in commands:
        apart.take((0, command))
    assert together.sessions.digest() == apart.sessions.digest()
