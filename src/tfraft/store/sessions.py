"""Client sessions around any state machine: a request that comes twice is executed once (§6.3).

The table of sessions is part of the replicated state: it depends on nothing but the log. Log time is the highest time
that an entry was stamped with, as of the entry that is being applied; no replica looks at a clock.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Generator, Iterable, Iterator
from typing import Final, Protocol, runtime_checkable

import msgspec

from tfraft.store.envelope import Command, EnvelopeError, Registration, decode_plain
from tfraft.store.session import Outcome, OutcomeKind, Session, SessionRow
from tfraft.store.stream import StreamReader, write_stream

_SNAPSHOT_KIND: Final = b"tf-raft sessions"
_SNAPSHOT_VERSION: Final = 1

_TIME_MS = msgspec.msgpack.Decoder(int)
_ROWS = msgspec.msgpack.Decoder(list[SessionRow] | int)
_ENCODER = msgspec.msgpack.Encoder()
_DONE: Final = OutcomeKind.DONE
_SHOWN_CHARACTERS: Final = 1000  # of an error


class Machine(Protocol):
    """The state machine inside, as the port StateMachine describes it."""

    def apply(self, command: bytes) -> bytes:
        """Execute a command; its result."""

    def query(self, query: bytes) -> bytes:
        """Answer without changing anything."""

    def snapshot(self) -> Iterator[bytes]:
        """The state as of the moment at which the first piece is asked for."""

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace the state, or raise TfRaftError and change nothing."""


class Sessions:
    """A state machine with the sessions of its clients. Whatever the bytes, `apply` and `register` never raise."""

    __slots__ = ("_generation", "_machine", "_sessions", "_time_ms", "_timed")

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._timed = machine if isinstance(machine, HasTime) else None
        self._sessions: OrderedDict[int, Session] = OrderedDict()  # The least recently used is the first.
        self._time_ms = 0
        # A session of an earlier generation may belong to a snapshot, and is copied before it is changed.
        self._generation = 0

    @property
    def machine(self) -> Machine:
        """The state machine inside."""
        return self._machine

    @property
    def time_ms(self) -> int:
        """Log time, in milliseconds since 1970; it never goes back."""
        return self._time_ms

    def next_deadline_ms(self) -> int | None:
        """When time removes something of the state machine, at the earliest; None where it never does."""
        return None if self._timed is None else self._timed.next_deadline_ms()

    def needs_time(self, query: bytes, now_ms: int) -> bool:
        """Whether `query` would see something that is to be removed by `now_ms`, and is not yet."""
        return self._timed is not None and self._timed.needs_time(query, now_ms)

    def apply(self, data: bytes) -> Outcome:
        """Execute the command of an entry, which `Command.encode` made; in a session, once."""
        if (plain := decode_plain(data)) is not None:
            time_ms, plain_command = plain
            if time_ms > self._time_ms:
                self._advance(time_ms)
            return self._execute(plain_command)
        try:
            command = Command.decode(data)
        except EnvelopeError as error:
            return Outcome(OutcomeKind.REFUSED, reason=str(error))
        if command.time_ms > self._time_ms:
            self._advance(command.time_ms)
        return self._apply_in_session(command)

    def register(self, index: int, data: bytes) -> Outcome:
        """Open a session for the entry at `index`, which `Registration.encode` made; the response is its client id.

        That is the index. Of too many sessions the least recently used end, never the new one."""
        try:
            registration = Registration.decode(data)
        except EnvelopeError as error:
            return Outcome(OutcomeKind.REFUSED, reason=str(error))
        if registration.time_ms > self._time_ms:
            self._advance(registration.time_ms)
        self._sessions[index] = Session(registration.timeout_ms, self._time_ms, self._generation)
        self._sessions.move_to_end(index)
        while len(self._sessions) > max(registration.max_sessions, 1):
            self._sessions.popitem(last=False)
        return Outcome(OutcomeKind.DONE, b"%d" % index)

    def query(self, query: bytes) -> bytes:
        """Answer without changing anything, as the state machine does."""
        return self._machine.query(query)

    def snapshot(self) -> Generator[bytes, None, None]:
        """The sessions, then the state machine, both of the moment at which the first piece is asked for.

        What holds for the snapshot of the state machine, such as who gives it up, holds for this."""
        machine_pieces = self._machine.snapshot()
        machine_piece = next(machine_pieces, b"")
        self._generation += 1
        yield from write_stream(_SNAPSHOT_KIND, _SNAPSHOT_VERSION, self._time_ms, _rows(list(self._sessions.items())))
        yield machine_piece
        yield from machine_pieces

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace sessions and state by those of a snapshot, whose bytes come in pieces cut anywhere.

        Raises TfRaftError, and changes nothing, if it is damaged or of something else."""
        reader = StreamReader(pieces)
        time_ms = reader.header(_SNAPSHOT_KIND, _SNAPSHOT_VERSION, _TIME_MS)
        sessions = OrderedDict((row[0], Session.of_row(row, self._generation)) for row in reader.rows(_ROWS))
        self._machine.restore(reader.rest())
        self._sessions = sessions
        self._time_ms = time_ms

    def digest(self) -> str:
        """A SHA-256 in hexadecimal of log time, sessions and, if it has one, the state machine's own digest."""
        rows = [row for _, row in _rows(list(self._sessions.items()))]
        digest = hashlib.sha256(_ENCODER.encode((self._time_ms, rows)))
        if isinstance(self._machine, _HasDigest):
            digest.update(self._machine.digest().encode())
        return digest.hexdigest()

    def _execute(self, command: bytes) -> Outcome:
        try:
            return Outcome(_DONE, self._machine.apply(command))
        except Exception as error:
            return Outcome(OutcomeKind.REFUSED, reason=f"the state machine raised {_text_of(error)}")

    def _apply_in_session(self, command: Command) -> Outcome:
        session = self._use(command.client_id)
        if session is None:
            reason = f"there is no session {command.client_id}: it has expired, or never was"
            return Outcome(OutcomeKind.EXPIRED, reason=reason)
        session.forget_below(command.lowest_unanswered)
        outcome = session.outcome_of(command.sequence_num)
        if outcome is None:
            outcome = self._execute(command.command)
            session.store(command.sequence_num, outcome)
        return outcome

    def _use(self, client_id: int) -> Session | None:
        """The session, to change, which is now the most recently used; None if there is none."""
        session = self._sessions.get(client_id)
        if session is None:
            return None
        if self._has_ended(session):  # One with a longer timeout, unused for longer, kept it from being removed.
            del self._sessions[client_id]
            return None
        if session.generation != self._generation:
            session = self._sessions[client_id] = session.copy(self._generation)
        session.last_used_ms = self._time_ms
        self._sessions.move_to_end(client_id)
        return session

    def _has_ended(self, session: Session) -> bool:
        return self._time_ms - session.last_used_ms > session.timeout_ms

    def _advance(self, time_ms: int) -> None:
        """Afterwards this is the log time, and the sessions that have ended make room, from the least recently used."""
        self._time_ms = time_ms
        if self._timed is not None:
            self._timed.advance(time_ms)
        while self._sessions:
            client_id = next(iter(self._sessions))
            if not self._has_ended(self._sessions[client_id]):
                break
            del self._sessions[client_id]


@runtime_checkable
class HasTime(Protocol):
    """A state machine in which something depends on time."""

    def next_deadline_ms(self) -> int | None:
        """When something is to be removed, at the earliest; None where nothing is. Asked after each turn."""

    def advance(self, time_ms: int) -> None:
        """Log time, which never goes back, has come to `time_ms`: what is applied next was stamped so."""

    def needs_time(self, query: bytes, now_ms: int) -> bool:
        """Whether `query` would see something that is to be removed by `now_ms`, and is not yet."""


@runtime_checkable
class _HasDigest(Protocol):
    def digest(self) -> str: ...


def _rows(sessions: list[tuple[int, Session]]) -> Iterator[tuple[int, SessionRow]]:
    return (session.to_row(client_id) for client_id, session in sessions)


def _text_of(error: Exception) -> str:
    """Short, and fit for a snapshot, whatever the state machine raised."""
    try:
        return repr(error)[:_SHOWN_CHARACTERS].encode(errors="backslashreplace").decode()
    except Exception:
        return type(error).__name__
