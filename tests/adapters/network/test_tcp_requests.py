"""Requests and answers as they travel over TCP: what is read equals what was written, and no bytes do harm."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.contracts.traffic import ANSWERS, REQUESTS
from tests.properties.test_requests_wire import REQUESTS as STRATEGIES
from tests.properties.test_requests_wire import plain_answers
from tfraft.adapters.network import protobuf_requests
from tfraft.adapters.network.protobuf_requests import UnfitRequest
from tfraft.adapters.network.tcp_frames import MAX_FRAME_BYTES, FrameKind, FrameReader, frame
from tfraft.adapters.network.tcp_requests import read_number, read_part, read_request, write_answer, write_request
from tfraft.adapters.network.wire_entries import MalformedMessage
from tfraft.core.requests import AddServer, Answer, AnswerStatus, ClientQuery, ClientRequest, NodeRequest

MIB = 1024 * 1024

numbers = st.integers(0, 2**64 - 1)
requests = st.one_of(*STRATEGIES.values())


def put_together(bodies: list[bytes]) -> Answer:
    """What who asked makes of the parts of one answer."""
    parts, lasts = zip(*map(read_part, bodies), strict=True)
    assert lasts == (*[False] * (len(bodies) - 1), True)
    return protobuf_requests.read_answers(parts)


@given(numbers, requests)
def test_a_request_is_read_as_it_was_written_with_its_number(number: int, request: NodeRequest) -> None:
    body = write_request(number, request)
    assert read_number(body) == number
    assert read_request(body) == request


def test_each_kind_of_request_has_a_number_that_never_changes() -> None:
    """Nodes of two versions talk to each other while a cluster is brought up to date."""
    kinds = {type(request).__name__: write_request(0, request)[8] for request in REQUESTS}
    assert kinds == {
        "ClientRequest": 1,
        "ClientQuery": 2,
        "ClientBatch": 3,
        "RegisterClient": 4,
        "AddServer": 5,
        "RemoveServer": 6,
        "UpdateServer": 7,
        "ChangeServers": 8,
        "TransferLeadership": 9,
    }


@given(numbers, plain_answers, st.lists(plain_answers, max_size=4).map(tuple))
def test_an_answer_is_read_as_it_was_written_with_its_number(
    number: int, answer: Answer, answers: tuple[Answer, ...]
) -> None:
    whole = replace(answer, answers=answers)
    bodies = write_answer(number, whole)
    assert [read_number(body) for body in bodies] == [number] * len(bodies)
    assert put_together(bodies) == whole


def test_a_long_answer_travels_in_parts_of_which_the_last_says_so() -> None:
    whole = Answer(AnswerStatus.OK, answers=tuple(replace(answer, response=bytes(MIB)) for answer in ANSWERS))
    bodies = write_answer(7, whole)
    assert len(bodies) >= len(ANSWERS)
    assert all(len(body) < 2 * MIB for body in bodies)
    assert put_together(bodies) == whole


@pytest.mark.parametrize("in_batch", [False, True])
def test_an_answer_that_fits_into_no_frame_becomes_one_that_says_so(in_batch: bool) -> None:
    """It was done, so it is not refused; and the connection, with all else on it, must not break over it."""
    too_large = Answer(AnswerStatus.OK, bytes(MAX_FRAME_BYTES))
    answer = Answer(AnswerStatus.OK, answers=(ANSWERS[0], too_large)) if in_batch else too_large
    bodies = write_answer(7, answer)
    given_ = put_together(bodies)
    assert (given_.status, given_.answers) == (AnswerStatus.TIMEOUT, ())
    assert "bytes" in given_.reason
    reader = FrameReader()
    assert [len(reader.feed(frame(FrameKind.ANSWER, body))) for body in bodies] == [1]


def test_the_largest_answer_that_fits_travels() -> None:
    largest = Answer(AnswerStatus.OK, bytes(32 * MIB))
    bodies = write_answer(7, largest)
    assert FrameReader().feed(frame(FrameKind.ANSWER, bodies[0])) == [(FrameKind.ANSWER, bodies[0])]
    assert put_together(bodies) == largest


@pytest.mark.parametrize("kind", [0, 10, 255])
def test_a_request_of_a_kind_that_is_unknown_is_unfit(kind: int) -> None:
    """It comes from somebody newer, and is answered; the connection goes on."""
    with pytest.raises(UnfitRequest, match=f"there is no request of kind {kind} here"):
        read_request(bytes(8) + bytes([kind]) + b"whatever")


@pytest.mark.parametrize("request_", [AddServer("n4", "nowhere"), ClientQuery(b"", max_staleness_s=-1.0)], ids=repr)
def test_a_request_that_could_not_be_carried_is_not_written(request_: NodeRequest) -> None:
    with pytest.raises(UnfitRequest):
        write_request(0, request_)


@pytest.mark.parametrize("size", range(9))
def test_what_is_too_short_for_its_number_is_malformed(size: int) -> None:
    for read in (read_number, read_request, read_part):
        with pytest.raises(MalformedMessage, match=f"9 bytes at least, not {size}"):
            read(bytes(size))


def test_what_is_no_message_of_its_kind_is_malformed_and_says_of_which() -> None:
    body = write_request(0, ClientRequest(b"command"))
    with pytest.raises(MalformedMessage, match="a ClientRequest that cannot be read"):
        read_request(body[:-1])
    with pytest.raises(MalformedMessage, match="a Answers that cannot be read"):
        read_part(bytes(9) + b"\xff")


@given(numbers, st.integers(0, 255), st.binary(max_size=60))
def test_other_bytes_are_another_request_or_unfit_or_malformed(number: int, kind: int, rest: bytes) -> None:
    body = number.to_bytes(8, "little") + bytes([kind]) + rest
    try:
        request = read_request(body)
    except (UnfitRequest, MalformedMessage):
        return
    assert read_request(write_request(number, request)) == request


@given(requests, st.data())
def test_a_request_with_a_byte_changed_is_another_or_unfit_or_malformed(
    request: NodeRequest, data: st.DataObject
) -> None:
    body = bytearray(write_request(0, request))
    place = data.draw(st.integers(0, len(body) - 1))
    body[place] ^= data.draw(st.integers(1, 255))
    try:
        other = read_request(bytes(body))
    except (UnfitRequest, MalformedMessage):
        return
    assert read_request(write_request(0, other)) == other


@given(st.lists(st.binary(min_size=9, max_size=60), min_size=1, max_size=3))
def test_other_bytes_are_another_answer_or_malformed(bodies: list[bytes]) -> None:
    try:
        parts = [read_part(body)[0] for body in bodies]
    except MalformedMessage:
        return
    assert isinstance(protobuf_requests.read_answers(parts), Answer)
