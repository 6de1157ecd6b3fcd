"""Requests and answers as the bodies of frames, and back: the messages of raft.proto behind a few bytes. No I/O here.

    REQUEST   number (8 bytes) · kind (1 byte, see _KINDS) · the message of the request
    ANSWER    number of the request (8 bytes) · 1 with the last part, else 0 (1 byte) · an Answers message

The number is chosen by who asks, and says which answer is whose. The parts of an answer come in order; those to other
requests may stand between them.
"""

from struct import Struct
from typing import Final

from google.protobuf.message import DecodeError

from tfraft.adapters.network import protobuf_requests
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.protobuf_requests import RequestMessage, UnfitRequest
from tfraft.adapters.network.tcp_frames import MAX_FRAME_BYTES
from tfraft.adapters.network.wire_entries import MalformedMessage
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest

_NUMBER_AND_KIND: Final = Struct("<QB")
_MAX_RESPONSE_BYTES: Final = MAX_FRAME_BYTES - 16 * 1024
"""A part of an answer holds at most one that is larger than a part should be, with its hint and its reason."""

_KINDS: Final[dict[int, type[RequestMessage]]] = {
    1: pb.ClientRequest,
    2: pb.ClientQuery,
    3: pb.ClientBatch,
    4: pb.RegisterClient,
    5: pb.AddServer,
    6: pb.RemoveServer,
    7: pb.UpdateServer,
    8: pb.ChangeServers,
    9: pb.TransferLeadership,
}
_KIND_OF: Final = {message: kind for kind, message in _KINDS.items()}


def write_request(number: int, request: NodeRequest) -> bytes:
    """The body of a REQUEST. Raises `UnfitRequest`."""
    message = protobuf_requests.write_request(request)
    return _NUMBER_AND_KIND.pack(number, _KIND_OF[type(message)]) + message.SerializeToString()


def read_number(body: bytes) -> int:
    """The number of a REQUEST or an ANSWER. Raises `MalformedMessage`."""
    return _numbers_of(body)[0]


def read_request(body: bytes) -> NodeRequest:
    """The request in a REQUEST. Raises `UnfitRequest` where it can be refused, and `MalformedMessage`."""
    _, kind = _numbers_of(body)
    if kind not in _KINDS:
        raise UnfitRequest(f"there is no request of kind {kind} here")
    message = _KINDS[kind]()
    _parse(message, body)
    return protobuf_requests.read_request(message)


def write_answer(number: int, answer: Answer) -> list[bytes]:
    """The bodies of the ANSWERs that `answer` makes. Of one that fits into no frame, nothing is known but that."""
    largest = max(len(one.response) for one in (answer, *answer.answers))
    if largest > _MAX_RESPONSE_BYTES:
        reason = f"a response may have at most {_MAX_RESPONSE_BYTES} bytes to travel, not {largest}"
        answer = Answer(AnswerStatus.TIMEOUT, reason=reason)
    parts = list(protobuf_requests.write_answers(answer))
    return [
        _NUMBER_AND_KIND.pack(number, place == len(parts)) + part.SerializeToString()
        for place, part in enumerate(parts, 1)
    ]


def read_part(body: bytes) -> tuple[pb.Answers, bool]:
    """The part in an ANSWER, and whether it is the last one. Raises `MalformedMessage`."""
    _, is_last = _numbers_of(body)
    part = pb.Answers()
    _parse(part, body)
    return part, bool(is_last)


def _numbers_of(body: bytes) -> tuple[int, int]:
    if len(body) < _NUMBER_AND_KIND.size:
        raise MalformedMessage(f"a request or an answer has {_NUMBER_AND_KIND.size} bytes at least, not {len(body)}")
    number, kind = _NUMBER_AND_KIND.unpack_from(body)
    return number, kind


def _parse(message: RequestMessage | pb.Answers, body: bytes) -> None:
    try:
        message.ParseFromString(body[_NUMBER_AND_KIND.size :])
    except DecodeError as error:
        raise MalformedMessage(f"a {type(message).__name__} that cannot be read: {error}") from None
