"""What the answer to a request, or to many that are sent together, tells its client."""

from collections.abc import Sequence
from typing import Final

from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientBatch,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
)
from tfraft.errors import OutcomeUnknown, Overloaded, Refused, SessionExpired, TfRaftError, Unavailable
from tfraft.record import record

REFUSALS: Final = (AnswerStatus.REFUSED, AnswerStatus.SESSION_EXPIRED, AnswerStatus.OVERLOADED)
DEFINITE: Final = (AnswerStatus.OK, *REFUSALS)
NO_ANSWER: Final = Answer(AnswerStatus.NOT_LEADER)

Result = bytes | TfRaftError
"""What the state machine answered, or why it did not."""


@record
class Fate:
    """What became of a request: the last answer, and whether an earlier try may have been done."""

    answer: Answer = NO_ANSWER
    is_open: bool = False

    def then(self, answer: Answer, is_open: bool) -> "Fate":
        """The fate of a request that was asked again and got this answer; `is_open` is told of the tries meanwhile."""
        earlier = self.is_open or self.answer.status is AnswerStatus.TIMEOUT
        return Fate(answer, is_open or earlier)

    def result_of_write(self) -> Result:
        """The result of a write in a session."""
        if self.is_open and self.answer.status in REFUSALS:
            return OutcomeUnknown(f"an earlier try may have been executed, but {self.answer.reason}")
        if self.is_open and self.answer.status is AnswerStatus.NOT_LEADER:
            return OutcomeUnknown(self.answer.reason)
        return result_of_write(self.answer)

    def result_of_read(self) -> Result:
        """The result of a read."""
        return result_of_read(self.answer)


def own_answers(request: NodeRequest, answer: Answer) -> Sequence[Answer]:
    """The answers to each of the requests that `request` consists of. One that is missing is not known."""
    if not isinstance(request, ClientBatch):
        return [answer]
    count = len(request.requests)
    if answer.status is not AnswerStatus.OK:
        return [answer] * count
    missing = [Answer(AnswerStatus.TIMEOUT)] * (count - len(answer.answers))
    return [*answer.answers, *missing][:count]


def as_one(request: NodeRequest, answer: Answer) -> Answer:
    """The answer; where it is to a batch of which nothing is settled, that of one of its requests: to ask again."""
    own = own_answers(request, answer)
    if answer.status is not AnswerStatus.OK or not own or any(one.status in DEFINITE for one in own):
        return answer
    return next((one for one in own if one.status is AnswerStatus.TIMEOUT), own[0])


def is_harmless_twice(request: NodeRequest) -> bool:
    """Whether it may be sent again though it may have been done."""
    match request:
        case ClientBatch(requests):
            return all(map(is_harmless_twice, requests))
        case ClientRequest():
            return request.client_id > 0
        case _:
            return isinstance(request, ClientQuery | RegisterClient)


def is_read(request: NodeRequest) -> bool:
    """Whether it changes nothing: then it cannot have been done in vain."""
    if isinstance(request, ClientBatch):
        return all(map(is_read, request.requests))
    return isinstance(request, ClientQuery)


def answered_anywhere(request: NodeRequest) -> bool:
    """Whether a server need not lead to answer this."""
    if isinstance(request, ClientBatch):
        return all(map(answered_anywhere, request.requests))
    return isinstance(request, ClientQuery) and request.consistency in (Consistency.FOLLOWER, Consistency.STALE)


def result_or_raise(result: Result) -> bytes:
    """What the state machine answered. Raises why it did not."""
    if isinstance(result, TfRaftError):
        raise result
    return result


def result_of_write(answer: Answer) -> Result:
    """The response; an error `OutcomeUnknown` if that is so, else one that says that nothing was done."""
    return OutcomeUnknown(answer.reason) if answer.status is AnswerStatus.TIMEOUT else result_of_read(answer)


def result_of_read(answer: Answer) -> Result:
    """The response; or the error that says why there is none."""
    match answer.status:
        case AnswerStatus.OK:
            return answer.response
        case AnswerStatus.REFUSED:
            return Refused(answer.reason)
        case AnswerStatus.SESSION_EXPIRED:
            return SessionExpired(answer.reason)
        case AnswerStatus.OVERLOADED:
            return Overloaded(answer.reason)
        case _:
            return Unavailable(answer.reason)
