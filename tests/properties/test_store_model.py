"""Property: the store does what a dumb model of it does, for any history of commands."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tfraft.errors import TfRaftError
from tfraft.store import COMMANDS, Store, codec, replies
from tfraft.store.replies import ErrorReply, Reply, Simple

WRONG = ErrorReply("WRONGTYPE", "Operation against a key holding the wrong kind of value")

# Few words, so that commands meet; they serve as keys, fields, values and members alike.
WORDS = st.sampled_from([b"a", b"A", b"b", b"", b"a:1", b"\r\n\xff"])
ONE_OR_MORE = st.lists(WORDS, min_size=1, max_size=4)
COMMAND = st.one_of(
    st.tuples(st.just(b"SET"), WORDS, WORDS).map(list),
    st.tuples(st.sampled_from([b"GET", b"TYPE", b"DEL"]), WORDS).map(list),
    st.tuples(st.sampled_from([b"HGET", b"SHAS"]), WORDS, WORDS).map(list),
    st.tuples(st.sampled_from([b"DEL", b"EXISTS"]), ONE_OR_MORE).map(lambda c: [c[0], *c[1]]),
    st.tuples(st.sampled_from([b"HDEL", b"SSET", b"SDEL"]), WORDS, ONE_OR_MORE).map(lambda c: [*c[:2], *c[2]]),
    st.tuples(st.just(b"HSET"), WORDS, st.lists(st.tuples(WORDS, WORDS), min_size=1, max_size=3)).map(
        lambda c: [*c[:2], *(word for pair in c[2] for word in pair)]
    ),
    st.sampled_from([[b"DBSIZE"], [b"KEYS", b"*"]]),
)
HISTORY = st.lists(COMMAND, max_size=40)

Model = dict[bytes, bytes | dict[bytes, bytes] | set[bytes]]


def expected(model: Model, name: bytes, args: list[bytes]) -> Reply:
    """Change `model` as the command would, with Python's own types, one rule after the other; the reply."""
    match name:
        case b"SET":
            model[args[0]] = args[1]
            return Simple("OK")
        case b"DEL":
            return sum(model.pop(key, None) is not None for key in args)
        case b"EXISTS":
            return len([key for key in args if key in model])
        case b"TYPE":
            return (
                Simple({bytes: "string", dict: "hash", set: "set"}[type(model[args[0]])])
                if args[0] in model
                else Simple("none")
            )
        case b"DBSIZE":
            return len(model)
        case b"KEYS":
            return [*sorted(model)]
        case b"GET":
            return expected_string(model, args[0])
        case b"HSET" | b"HGET" | b"HDEL":
            return expected_hash(model, name, args[0], args[1:])
        case _:
            return expected_set(model, name, args[0], args[1:])


def expected_string(model: Model, key: bytes) -> Reply:
    value = model.get(key)
    return value if value is None or isinstance(value, bytes) else WRONG


def expected_hash(model: Model, name: bytes, key: bytes, args: list[bytes]) -> Reply:
    before = model.get(key, {})
    if not isinstance(before, dict):
        return WRONG
    if name == b"HGET":
        return before.get(args[0])
    if name == b"HSET":
        after = before | {args[at]: args[at + 1] for at in range(0, len(args), 2)}
    else:
        after = {field: value for field, value in before.items() if field not in args}
    return keep(model, key, before, after)


def expected_set(model: Model, name: bytes, key: bytes, args: list[bytes]) -> Reply:
    before = model.get(key, set())
    if not isinstance(before, set):
        return WRONG
    if name == b"SHAS":
        return args[0] in before
    return keep(model, key, before, before | set(args) if name == b"SSET" else before - set(args))


def keep(
    model: Model, key: bytes, before: dict[bytes, bytes] | set[bytes], after: dict[bytes, bytes] | set[bytes]
) -> int:
    model.pop(key, None)
    if after:
        model[key] = after
    return abs(len(after) - len(before))


def snapshot_of(store: Store) -> bytes:
    return b"".join(store.snapshot())


def execute(history: list[list[bytes]]) -> Store:
    store = Store()
    for command in history:
        store.apply(codec.encode(command))
    return store


@given(HISTORY)
@example([[b"SET", b"k", b"v"], [b"HSET", b"k", b"a", b"b"], [b"SSET", b"k", b"a"], [b"GET", b"k"]])
def test_every_reply_is_that_of_the_model(history: list[list[bytes]]) -> None:
    store, model = Store(), Model()
    for command in history:
        reply = replies.parse(store.apply(codec.encode(command)))
        wanted = expected(model, command[0], command[1:])
        assert (type(reply), reply) == (type(wanted), wanted)


@given(HISTORY, COMMAND)
def test_a_query_changes_nothing_and_a_read_gets_the_same_answer_from_both(
    history: list[list[bytes]], command: list[bytes]
) -> None:
    store = execute(history)
    snapshot = snapshot_of(store)
    reply = store.query(codec.encode(command))
    assert snapshot_of(store) == snapshot
    if store.is_read(command):
        assert store.apply(codec.encode(command)) == reply
        assert snapshot_of(store) == snapshot
    else:
        assert reply.startswith(b"-ERR ")


@given(HISTORY, HISTORY)
def test_a_store_restored_from_a_snapshot_goes_on_like_the_original(
    before: list[list[bytes]], after: list[list[bytes]]
) -> None:
    original, copy = execute(before), Store()
    copy.restore(original.snapshot())
    assert copy.digest() == original.digest()
    for command in after:
        payload = codec.encode(command)
        assert copy.apply(payload) == original.apply(payload)
    assert snapshot_of(copy) == snapshot_of(original)


@given(HISTORY, COMMAND)
def test_the_digest_changes_when_the_state_does_and_not_for_what_gets_an_error(
    history: list[list[bytes]], command: list[bytes]
) -> None:
    store, model = execute(history), Model()
    for earlier in history:
        expected(model, earlier[0], earlier[1:])
    state_before, digest_before = dict(model), store.digest()
    store.apply(codec.encode(command))
    reply = expected(model, command[0], command[1:])
    if model != state_before:
        assert store.digest() != digest_before
    elif isinstance(reply, ErrorReply) or store.is_read(command):
        assert store.digest() == digest_before


ANY_COMMAND = st.tuples(
    st.one_of(st.sampled_from(sorted(COMMANDS)).map(bytes.lower), st.binary(max_size=5)),
    st.lists(st.one_of(WORDS, st.binary(max_size=200)), max_size=6),
).map(lambda command: codec.encode([command[0], *command[1]]))


@given(st.lists(st.one_of(ANY_COMMAND, st.binary(max_size=60)), max_size=20))
def test_whatever_the_bytes_each_gets_a_well_formed_reply(payloads: list[bytes]) -> None:
    """Pitfall 33: application is total; an error is a reply, and it changes nothing."""
    store = Store()
    for payload in payloads:
        replies.parse(store.query(payload))
        before = snapshot_of(store)
        if store.apply(payload).startswith(b"-"):
            assert snapshot_of(store) == before


def cut(snapshot: bytes, places: list[int]) -> list[bytes]:
    """The snapshot in pieces that end at these places, some of them perhaps empty."""
    ends = sorted(place % (len(snapshot) + 1) for place in places)
    return [snapshot[start:end] for start, end in zip([0, *ends], [*ends, len(snapshot)], strict=True)]


@given(HISTORY, st.lists(st.integers(0, 10_000), max_size=20))
def test_a_snapshot_is_read_whatever_the_pieces_it_comes_in(history: list[list[bytes]], places: list[int]) -> None:
    original, copy, slow = execute(history), Store(), Store()
    copy.restore(cut(snapshot_of(original), places))
    slow.restore(bytes([byte]) for byte in snapshot_of(original))
    assert copy.digest() == slow.digest() == original.digest()


@given(HISTORY, st.data())
def test_a_snapshot_damaged_anywhere_is_refused_and_changes_nothing(
    history: list[list[bytes]], data: st.DataObject
) -> None:
    store = execute(history)
    snapshot, digest = bytearray(snapshot_of(store)), store.digest()
    snapshot[data.draw(st.integers(0, len(snapshot) - 1))] ^= data.draw(st.integers(1, 255))
    for damaged in (bytes(snapshot), bytes(snapshot[: data.draw(st.integers(0, len(snapshot) - 1))])):
        with pytest.raises(TfRaftError):
            store.restore([damaged])
        assert store.digest() == digest


# Many keys, whose values fill several pieces; the commands between two pieces change them in every way there is.
LARGE = [
    *([b"SET", b"key:%d" % number, bytes(700)] for number in range(200)),
    [b"HSET", b"a", *(word for number in range(200) for word in (b"field:%d" % number, bytes(700)))],
    [b"SSET", b"b", *(b"member:%d" % number + bytes(700) for number in range(200))],
]
CHANGED = st.one_of(
    COMMAND,
    st.tuples(
        st.sampled_from([b"SET", b"DEL", b"SSET"]), st.integers(0, 250).map(lambda number: b"key:%d" % number), WORDS
    ).map(list),
    st.tuples(st.just(b"HDEL"), st.just(b"a"), st.integers(0, 200).map(lambda number: b"field:%d" % number)).map(list),
    st.tuples(st.just(b"HSET"), st.just(b"a"), st.integers(0, 250).map(lambda number: b"field:%d" % number), WORDS).map(
        list
    ),
    st.tuples(
        st.just(b"SDEL"), st.just(b"b"), st.integers(0, 200).map(lambda number: b"member:%d" % number + bytes(700))
    ).map(list),
)


@given(st.booleans(), HISTORY, st.lists(st.lists(CHANGED, max_size=10), max_size=12))
def test_a_snapshot_is_that_of_its_first_piece_whatever_is_applied_between_the_pieces(
    large: bool, history: list[list[bytes]], turns: list[list[list[bytes]]]
) -> None:
    """§5.1: and the store itself goes on as if nobody took a snapshot."""
    store, undisturbed = execute(LARGE * large + history), execute(LARGE * large + history)
    digest, pieces, seen = store.digest(), store.snapshot(), []
    for turn in turns:
        seen.append(next(pieces, b""))
        for command in turn:
            payload = codec.encode(command)
            assert store.apply(payload) == undisturbed.apply(payload)
    copy = Store()
    if turns:
        copy.restore([*seen, *pieces])
        assert copy.digest() == digest
    assert store.digest() == undisturbed.digest()
    copy.restore(store.snapshot())
    assert copy.digest() == store.digest()
