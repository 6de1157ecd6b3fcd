"""Requests and answers over gRPC: what is read equals what was written, and no bytes do harm."""

from dataclasses import replace
from typing import Any, get_args

import pytest
from google.protobuf.message import DecodeError
from hypothesis import given
from hypothesis import strategies as st

from tfraft.adapters.network import protobuf_requests as wire
from tfraft.adapters.network.identity import Identification
from tfraft.adapters.network.names import address_fault
from tfraft.adapters.network.protobuf_requests import UnfitRequest
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientBatch,
    ClientQuery,
    ClientRequest,
    Consistency,
    MembershipChange,
    NodeRequest,
    RegisterClient,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)

numbers = st.integers(0, 2**64 - 1)
ids = st.text(max_size=40)
hosts = st.one_of(st.just("[::1]"), st.from_regex(r"[a-z0-9.-]+", fullmatch=True))
addresses = st.one_of(st.just(""), st.builds("{}:{}".format, hosts, st.integers(1, 65_535)))
members = st.lists(st.tuples(ids, addresses), max_size=4).map(tuple)

calls = st.one_of(
    st.builds(RegisterClient),
    st.builds(ClientRequest, st.binary(max_size=50), numbers, numbers, numbers),
    st.builds(
        ClientQuery, st.binary(max_size=50), st.sampled_from(Consistency), st.floats(min_value=0, allow_nan=False)
    ),
)

REQUESTS: dict[type[NodeRequest], st.SearchStrategy[Any]] = {
    RegisterClient: st.builds(RegisterClient),
    ClientRequest: st.builds(ClientRequest, st.binary(max_size=50), numbers, numbers, numbers),
    ClientQuery: st.builds(
        ClientQuery, st.binary(max_size=50), st.sampled_from(Consistency), st.floats(min_value=0, allow_nan=False)
    ),
    ClientBatch: st.builds(ClientBatch, st.lists(calls, max_size=4).map(tuple)),
    AddServer: st.builds(AddServer, ids, addresses, st.booleans(), numbers, st.booleans()),
    RemoveServer: st.builds(RemoveServer, ids, numbers, st.booleans()),
    UpdateServer: st.builds(UpdateServer, ids, addresses, numbers),
    ChangeServers: st.builds(ChangeServers, members, numbers, st.booleans()),
    TransferLeadership: st.builds(TransferLeadership, ids),
}
each_kind = pytest.mark.parametrize("kind", REQUESTS, ids=lambda kind: kind.__name__)


def test_every_kind_of_request_is_tried_here() -> None:
    assert set(REQUESTS) == {*get_args(NodeRequest), *get_args(MembershipChange)} - {MembershipChange}


@each_kind
@given(data=st.data())
def test_a_request_is_read_as_it_was_written(kind: type[NodeRequest], data: st.DataObject) -> None:
    request = data.draw(REQUESTS[kind])
    written = wire.write_request(request)
    assert wire.read_request(type(written).FromString(written.SerializeToString())) == request


@each_kind
@given(data=st.data(), other=st.binary(max_size=60))
def test_other_bytes_are_another_request_or_unfit(kind: type[NodeRequest], data: st.DataObject, other: bytes) -> None:
    message = type(wire.write_request(data.draw(REQUESTS[kind])))
    try:
        request = wire.read_request(message.FromString(other))
    except (DecodeError, UnfitRequest):
        return
    assert wire.read_request(wire.write_request(request)) == request


plain_answers = st.builds(Answer, st.sampled_from(AnswerStatus), st.binary(max_size=50), ids, ids, ids)


@given(plain_answers)
def test_an_answer_is_read_as_it_was_written(answer: Answer) -> None:
    assert wire.read_answer(wire.write_answer(answer)) == answer


@given(plain_answers, st.lists(plain_answers, max_size=4).map(tuple))
def test_the_answer_to_a_batch_is_read_as_it_was_written(answer: Answer, answers: tuple[Answer, ...]) -> None:
    whole = replace(answer, answers=answers)
    assert wire.read_answers(wire.write_answers(whole)) == whole


def test_no_answer_to_a_batch_leaves_its_outcome_open() -> None:
    assert wire.read_answers([]) == Answer(AnswerStatus.TIMEOUT)


@given(st.builds(Identification, ids, ids, ids, ids, members, st.integers(0, 2**32 - 1)))
def test_an_identification_is_read_as_it_was_written(told: Identification) -> None:
    assert wire.read_identification(wire.write_identification(told)) == told


@pytest.mark.parametrize(
    "address", ["localhost:1", "10.0.0.7:65535", "[fe80::1%eth0]:7", "node-1.example:50051", "höst:1"]
)
def test_a_host_and_a_port_is_an_address(address: str) -> None:
    assert address_fault(address) == ""


@pytest.mark.parametrize(
    "address",
    [
        *("", ":", ":1", "a", "a:", "a:0", "a:65536", "a:-1", "a:1 ", "a b:1", "a:b:1", "::1:5", "[::1]", "dns:///a:1"),
        *("unix:/tmp/a:1", "http://a:1", "user@a:1", "a:١", "a\n:1", "a:1\n", "a" * 1_024 + ":1", "a\udcff:1"),
    ],
)
def test_nothing_else_is_an_address(address: str) -> None:
    assert address_fault(address) != ""
