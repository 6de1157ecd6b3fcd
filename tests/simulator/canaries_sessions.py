"""Canaries of client sessions (§6.3)."""

from collections import OrderedDict
from collections.abc import Generator, Iterable
from itertools import count

from tests.simulator.canary import canary
from tfraft.store import sessions as module
from tfraft.store.envelope import Command
from tfraft.store.session import Outcome, OutcomeKind, Session
from tfraft.store.sessions import Sessions
from tfraft.store.stream import write_stream


@canary(Session, "store")
def the_response_is_not_stored(self: Session, sequence_num: int, outcome: Outcome) -> None:
    """Whatever comes again is executed again."""


@canary(Session, "forget_below")
def one_response_too_many_is_forgotten(self: Session, lowest_unanswered: int) -> None:
    """The one that the client waits for."""
    for number in [number for number in self._outcomes if number <= lowest_unanswered]:
        del self._outcomes[number]
    self.lowest_unanswered = max(self.lowest_unanswered, lowest_unanswered)


@canary(Session, "outcome_of")
def what_was_answered_long_ago_is_executed_again(self: Session, sequence_num: int) -> Outcome | None:
    """A copy of a request that the client has the answer of comes seconds late."""
    return self._outcomes.get(sequence_num)


apply_in_session = Sessions._apply_in_session


@canary(Sessions, "_apply_in_session")
def a_request_of_a_session_that_is_gone_is_executed(self: Sessions, command: Command) -> Outcome:
    """Nobody knows whether it was before (etcd 18424)."""
    outcome = apply_in_session(self, command)
    return self._execute(command.command) if outcome.kind is OutcomeKind.EXPIRED else outcome


@canary(Sessions, "_apply_in_session")
def a_request_of_a_session_that_is_gone_opens_it_anew(self: Sessions, command: Command) -> Outcome:
    outcome = apply_in_session(self, command)
    if outcome.kind is OutcomeKind.EXPIRED:
        self._sessions[command.client_id] = Session(1_000_000, self._time_ms, self._generation)
        outcome = apply_in_session(self, command)
    return outcome


ticks = count()


@canary(Sessions, "_has_ended")
def sessions_end_by_a_local_clock(self: Sessions, session: Session) -> bool:
    """Every replica looks at its own (RedisRaft): here one clock of the whole process, that never stands still."""
    return next(ticks) % 20_000 > 19_000


@canary(Sessions, "_advance")
def log_time_goes_back(self: Sessions, time_ms: int) -> None:
    """The time of the last entry, whoever stamped it, is that of the next one too; nobody ends."""
    self._time_ms = time_ms - 10_000


@canary(Sessions, "snapshot")
def sessions_are_not_in_the_snapshot(self: Sessions) -> Generator[bytes, None, None]:
    kept, self._sessions = self._sessions, OrderedDict()
    try:
        yield from self_snapshot(self)
    finally:
        self._sessions = kept


self_snapshot = Sessions.snapshot
self_restore = Sessions.restore


@canary(Sessions, "restore")
def sessions_stay_what_they_were_when_a_snapshot_comes(self: Sessions, pieces: Iterable[bytes]) -> None:
    """The state machine is replaced, the table of sessions is not."""
    kept = self._sessions
    self_restore(self, pieces)
    self._sessions = kept


@canary(Sessions, "snapshot")
def sessions_in_a_snapshot_are_younger_than_the_state(self: Sessions) -> Generator[bytes, None, None]:
    """The state is that of the beginning, the table that of a piece later."""
    pieces = list(self._machine.snapshot())
    yield b""
    rows = module._rows(list(self._sessions.items()))
    yield from write_stream(module._SNAPSHOT_KIND, module._SNAPSHOT_VERSION, self._time_ms, rows)
    yield from pieces
