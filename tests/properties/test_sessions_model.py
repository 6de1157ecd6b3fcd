"""Property: sessions do what a dumb model of §6.3 does, over restarts from snapshots, for any history of requests."""

from collections.abc import Iterable, Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from tfraft.record import record
from tfraft.store.envelope import Command, Registration
from tfraft.store.session import OutcomeKind
from tfraft.store.sessions import Sessions

# Few clients and numbers, so that requests meet; most times are early, so that not all sessions expire at once.
TIMES = st.integers(0, 5) | st.integers(0, 60)
CLIENTS = st.integers(0, 4)
NUMBERS = st.integers(0, 3)
COMMAND = st.binary(min_size=1, max_size=1)


@record
class Restart:
    """The server starts anew from a snapshot."""


STEP = st.one_of(
    st.builds(Command, TIMES, COMMAND, CLIENTS, NUMBERS),
    st.builds(Command, TIMES, COMMAND, CLIENTS, NUMBERS, NUMBERS),
    st.builds(Registration, TIMES, st.integers(0, 30), st.integers(0, 4)),
    st.just(Restart()),
)

# The first sessions are there from the beginning, so that requests find them.
HISTORY = st.lists(STEP, max_size=40).map(lambda steps: [Registration(0, 30, 4)] * 4 + steps)


@record
class Known:
    """A session of the model."""

    client_id: int
    timeout_ms: int
    last_used_ms: int
    lowest: int
    responses: dict[int, bytes]


class Model:
    """§6.3 in the plainest way: a list of sessions, the least recently used first, and of what was executed."""

    def __init__(self) -> None:
        self.time_ms = 0
        self.known: list[Known] = []
        self.executed: list[bytes] = []

    def advance(self, time_ms: int) -> None:
        self.time_ms = max(self.time_ms, time_ms)

    def find(self, client_id: int) -> Known | None:
        """The session, taken out of the list."""
        for place, known in enumerate(self.known):
            if known.client_id == client_id:
                del self.known[place]
                return known if self.time_ms - known.last_used_ms <= known.timeout_ms else None
        return None

    def register(self, index: int, request: Registration) -> None:
        self.advance(request.time_ms)
        while self.known and self.time_ms - self.known[0].last_used_ms > self.known[0].timeout_ms:
            del self.known[0]
        self.known.append(Known(index, request.timeout_ms, self.time_ms, 0, {}))
        self.known = self.known[-max(request.max_sessions, 1) :]

    def execute(self, command: bytes) -> bytes:
        self.executed.append(command)
        return b"%d" % len(self.executed)

    def apply(self, request: Command) -> tuple[OutcomeKind, bytes]:
        self.advance(request.time_ms)
        if not request.client_id:
            return OutcomeKind.DONE, self.execute(request.command)
        known = self.find(request.client_id)
        if known is None:
            return OutcomeKind.EXPIRED, b""
        lowest = max(known.lowest, request.lowest_unanswered)
        responses = known.responses
        self.known.append(Known(known.client_id, known.timeout_ms, self.time_ms, lowest, responses))
        if request.sequence_num < lowest:
            return OutcomeKind.REFUSED, b""
        if request.sequence_num not in responses:
            responses[request.sequence_num] = self.execute(request.command)
        return OutcomeKind.DONE, responses[request.sequence_num]


class Machine:
    """Keeps what it has executed."""

    def __init__(self) -> None:
        self.executed: list[bytes] = []

    def apply(self, command: bytes) -> bytes:
        self.executed.append(command)
        return b"%d" % len(self.executed)

    def query(self, query: bytes) -> bytes:
        return query

    def snapshot(self) -> Iterator[bytes]:
        executed = b"".join(self.executed)
        yield executed[:3]
        yield executed[3:]

    def restore(self, pieces: Iterable[bytes]) -> None:
        self.executed = [bytes([byte]) for byte in b"".join(pieces)]


@settings(max_examples=300)
@given(HISTORY)
def test_every_outcome_is_that_of_the_model_over_any_number_of_restarts(
    history: list[Registration | Command | Restart],
) -> None:
    machine, model = Machine(), Model()
    sessions = Sessions(machine)
    for index, request in enumerate(history, start=1):
        match request:
            case Registration():
                outcome = sessions.register(index, request.encode())
                assert (outcome.kind, outcome.response) == (OutcomeKind.DONE, b"%d" % index)
                model.register(index, request)
            case Command():
                outcome = sessions.apply(request.encode())
                assert (outcome.kind, outcome.response) == model.apply(request)
            case Restart():
                machine, pieces = Machine(), list(sessions.snapshot())
                sessions = Sessions(machine)
                sessions.restore(pieces)
        assert sessions.time_ms == model.time_ms
        assert machine.executed == model.executed


def run(sessions: Sessions, index: int, request: Registration | Command | Restart) -> None:
    if isinstance(request, Registration):
        sessions.register(index, request.encode())
    elif isinstance(request, Command):
        sessions.apply(request.encode())


@given(HISTORY, st.lists(STEP, max_size=30), st.lists(st.integers(0, 5), max_size=5))
def test_a_snapshot_is_that_of_its_first_piece_whatever_is_applied_between_the_pieces(
    before: list[Registration | Command | Restart], after: list[Registration | Command | Restart], turns: list[int]
) -> None:
    """And the sessions go on as if nobody took a snapshot."""
    sessions, undisturbed = Sessions(Machine()), Sessions(Machine())
    for index, request in enumerate(before, start=1):
        run(sessions, index, request)
        run(undisturbed, index, request)
    expected = b"".join(sessions.snapshot())
    pieces, seen, waiting = sessions.snapshot(), [], list(enumerate(after, start=len(before) + 1))
    for count in [*turns, len(after)]:
        seen.append(next(pieces, b""))
        for index, request in waiting[:count]:
            run(sessions, index, request)
            run(undisturbed, index, request)
        del waiting[:count]
    assert b"".join([*seen, *pieces]) == expected
    assert sessions.digest() == undisturbed.digest()


@given(st.lists(st.binary(max_size=60), max_size=10), HISTORY)
def test_whatever_the_bytes_there_is_an_outcome(noise: list[bytes], history: list[Registration | Command]) -> None:
    """Pitfall 33: application is total, and the same on every server."""
    sessions, other = Sessions(Machine()), Sessions(Machine())
    for index, request in enumerate(history, start=1):
        run(sessions, index, request)
        run(other, index, request)
    for index, data in enumerate(noise, start=100):
        assert sessions.apply(data) == other.apply(data)
        assert sessions.register(index, data) == other.register(index, data)
    assert sessions.digest() == other.digest()
