"""Client sessions (§6.3): what comes twice is executed once, and what is kept for that is bounded."""

from collections.abc import Iterable, Iterator

import pytest

from tfraft.errors import CorruptState, ForeignData, TfRaftError
from tfraft.store import Store, codec, session
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import Outcome, OutcomeKind
from tfraft.store.sessions import Sessions
from tfraft.store.stream import PIECE_BYTES


class Appender:
    """A state machine that keeps what it is given, answers how much that is, and raises where it is told to."""

    def __init__(self) -> None:
        self.applied: list[bytes] = []
        self.open_snapshots = 0

    def apply(self, command: bytes) -> bytes:
        self.applied.append(command)
        if command.startswith(b"raise"):
            raise ValueError(command)
        return b"%d" % len(self.applied)

    def query(self, query: bytes) -> bytes:
        return b"%d %b" % (len(self.applied), query)

    def snapshot(self) -> Iterator[bytes]:
        applied = list(self.applied)
        self.open_snapshots += 1
        try:
            yield b"%d\n" % len(applied)
            yield from (command + b"\n" for command in applied)
        finally:
            self.open_snapshots -= 1

    def restore(self, pieces: Iterable[bytes]) -> None:
        *applied, nothing = b"".join(pieces).split(b"\n")
        count = applied.pop(0) if applied else b""
        if count != b"%d" % len(applied) or nothing:
            raise CorruptState("not what was applied")
        self.applied = applied


@pytest.fixture
def machine() -> Appender:
    return Appender()


@pytest.fixture
def sessions(machine: Appender) -> Sessions:
    return Sessions(machine)


def register(sessions: Sessions, index: int, time_ms: int = 0, timeout_ms: int = 100, max_sessions: int = 100) -> None:
    outcome = sessions.register(index, Registration(time_ms, timeout_ms, max_sessions).encode())
    assert outcome == done(index)


def apply(
    sessions: Sessions, command: bytes, client_id: int = 0, sequence_num: int = 0, lowest: int = 0, time_ms: int = 0
) -> Outcome:
    return sessions.apply(Command(time_ms, command, client_id, sequence_num, lowest).encode())


def done(number: int) -> Outcome:
    return Outcome(OutcomeKind.DONE, b"%d" % number)


def expired(client_id: int) -> Outcome:
    return Outcome(OutcomeKind.EXPIRED, b"", f"there is no session {client_id}: it has expired, or never was")


def test_without_a_session_a_command_is_executed_as_often_as_it_comes(sessions: Sessions) -> None:
    assert [apply(sessions, b"a"), apply(sessions, b"a")] == [done(1), done(2)]


def test_the_client_id_is_the_index_of_the_registration(sessions: Sessions) -> None:
    assert sessions.register(17, Registration(1, 100, 10).encode()) == Outcome(OutcomeKind.DONE, b"17")
    assert apply(sessions, b"a", client_id=17) == done(1)


def test_what_comes_again_gets_the_first_response_and_is_not_executed(sessions: Sessions, machine: Appender) -> None:
    """§6.3: linearizability needs that a retried command takes effect once."""
    register(sessions, 5)
    for _ in range(3):
        assert apply(sessions, b"a", client_id=5, sequence_num=1) == done(1)
    assert machine.applied == [b"a"]


def test_requests_of_one_client_may_come_in_any_order(sessions: Sessions) -> None:
    """§6.3: a client may have several requests outstanding at a time."""
    register(sessions, 5)
    outcomes = {number: apply(sessions, b"a", 5, number) for number in (3, 1, 2)}
    assert outcomes == {3: done(1), 1: done(2), 2: done(3)}
    assert {number: apply(sessions, b"a", 5, number) for number in (1, 2, 3)} == outcomes


def test_sessions_do_not_share_sequence_numbers(sessions: Sessions) -> None:
    register(sessions, 5)
    register(sessions, 6)
    assert [apply(sessions, b"a", client, 1) for client in (5, 6, 5, 6)] == [done(1), done(2), done(1), done(2)]


def test_a_request_of_an_unknown_session_is_never_executed(sessions: Sessions, machine: Appender) -> None:
    assert apply(sessions, b"a", client_id=5, sequence_num=1) == expired(5)
    assert machine.applied == []


def test_what_the_client_has_got_is_forgotten_and_never_executed_again(sessions: Sessions, machine: Appender) -> None:
    register(sessions, 5)
    for number in range(1, 5):
        apply(sessions, b"a", 5, number)
    assert apply(sessions, b"a", 5, 5, lowest=4) == done(5)
    assert apply(sessions, b"a", 5, 4) == done(4)
    for number in range(4):
        assert apply(sessions, b"a", 5, number) == Outcome(
            OutcomeKind.REFUSED, b"", f"request {number} was answered: the client got all below 4"
        )
    assert apply(sessions, b"a", 5, 6, lowest=7).kind is OutcomeKind.REFUSED
    assert len(machine.applied) == 5


def test_what_was_told_once_as_answered_stays_so(sessions: Sessions) -> None:
    """An old request that comes late carries an old `lowest_unanswered`."""
    register(sessions, 5)
    apply(sessions, b"a", 5, 10, lowest=10)
    list(sessions.snapshot())
    assert apply(sessions, b"a", 5, 10, lowest=3) == done(1)
    assert apply(sessions, b"a", 5, 9, lowest=3).kind is OutcomeKind.REFUSED


@pytest.mark.parametrize("step", [1, 7, 2**40], ids=["by one", "by some", "by many"])
def test_no_more_responses_are_stored_than_the_limit_says(
    sessions: Sessions, machine: Appender, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_STORED_RESPONSES", 10)
    register(sessions, 5)
    for number in range(10):
        assert apply(sessions, b"a", 5, number * step).kind is OutcomeKind.DONE
    refused = apply(sessions, b"a", 5, 10 * step)
    assert refused.kind is OutcomeKind.REFUSED
    assert refused.reason.startswith("10 responses of ")
    assert apply(sessions, b"a", 5, 9 * step) == done(10)
    assert len(machine.applied) == 10
    assert apply(sessions, b"a", 5, 10 * step, lowest=3 * step) == done(11)
    assert [apply(sessions, b"a", 5, number * step).kind.name for number in (11, 12, 13)] == ["DONE", "DONE", "REFUSED"]


def test_no_more_bytes_are_stored_than_the_limit_says(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MAX_STORED_BYTES", 200)
    register(sessions, 5)
    assert apply(sessions, b"raise" + bytes(50), 5, 1).reason.startswith("the state machine raised")
    assert apply(sessions, b"a", 5, 2).reason.startswith("1 responses of ")
    list(sessions.snapshot())
    assert apply(sessions, b"a", 5, 2).reason.startswith("1 responses of ")
    assert apply(sessions, b"a", 5, 2, lowest=2) == done(2)


def test_log_time_is_the_highest_stamp_and_never_goes_back(sessions: Sessions) -> None:
    seen = []
    for time_ms in (5, 3, 9, 8):
        apply(sessions, b"a", time_ms=time_ms)
        seen.append(sessions.time_ms)
    register(sessions, 5, time_ms=12)
    apply(sessions, b"a", 5, 1, time_ms=20)
    assert [*seen, sessions.time_ms] == [5, 5, 9, 9, 20]


def test_a_session_expires_when_it_was_not_used_for_longer_than_its_timeout(sessions: Sessions) -> None:
    register(sessions, 5, time_ms=1000, timeout_ms=100)
    assert apply(sessions, b"a", 5, 1, time_ms=1100) == done(1)
    assert apply(sessions, b"a", 5, 2, time_ms=1200) == done(2)
    apply(sessions, b"a", time_ms=1301)
    assert apply(sessions, b"a", 5, 3) == expired(5)
    assert apply(sessions, b"a", 5, 2) == expired(5)


def test_sessions_that_have_expired_take_no_room(sessions: Sessions) -> None:
    for index in range(1, 101):
        register(sessions, index, time_ms=index)
    apply(sessions, b"a", time_ms=1000)
    other = Sessions(Appender())
    apply(other, b"a", time_ms=1000)
    assert sessions.digest() == other.digest()


def test_its_own_request_finds_a_session_expired_by_the_time_that_it_carries(sessions: Sessions) -> None:
    register(sessions, 5, time_ms=1000, timeout_ms=100)
    assert apply(sessions, b"a", 5, 1, time_ms=1101) == expired(5)


def test_a_session_with_a_long_timeout_keeps_no_other_alive(sessions: Sessions) -> None:
    register(sessions, 5, timeout_ms=1000)
    register(sessions, 6, timeout_ms=10)
    assert apply(sessions, b"a", 6, 1, time_ms=11) == expired(6)
    assert apply(sessions, b"a", 5, 1, time_ms=11) == done(1)


def test_a_request_that_is_answered_from_what_is_stored_is_a_use_too(sessions: Sessions) -> None:
    register(sessions, 5, timeout_ms=100)
    for time_ms in (0, 90, 180, 270):
        assert apply(sessions, b"a", 5, 1, time_ms=time_ms) == done(1)


def test_of_too_many_sessions_the_least_recently_used_ends(sessions: Sessions) -> None:
    for index in (5, 6, 7):
        register(sessions, index, max_sessions=3)
    apply(sessions, b"a", 5, 1)
    register(sessions, 8, max_sessions=3)
    assert apply(sessions, b"a", 6, 1) == expired(6)
    register(sessions, 9, max_sessions=1)
    assert [apply(sessions, b"a", index, 2).kind.name for index in (5, 7, 8, 9)] == ["EXPIRED"] * 3 + ["DONE"]
    register(sessions, 10, max_sessions=0)
    assert [apply(sessions, b"a", index, 3).kind.name for index in (9, 10)] == ["EXPIRED", "DONE"]


def test_a_state_machine_that_raises_has_refused_and_says_so_again(sessions: Sessions, machine: Appender) -> None:
    """Pitfall 33: an entry whose application raises must not stop the node."""
    register(sessions, 5)
    refused = Outcome(OutcomeKind.REFUSED, b"", "the state machine raised ValueError(b'raise')")
    assert [apply(sessions, b"raise"), apply(sessions, b"raise", 5, 1), apply(sessions, b"raise", 5, 1)] == [
        refused
    ] * 3
    assert machine.applied == [b"raise"] * 2


class Unspeakable(Exception):
    """An error that has no text, or none that can be encoded."""

    def __init__(self, text: str | None) -> None:
        self.text = text

    def __repr__(self) -> str:
        if self.text is None:
            raise ValueError("no text")
        return self.text


@pytest.mark.parametrize(
    ("text", "reason"),
    [(None, "Unspeakable"), ("\udc80", "\\udc80"), ("x" * 5000, "x" * 1000)],
    ids=["none", "bad", "long"],
)
def test_whatever_a_state_machine_raises_the_reason_fits_into_a_snapshot(
    sessions: Sessions, machine: Appender, text: str | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(command: bytes) -> bytes:
        raise Unspeakable(text)

    monkeypatch.setattr(machine, "apply", fail)
    register(sessions, 5)
    outcome = apply(sessions, b"a", 5, 1)
    assert outcome == Outcome(OutcomeKind.REFUSED, b"", f"the state machine raised {reason}")
    copy = Sessions(Appender())
    copy.restore(sessions.snapshot())
    assert apply(copy, b"a", 5, 1) == outcome


@pytest.mark.parametrize("data", [b"", b"\0short", b"\1" + bytes(40), b"\x02" + bytes(24), b"\xff" * 60])
def test_bytes_that_hold_no_command_are_refused_and_change_nothing(
    sessions: Sessions, machine: Appender, data: bytes
) -> None:
    digest = sessions.digest()
    outcome = sessions.apply(data)
    assert (outcome.kind, outcome.response) == (OutcomeKind.REFUSED, b"")
    assert outcome.reason.startswith("expected a command")
    assert machine.applied == []
    assert sessions.digest() == digest


def test_bytes_that_hold_no_registration_are_refused_and_change_nothing(sessions: Sessions) -> None:
    digest = sessions.digest()
    outcome = sessions.register(5, Command(1, b"a").encode())
    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.reason.startswith("expected a registration")
    assert sessions.digest() == digest


def test_a_query_goes_to_the_state_machine(sessions: Sessions, machine: Appender) -> None:
    assert sessions.query(b"what") == b"0 what"
    assert sessions.machine is machine


@pytest.fixture
def used(sessions: Sessions) -> Sessions:
    """Sessions with responses of both kinds, and a state."""
    register(sessions, 5, time_ms=10)
    register(sessions, 6, time_ms=20)
    apply(sessions, b"a", 6, 1, time_ms=30)
    apply(sessions, b"raise", 6, 2)
    apply(sessions, b"b", 5, 3, lowest=2)
    return sessions


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
    another.apply(Command(1, codec.encode([b"SET", b"k", b"v"])).encode())
    assert one.digest() == another.digest()
