"""Requests to sessions over a state machine that keeps what it is given, for the tests of sessions."""

from collections.abc import Iterable, Iterator

from tfraft.errors import CorruptState
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import Outcome, OutcomeKind
from tfraft.store.sessions import Sessions


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
