"""What cannot be sent over gRPC, and what would be too much."""

import pytest
from grpc import StatusCode

from tests.adapters.network.grpc_lab import OK, calling, serving, status_of
from tests.adapters.network.recorder import Recorder, eventually, run, vote
from tfraft.adapters.network import outbox
from tfraft.adapters.network import peer as peer_module
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.channel import MAX_MESSAGE_BYTES
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.core.config import MAX_ENTRY_BYTES
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries
from tfraft.core.requests import (
    AddServer,
    AnswerStatus,
    ChangeServers,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)


def test_a_request_above_the_limit_is_refused_and_not_sent() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            answer = await peer.request(ClientRequest(bytes(MAX_MESSAGE_BYTES)), 20)
            assert answer.status is AnswerStatus.REFUSED
            assert str(MAX_MESSAGE_BYTES) in answer.reason
            assert await peer.request(ClientRequest(bytes(MAX_MESSAGE_BYTES - 100)), 20) == OK
            assert len(handler.requests) == 1
            await peer.close()

    run(story())


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (AddServer("n" * 1_025), "an id may have at most 1024 bytes, not 1025"),
        (AddServer("n4", "h" * 1_025), "an address may have at most 1024 bytes, not 1025"),
        (AddServer("n4", "host"), "an address is host:port, with a port from 1 to 65535, not 'host'"),
        (UpdateServer("n4", "unix:/tmp/socket"), "an address is host:port"),
        (ChangeServers((("n1", "host:1"), ("n2", "host:99999"))), "not 'host:99999'"),
        (RemoveServer("n\udcff"), "an id is no valid Unicode"),
        (TransferLeadership("n\udcff"), "an id is no valid Unicode"),
        (ClientRequest(b"", client_id=-1), "-1"),
        (ClientRequest(b"", sequence_num=2**64), str(2**64)),
        (
            ClientQuery(b"", Consistency.STALE, float("nan")),
            "a number of seconds from 0 on, not nan",
        ),
        (ClientQuery(b"", Consistency.STALE, -1.0), "not -1.0"),
    ],
    ids=repr,
)
def test_what_could_not_be_carried_is_refused_with_a_reason_and_not_sent(request_: NodeRequest, reason: str) -> None:
    async def story() -> None:
        peer = connect("n2", "127.0.0.1:1")
        answer = await peer.request(request_, 20)
        assert answer.status is AnswerStatus.REFUSED
        assert reason in answer.reason
        await peer.close()

    run(story())


def test_a_name_that_is_no_unicode_is_refused_and_not_sent() -> None:
    """A terminal hands over bytes that it cannot read as lone surrogates."""

    async def story() -> None:
        peer = connect("n2", "127.0.0.1:1")
        answer = await peer.request(AddServer("n\udcff"), 20)
        assert answer.status is AnswerStatus.REFUSED
        assert "Unicode" in answer.reason
        await peer.close()

    run(story())


def test_a_message_above_the_limit_is_refused_by_the_server_as_well() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server, calling(server.address) as stub:
            call = stub.clientRequest(pb.ClientRequest(command=bytes(MAX_MESSAGE_BYTES + 1)))
            assert await status_of(call) is StatusCode.RESOURCE_EXHAUSTED
            assert handler.requests == []

    run(story())


def test_the_largest_entry_fits_into_a_write_beside_what_waited_before_it() -> None:
    """Else its stream would break, and break again with the same message, for ever."""
    waiting = outbox.Outbox()
    almost_a_write = Entries.of(Entry(1, EntryKind.COMMAND, bytes(peer_module._WRITE_BYTES - 100)))
    largest = Entries.of(Entry(1, EntryKind.COMMAND, bytes(MAX_ENTRY_BYTES)))
    waiting.put(AppendEntries(1, "n1", 0, 0, almost_a_write))
    waiting.put(AppendEntries(1, "n1", 0, 0, largest))
    taken = waiting.take(peer_module._WRITE_BYTES)
    assert len(taken) == 2
    assert pb.Batch(messages=taken).ByteSize() < MAX_MESSAGE_BYTES


def test_who_connects_after_the_last_place_is_taken_is_hung_up_on_and_finds_one_later() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, GrpcServer(max_connections=2)) as server:
            first, second, third = (connect("n2", server.address) for _ in range(3))
            assert await first.request(ClientRequest(b"1"), 20) == OK
            assert await second.request(ClientRequest(b"2"), 20) == OK
            assert (await third.request(ClientRequest(b"3"), 20)).status is AnswerStatus.NOT_LEADER
            await first.close()
            await eventually(lambda: handler.messages, meanwhile=lambda: third.send(vote(3)))
            assert await second.request(ClientRequest(b"2"), 20) == OK
            await second.close()
            await third.close()

    run(story())
