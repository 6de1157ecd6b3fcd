"""From committed entries to answers: the state machine of a node, with the sessions of its clients (§6.3)."""

from collections.abc import Callable
from itertools import repeat
from typing import Final

from tfraft.core.effects import Committed, ConfirmedReads
from tfraft.core.entry import EntryKind
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest, Consistency
from tfraft.node.settings import NodeSettings
from tfraft.ports import OnAnswer
from tfraft.record import record
from tfraft.store.envelope import Command, Registration, encode_plain
from tfraft.store.session import Outcome, OutcomeKind
from tfraft.store.sessions import Sessions

STATUS_OF = {
    OutcomeKind.DONE: AnswerStatus.OK,
    OutcomeKind.EXPIRED: AnswerStatus.SESSION_EXPIRED,
    OutcomeKind.REFUSED: AnswerStatus.REFUSED,
}
DONE = Answer(AnswerStatus.OK)

# To get a member of an enum by its name takes Python 3.11 as long as a call, and here it is done for every command.
_OK: Final = AnswerStatus.OK
_DONE_KIND: Final = OutcomeKind.DONE
_AT_A_LEADER: Final = (Consistency.LINEARIZABLE, Consistency.LEASE)
_COMMAND: Final = EntryKind.COMMAND
_REGISTER_CLIENT: Final = EntryKind.REGISTER_CLIENT


@record
class Read:
    """A read that waits to be confirmed; called with an answer it ends, like any other who waits.

    Without a `query` it asks for a moment only: all is applied then that was answered before it was asked for. One that
    is `timely` must not see what has expired by now."""

    query: bytes | None
    on_answer: OnAnswer
    timely: bool = False

    @classmethod
    def of(cls, request: ClientQuery, on_answer: OnAnswer) -> "Read":
        """The read that a client asks for. One that only a leader answers is timely: it has the clock that counts."""
        return cls(request.query, on_answer, request.consistency in _AT_A_LEADER)

    def __call__(self, answer: Answer) -> None:
        self.on_answer(answer)


class Applier:
    """Stamps what clients ask for with the time, and executes it once it is committed.

    What it asks for itself goes to `request`, the node."""

    def __init__(
        self,
        sessions: Sessions,
        settings: NodeSettings,
        wall_clock: Callable[[], float],
        request: Callable[[ClientRequest, OnAnswer], None],
    ) -> None:
        self._sessions = sessions
        self._request = request
        self._wall_clock = wall_clock
        self._timeout_ms = round(settings.session_timeout_s * 1000)
        self._max_sessions = settings.max_sessions

    def entry_of(self, request: ClientRequest) -> bytes:
        """The data of the entry for `request`: replicas never look at a clock, so the time travels in it."""
        if not request.client_id:
            return encode_plain(self._now_ms(), request.command)
        return Command(
            self._now_ms(), request.command, request.client_id, request.sequence_num, request.lowest_unanswered
        ).encode()

    def entry_of_registration(self) -> bytes:
        """The data of the entry that opens a session; the settings travel in it, so that all servers keep to them."""
        return Registration(self._now_ms(), self._timeout_ms, self._max_sessions).encode()

    def _now_ms(self) -> int:
        return max(int(self._wall_clock() * 1000), 0)

    def apply(self, committed: Committed) -> None:
        """Execute a run of committed entries in order, and answer who waits for them."""
        entries, tokens = committed.entries, committed.tokens or repeat(None)
        rows = zip(entries.kinds, entries.data, tokens, strict=False)
        for index, (kind, data, token) in enumerate(rows, committed.first_index):
            if kind == _COMMAND:
                outcome = self._sessions.apply(data)
            elif kind == _REGISTER_CLIENT:
                outcome = self._sessions.register(index, data)
            else:
                outcome = None
            if token is not None:
                token(DONE if outcome is None else answer_of(outcome))

    def answer(self, reads: ConfirmedReads) -> None:
        """Answer reads from the state machine, which has applied far enough.

        A read that would see what has expired, because no entry has moved log time on, goes through the log itself."""
        now_ms = self._now_ms()
        may_expire = self._sessions.next_deadline_ms() is not None
        for read in reads.tokens:
            if read.query is None:
                read(DONE)
            elif may_expire and read.timely and self._sessions.needs_time(read.query, now_ms):
                self._request(ClientRequest(read.query), read.on_answer)
            else:
                read.on_answer(Answer(_OK, self._sessions.query(read.query)))


def answer_of(outcome: Outcome) -> Answer:
    """What the client is told."""
    if outcome.kind is _DONE_KIND:
        return Answer(_OK, outcome.response)
    return Answer(STATUS_OF[outcome.kind], outcome.response, reason=outcome.reason)
