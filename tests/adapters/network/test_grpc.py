"""The connections of the network over gRPC: those that hang, those that end, and what goes out over them."""

import asyncio
import socket
from collections.abc import AsyncIterator

import grpc
import pytest

from tests.adapters.network.grpc_lab import foreign_server, serving, streaming
from tests.adapters.network.recorder import Recorder, eventually, run, vote
from tests.adapters.network.relay import Relay
from tfraft.adapters.network import grpc_running, outbox
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.channel import Connection, Context
from tfraft.adapters.network.grpc import GrpcPeerConnection, connect
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest


def test_a_request_to_a_port_that_never_speaks_was_certainly_not_delivered() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            peer = connect("n2", f"127.0.0.1:{mute.getsockname()[1]}")
            peer.send(vote(1))
            assert await peer.request(ClientRequest(b""), 0.3) == Answer(AnswerStatus.NOT_LEADER)
            await peer.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(story())


def test_a_connection_may_be_closed_while_somebody_begins_to_wait_for_it() -> None:
    async def story() -> None:
        connection = Connection("127.0.0.1:1")
        waiting = asyncio.create_task(connection.stands())
        await asyncio.sleep(0)  # It asks now to be told of a change, and the question is put at the next step.
        await connection.close()
        assert not await waiting

    run(story())


def test_a_peer_that_died_without_a_word_is_noticed_and_connected_again() -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            relay = Relay(server.address)
            peer = connect("n2", await relay.start())
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            await relay.freeze()
            await eventually(lambda: vote(2) in handler.messages, meanwhile=lambda: peer.send(vote(2)))
            assert relay.made == 2
            await peer.close()
            await relay.stop()

    run(story())


def test_a_queue_is_full_in_bytes_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 1_500)

    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            large = AppendEntries(1, "n1", 0, 0, Entries.of(Entry(1, EntryKind.COMMAND, bytes(600))))
            for _ in range(5):
                peer.send(large)
            await eventually(lambda: vote(9) in handler.messages, meanwhile=lambda: peer.send(vote(9)))
            assert handler.messages.count(large) == 2
            await peer.close()

    run(story())


def test_a_stream_that_ended_is_made_anew_without_waiting_for_a_message() -> None:
    """The first message after a leader has come back should not have to wait for the connection."""

    async def story() -> None:
        streams: list[None] = []

        async def exchange(requests: AsyncIterator[pb.Batch], context: Context) -> AsyncIterator[pb.Batch]:
            streams.append(None)
            yield pb.Batch()
            await anext(requests)
            await asyncio.sleep(0.05)  # Long enough for the sender to fall asleep.

        async with foreign_server(exchange=streaming(exchange)) as address:
            peer = connect("n2", address)
            peer.send(vote(1))
            await eventually(lambda: len(streams) == 2)
            await peer.close()

    run(story())


def test_an_open_stream_does_not_keep_its_server_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace is for answers on their way, not for streams that never end by themselves."""
    monkeypatch.setattr(grpc_running, "_GRACE_S", 3_600.0)

    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
        await peer.close()

    run(story())


def test_what_waits_goes_out_together() -> None:
    """One write for all that gathered while the last one was under way: that is what makes a stream fast."""

    async def story() -> None:
        batches: list[int] = []

        async def exchange(requests: AsyncIterator[pb.Batch], context: Context) -> None:
            await context.write(pb.Batch())
            while (batch := await context.read()) is not grpc.aio.EOF:
                batches.append(len(batch.messages))

        async with foreign_server(exchange=streaming(exchange)) as address:
            peer = GrpcPeerConnection("n2", address)
            for term in range(100):
                peer.send(vote(term))
            await eventually(lambda: sum(batches) == 100)
            assert batches == [100]
            await peer.close()

    run(story())
