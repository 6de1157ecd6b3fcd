"""Client sessions (§6.3) in snapshots and digests: they come back whole, in the order of their use, or not at all."""

from collections.abc import Iterable

import pytest

from tests.store.session_lab import Appender, apply, register
from tfraft.errors import CorruptState, ForeignData, TfRaftError
from tfraft.store import Store, codec
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions
from tfraft.store.stream import PIECE_BYTES


def restored(pieces: Iterable[bytes]) -> Sessions:
    copy = Sessions(Appender())
    register(copy, 99, time_ms=77)
    copy.restore(pieces)
    return copy


def test_sessions_log_time_and_state_come_back_from_a_snapshot(used: Sessions) -> None:
    copy = restored(used.snapshot())
    assert b"".join(copy.snapshot()) == b"".join(used.snapshot())
    assert copy.time_ms == 30
    for client_id, sequence_num in ((99, 1), (6, 1), (6, 2), (5, 3), (5, 1), (5, 4)):
        assert apply(copy, b"a", client_id, sequence_num) == apply(used, b"a", client_id, sequence_num)


def test_the_order_of_use_comes_back_from_a_snapshot(used: Sessions) -> None:
    """Else a server that started from a snapshot would end another session than the others do."""
    copy = restored(used.snapshot())
    register(copy, 7, max_sessions=2)
    assert [apply(copy, b"a", index, 9).kind.name for index in (5, 6)] == ["DONE", "EXPIRED"]


def test_a_snapshot_of_sessions_is_of_the_moment_of_its_first_piece(used: Sessions) -> None:
    """Sessions and state of two moments would let a command be executed twice, or not at all."""
    expected = b"".join(used.snapshot())
    pieces = used.snapshot()
    seen = [next(pieces)]
    for number in range(3):
        apply(used, b"c", 5, 10 + number, lowest=4, time_ms=40)
        apply(used, b"c", 6, 10 + number, time_ms=40)
        register(used, 40 + number, time_ms=200 + 90 * number)
        seen.append(next(pieces))
    assert b"".join([*seen, *pieces]) == expected


def test_a_snapshot_that_is_given_up_gives_that_of_the_state_machine_up(used: Sessions, machine: Appender) -> None:
    for taken in (1, 3):
        pieces = used.snapshot()
        for _ in range(taken):
            next(pieces)
        assert machine.open_snapshots == 1
        pieces.close()
        assert machine.open_snapshots == 0


def test_many_sessions_come_in_pieces_of_bounded_size(sessions: Sessions) -> None:
    for index in range(1, 3001):
        register(sessions, index, max_sessions=5000)
        apply(sessions, b"raise" + bytes(20), index, 1)
    pieces = list(sessions.snapshot())
    assert len(pieces) > 8
    assert max(map(len, pieces)) < 2 * PIECE_BYTES


def broken(pieces: Iterable[bytes], place: int) -> list[bytes]:
    damaged = bytearray(b"".join(pieces))
    damaged[place] ^= 1
    return [bytes(damaged)]


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([], CorruptState),
        (list(Store().snapshot()), ForeignData),
        (list(Sessions(Store()).snapshot()), TfRaftError),
        (list(Sessions(Appender()).snapshot())[:-1], CorruptState),
        ([*Sessions(Appender()).snapshot(), b"more\n"], CorruptState),
        (broken(Sessions(Appender()).snapshot(), 30), CorruptState),
    ],
    ids=["nothing", "no sessions", "another state machine", "cut", "too long", "damaged"],
)
def test_a_damaged_snapshot_changes_neither_sessions_nor_state(
    used: Sessions, pieces: list[bytes], error: type[TfRaftError], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = b"".join(used.snapshot())
    if error is TfRaftError:
        used = Sessions(Store())
        pieces, before = list(Sessions(Appender()).snapshot()), b"".join(used.snapshot())
    with pytest.raises(error):
        used.restore(pieces)
    assert b"".join(used.snapshot()) == before


def test_the_digest_tells_states_and_sessions_apart(used: Sessions) -> None:
    digests = [used.digest(), restored(used.snapshot()).digest()]
    for change in (
        Command(0, b"a", 6, 1),  # Not executed, but a use.
        Command(31, b"a", 6, 1),
        Command(31, b"a", 6, 1, 1),
        Command(31, b"a", 6, 3),
    ):
        used.apply(change.encode())
        digests.append(used.digest())
    register(used, 7)
    digests.append(used.digest())
    assert digests[0] == digests[1]
    assert len(set(digests)) == 6


def test_the_digest_has_that_of_the_state_machine_in_it() -> None:
    one, another = Sessions(Store()), Sessions(Store())
    one.apply(Command(1, codec.encode([b"SET", b"k", b"v"])).encode())
    another.apply(Command(1, codec.encode([b"SET", b"k", b"w"])).encode())
    assert one.digest() != another.digest()
    for sessions in (one, another):
        sessions.apply(Command(1, codec.encode([b"SET", b"k", b"x"])).encode())
    assert one.digest() == another.digest()
