"""What a client is told of the answer of a node, in the words that Redis clients know what to do with.

A client library resends what it sent over a connection that broke, so an outcome that is not known is an error of its
own on the living connection. No other error here is one that a client would resend by itself.
"""

from typing import Final

from tfraft.core.requests import Answer, AnswerStatus
from tfraft.store import replies

NO_LEADER: Final = b"-CLUSTERDOWN No Raft leader\r\n"
UNKNOWN: Final = b"-UNKNOWN outcome: the write may or may not have been executed\r\n"


def reply_to_write(answer: Answer) -> bytes:
    """The reply to what may have changed something."""
    match answer.status:
        case AnswerStatus.OK:
            return answer.response
        case AnswerStatus.TIMEOUT:
            return UNKNOWN
        case _:
            return _refusal(answer)


def reply_to_read(answer: Answer) -> bytes:
    """The reply to what changes nothing, so that an unknown outcome is none."""
    return answer.response if answer.status is AnswerStatus.OK else _refusal(answer)


def _refusal(answer: Answer) -> bytes:
    reason = answer.reason.encode()
    match answer.status:
        case AnswerStatus.SESSION_EXPIRED:
            return replies.error(b"SESSIONEXPIRED " + reason)
        case AnswerStatus.OVERLOADED:
            return replies.error(b"BUSY " + reason)
        case AnswerStatus.REFUSED:
            return replies.error(b"ERR " + reason)
        case _:
            return NO_LEADER
