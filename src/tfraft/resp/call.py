"""One request of a client on its way: to this node, to the leader, and again where that is safe."""

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from tfraft.core.requests import Answer, AnswerStatus, ClientCall, ClientRequest
from tfraft.ports import OnAnswer

REFUSALS: Final = (AnswerStatus.REFUSED, AnswerStatus.SESSION_EXPIRED, AnswerStatus.OVERLOADED)


class Where(Enum):
    """Who has the request now."""

    WAITING = auto()
    """Nobody but us: no try of it is under way."""
    HERE = auto()
    """This node, as its leader or for a read of its own."""
    AWAY = auto()
    """Another server, as part of a batch."""
    ANSWERED = auto()
    """Its client has the answer."""


# To get a member of an enum by its name takes Python 3.11 as long as a call, and here it is done for every request.
_WAITING: Final = Where.WAITING
_HERE: Final = Where.HERE
_ANSWERED: Final = Where.ANSWERED
_OK: Final = AnswerStatus.OK


class Call:
    """A request that arrived as number `number` of its lane.

    Called with an answer of this node it ends, or tells the lane where that is not OK.

    It is handed to a leader by `deadline`, or never; and answered by `ends_at`, once this node has it."""

    __slots__ = ("_on_answer", "_tell", "deadline", "ends_at", "is_open", "number", "reason", "request", "where")

    def __init__(
        self,
        number: int,
        request: ClientCall,
        on_answer: OnAnswer,
        deadline: float,
        tell: "Callable[[Call, Answer], None]",
    ) -> None:
        self.number = number
        self.request = request
        self.deadline = deadline
        self.ends_at = 0.0
        self.where = _WAITING
        self.is_open = False
        """Whether an earlier try may have been done."""
        self.reason = ""
        """Why the last try has failed."""
        self._on_answer = on_answer
        self._tell = tell

    def __call__(self, answer: Answer) -> None:
        # An answer that comes after its time finds that the client has been told so.
        if self.where is not _HERE:
            return
        if answer.status is _OK:
            self.where = _ANSWERED
            self._on_answer(answer)
        else:
            self._tell(self, answer)

    @property
    def is_write(self) -> bool:
        """Whether it matters if it was done: an unknown session, or a read, harms nobody."""
        return isinstance(self.request, ClientRequest)

    @property
    def may_repeat(self) -> bool:
        """Whether it may be sent again though an earlier try may have been done."""
        return not isinstance(self.request, ClientRequest) or self.request.client_id > 0

    def end(self, answer: Answer) -> None:
        """Give the client its answer. A refusal says nothing of an earlier try that may have been done."""
        if self.is_open and self.is_write and answer.status in REFUSALS:
            reason = f"an earlier try may have been executed, but {answer.reason}"
            answer = Answer(AnswerStatus.TIMEOUT, reason=reason)
        self.where = Where.ANSWERED
        self._on_answer(answer)

    def give_up(self) -> None:
        """Tell the client that there will be no answer, and whether it may have been done."""
        unknown = self.is_write and (self.is_open or self.where in (Where.HERE, Where.AWAY))
        self.where = Where.ANSWERED
        status = AnswerStatus.TIMEOUT if unknown else AnswerStatus.NOT_LEADER
        self._on_answer(Answer(status, reason=self.reason))
