"""Client sessions (§6.3) are bounded: in what they store, in how long they last, and in how many there are."""

import pytest

from tests.store.session_lab import Appender, apply, done, expired, register
from tfraft.store import session
from tfraft.store.session import OutcomeKind
from tfraft.store.sessions import Sessions


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


@pytest.mark.parametrize("number", [2**63, 2**64 - 1])
def test_a_number_as_high_as_can_be_is_a_number(sessions: Sessions, machine: Appender, number: int) -> None:
    """One request of a client with such a number ended every server: it raised where nothing may."""
    register(sessions, 5)
    assert apply(sessions, b"a", 5, 1) == done(1)
    assert apply(sessions, b"a", 5, number, lowest=number) == done(2)
    assert apply(sessions, b"a", 5, number, lowest=number) == done(2)
    assert apply(sessions, b"a", 5, 1).kind is not OutcomeKind.DONE
    assert len(machine.applied) == 2


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
