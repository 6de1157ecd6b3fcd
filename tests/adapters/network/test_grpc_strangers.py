"""What others than our nodes send to a port, or answer at one: it does no harm."""

import asyncio
from contextlib import suppress
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from tests.adapters.network.grpc_lab import OK, calling, foreign_server, serving, status_of, unary
from tests.adapters.network.recorder import Recorder, run, vote
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.grpc import connect
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeStub
from tfraft.adapters.network.wire import encode
from tfraft.core.requests import AnswerStatus, ClientRequest


@pytest.mark.parametrize(
    "garbage",
    [b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 99, bytes(9_999), b""],
)
def test_garbage_on_the_port_does_no_harm(garbage: bytes) -> None:
    async def story() -> None:
        async with serving(Recorder(answer=lambda _: OK)) as server:
            host, _, port = server.address.partition(":")
            peer = connect("n2", server.address)
            assert await peer.request(ClientRequest(b"before"), 20) == OK
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(garbage)
            with suppress(OSError):  # It may have hung up already.
                writer.write_eof()
            async with asyncio.timeout(20):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await reader.readexactly(2**20)
            writer.close()
            assert await peer.request(ClientRequest(b"after"), 20) == OK
            await peer.close()

    run(story())


def test_a_malformed_message_ends_its_stream_and_nothing_else() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server, calling(server.address) as stub:
            stream = stub.exchange()
            await stream.write(pb.Batch(messages=[encode(vote(1)), b"\xffgarbage", encode(vote(2))]))
            assert await stream.read() == pb.Batch()
            assert await stream.code() is StatusCode.INVALID_ARGUMENT
            assert "0xff" in await stream.details()
            call = stub.appendEntries(pb.AppendEntries(entries=b"garbage"))
            assert await status_of(call) is StatusCode.INVALID_ARGUMENT
            assert handler.messages == [vote(1)]
            assert await stub.clientQuery(pb.ClientQuery()) == pb.Answer(response=b"answer")

    run(story())


def test_an_answer_of_a_status_that_we_do_not_know_leaves_the_outcome_open() -> None:
    """It comes from a node that is newer than we are."""

    async def newer(request: bytes, context: Any) -> bytes:
        return b"\x08\x2a"

    async def story() -> None:
        async with foreign_server(clientRequest=unary(newer)) as address:
            peer = connect("n2", address)
            assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.TIMEOUT
            await peer.close()

    run(story())


def test_a_server_that_is_none_of_ours_answers_nothing_and_takes_no_messages() -> None:
    async def story() -> None:
        async with foreign_server() as address:
            peer = connect("n2", address)
            peer.send(vote(1))
            assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.TIMEOUT
            await peer.close()

    run(story())


def test_a_compressed_message_is_not_unpacked() -> None:
    """A small one may become a large one."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server:
            for compression in (grpc.Compression.Gzip, grpc.Compression.Deflate):
                async with grpc.aio.insecure_channel(server.address, compression=compression) as channel:
                    call = RaftNodeStub(channel).clientRequest(pb.ClientRequest(command=bytes(9_999)))
                    assert await status_of(call) is StatusCode.UNIMPLEMENTED
            assert handler.requests == []

    run(story())
