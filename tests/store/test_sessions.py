"""Client sessions (§6.3): what comes twice is executed once, and what makes no sense not at all."""

import pytest

from tests.store.session_lab import Appender, apply, done, expired, register
from tfraft.store import Store, codec
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import Outcome, OutcomeKind
from tfraft.store.sessions import Sessions


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


def test_log_time_reaches_the_state_machine_before_the_command_that_was_stamped_so() -> None:
    """What expires depends on nothing but the log."""
    sessions = Sessions(Store())
    apply(sessions, codec.encode([b"SET", b"k", b"v"]), time_ms=10)
    apply(sessions, codec.encode([b"PEXPIRE", b"k", b"10"]), time_ms=10)
    exists = codec.encode([b"EXISTS", b"k"])
    assert sessions.next_deadline_ms() == 20
    assert sessions.needs_time(exists, 20)
    assert not sessions.needs_time(exists, 19)
    assert apply(sessions, exists, time_ms=19) == Outcome(OutcomeKind.DONE, b":1\r\n")
    register(sessions, 5, time_ms=20)
    assert sessions.query(exists) == b":0\r\n"
    assert sessions.next_deadline_ms() is None


def test_a_state_machine_without_time_needs_none(sessions: Sessions) -> None:
    apply(sessions, b"a", time_ms=10)
    assert sessions.next_deadline_ms() is None
    assert not sessions.needs_time(b"", 20)
