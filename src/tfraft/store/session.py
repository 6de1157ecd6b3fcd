"""One session: what a client has been answered, so that a request that comes again is not executed again (§6.3)."""

from enum import IntEnum
from typing import Final

from tfraft.record import record

MAX_STORED_RESPONSES: Final = 1024
"""So many requests of a session may be unanswered, as far as its client has told, …"""
MAX_STORED_BYTES: Final = 1 << 20
"""… and their responses may have so many bytes, before it must tell which ones it has got."""


class OutcomeKind(IntEnum):
    """What became of a request that a client has had put into the log."""

    DONE = 0
    """The state machine has answered: `response`."""
    EXPIRED = 1
    """Not executed, now or ever: there is no such session."""
    REFUSED = 2
    """Not executed, now or ever, for the `reason` given."""


@record
class Outcome:
    """What to answer."""

    kind: OutcomeKind
    response: bytes = b""
    reason: str = ""


SessionRow = tuple[int, int, int, int, list[tuple[int, OutcomeKind, bytes, str]]]
"""A session in a snapshot: client id, last use, timeout, lowest unanswered, responses by sequence number."""


class Session:
    """What is known of one client. Outcomes are stored from `lowest_unanswered` on; times are log time."""

    __slots__ = ("_outcomes", "_stored_bytes", "generation", "last_used_ms", "lowest_unanswered", "timeout_ms")

    def __init__(self, timeout_ms: int, last_used_ms: int, generation: int) -> None:
        self.timeout_ms = timeout_ms
        self.last_used_ms = last_used_ms
        self.lowest_unanswered = 0
        self.generation = generation
        self._outcomes: dict[int, Outcome] = {}
        self._stored_bytes = 0

    def copy(self, generation: int) -> "Session":
        """One that can be changed while this stays as it is."""
        copy = Session(self.timeout_ms, self.last_used_ms, generation)
        copy.lowest_unanswered = self.lowest_unanswered
        copy._outcomes = self._outcomes.copy()
        copy._stored_bytes = self._stored_bytes
        return copy

    def outcome_of(self, sequence_num: int) -> Outcome | None:
        """The outcome of this request, if it is not to be executed (again)."""
        if sequence_num < self.lowest_unanswered:
            return Outcome(
                OutcomeKind.REFUSED,
                reason=f"request {sequence_num} was answered: the client got all below {self.lowest_unanswered}",
            )
        stored = self._outcomes.get(sequence_num)
        if stored is None and (len(self._outcomes) >= MAX_STORED_RESPONSES or self._stored_bytes >= MAX_STORED_BYTES):
            return Outcome(
                OutcomeKind.REFUSED,
                reason=f"{len(self._outcomes)} responses of {self._stored_bytes} bytes are stored for the session, as "
                f"its client has not told that it got those from {self.lowest_unanswered} on",
            )
        return stored

    def store(self, sequence_num: int, outcome: Outcome) -> None:
        """Afterwards this is the outcome of the request, whenever it comes again."""
        self._outcomes[sequence_num] = outcome
        self._stored_bytes += _size(outcome)

    def forget_below(self, lowest_unanswered: int) -> None:
        """Afterwards nothing is stored for requests below, and none of them is executed. Never goes back."""
        if lowest_unanswered <= self.lowest_unanswered:
            return
        answered = range(self.lowest_unanswered, lowest_unanswered)
        # One step forward at a time must not cost a look at all that is stored, nor a great step one at every number.
        is_small = lowest_unanswered - self.lowest_unanswered < len(self._outcomes)
        for number in answered if is_small else list(self._outcomes):
            if number in answered and (outcome := self._outcomes.pop(number, None)) is not None:
                self._stored_bytes -= _size(outcome)
        self.lowest_unanswered = lowest_unanswered

    def to_row(self, client_id: int) -> tuple[int, SessionRow]:
        """The session for a snapshot, after about its size in bytes."""
        outcomes = [
            (number, outcome.kind, outcome.response, outcome.reason)
            for number, outcome in sorted(self._outcomes.items())
        ]
        row = (client_id, self.last_used_ms, self.timeout_ms, self.lowest_unanswered, outcomes)
        return _ROW_BYTES + self._stored_bytes, row

    @staticmethod
    def of_row(row: SessionRow, generation: int) -> "Session":
        """The session that `to_row` made `row` of."""
        _, last_used_ms, timeout_ms, lowest_unanswered, outcomes = row
        session = Session(timeout_ms, last_used_ms, generation)
        session.lowest_unanswered = lowest_unanswered
        for number, kind, response, reason in outcomes:
            session.store(number, Outcome(kind, response, reason))
        return session


_ROW_BYTES: Final = 32


def _size(outcome: Outcome) -> int:
    return _ROW_BYTES + len(outcome.response) + len(outcome.reason)
