"""What the network over gRPC promises beyond the contract of all networks."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import grpc
import pytest
from grpc import StatusCode

from tests.adapters.network.grpc_lab import OK, calling, serve, serving, status_of
from tests.adapters.network.recorder import Recorder, eventually, run
from tfraft.adapters.network import grpc as network
from tfraft.adapters.network import outbox
from tfraft.adapters.network import peer as peer_module
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.channel import MAX_MESSAGE_BYTES, Context
from tfraft.adapters.network.grpc import GrpcPeerConnection, GrpcServer, connect, connector
from tfraft.adapters.network.raft_pb2_grpc import RaftNodeStub
from tfraft.adapters.network.wire import encode
from tfraft.core.config import MAX_ENTRY_BYTES
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, RequestVote
from tfraft.core.requests import (
    AddServer,
    Answer,
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
from tfraft.errors import SettingError


def vote(term: int) -> RequestVote:
    return RequestVote(term, "n1", 0, 0)


# --- garbage ------------------------------------------------------------------------------------


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
        server = grpc.aio.server()
        serve(server, "clientRequest", grpc.unary_unary_rpc_method_handler(newer))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        peer = connect("n2", f"127.0.0.1:{port}")
        assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.TIMEOUT
        await peer.close()
        await server.stop(None)

    run(story())


def test_a_server_that_is_none_of_ours_answers_nothing_and_takes_no_messages() -> None:
    async def story() -> None:
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        peer = connect("n2", f"127.0.0.1:{port}")
        peer.send(vote(1))
        assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.TIMEOUT
        await peer.close()
        await server.stop(None)

    run(story())


# --- addresses ----------------------------------------------------------------------------------


def test_a_busy_port_is_refused_in_one_line_that_names_it() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(SettingError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
                await GrpcServer("127.0.0.1", port).start(Recorder())

    run(story())


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match=f"cannot listen on {host}:0: "):
        run(GrpcServer(host).start(Recorder()))


def test_a_port_that_is_taken_between_the_look_and_the_use_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_try_to_listen", lambda host, port: None)

    async def story() -> None:
        async with serving(Recorder()) as server:
            host, _, port = server.address.partition(":")
            with pytest.raises(SettingError, match=f"cannot listen on {server.address}"):
                await GrpcServer(host, int(port)).start(Recorder())

    run(story())


def test_an_address_of_ipv6_has_brackets() -> None:
    assert GrpcServer("::1", 50051).address == "[::1]:50051"


def test_others_are_told_the_advertised_address_while_the_server_listens_at_its_own() -> None:
    """Between the two may stand a proxy or a NAT."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, GrpcServer(advertise="raft.example.org:443")) as server:
            assert server.address == "raft.example.org:443"
            relay = Relay(server.listens_at)
            peer = connect("n2", await relay.start())
            assert await peer.request(ClientRequest(b"through the proxy"), 20) == OK
            await peer.close()
            await relay.stop()

    run(story())


@pytest.mark.parametrize("advertise", ["host", "host:", "host:0", "host:65536", "h o:1", "unix:/tmp/x:1", "n\udcff:1"])
def test_an_advertised_address_at_which_nobody_can_be_is_refused(advertise: str) -> None:
    with pytest.raises(SettingError, match="an address is"):
        GrpcServer(advertise=advertise)


# --- requests that cannot be sent ----------------------------------------------------------------


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


def test_an_address_that_is_no_unicode_is_one_at_which_nobody_is() -> None:
    """It may have come into the log by another way; the node that has it must live."""

    async def story() -> None:
        for server_id, address in (("n2", "h\udcff:1"), ("n\udcff", "127.0.0.1:1")):
            peer = connector("c", "n1")(server_id, address)
            peer.send(vote(1))
            assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.NOT_LEADER
            await peer.close()

    run(story())


# --- too much ------------------------------------------------------------------------------------


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


# --- connections that hang ------------------------------------------------------------------------


def test_a_request_to_a_port_that_never_speaks_was_certainly_not_delivered() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            peer = connect("n2", f"127.0.0.1:{mute.getsockname()[1]}")
            peer.send(vote(1))
            assert await peer.request(ClientRequest(b""), 0.3) == Answer(AnswerStatus.NOT_LEADER)
            await peer.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(story())


class Relay:
    """Carries bytes between its own port and a server, until it freezes: then nothing comes through, as when a
    machine loses its power. Connections that are made afterwards work."""

    def __init__(self, target: str) -> None:
        self._target = target.split(":")
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []
        self.made = 0

    async def start(self) -> str:
        self._server = await asyncio.start_server(self._join, "127.0.0.1", 0)
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.made += 1
        to_reader, to_writer = await asyncio.open_connection(*self._target)
        self._writers += [writer, to_writer]
        for source, sink in ((reader, to_writer), (to_reader, writer)):
            self._tasks.add(asyncio.create_task(self._carry(source, sink)))

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        while data := await source.read(65_536):
            sink.write(data)

    async def freeze(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def stop(self) -> None:
        self._server.close()
        await self.freeze()
        for writer in self._writers:
            writer.close()
            await asyncio.gather(writer.wait_closed(), return_exceptions=True)


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

        server = grpc.aio.server()
        types = pb.Batch.FromString, pb.Batch.SerializeToString
        serve(server, "exchange", grpc.stream_stream_rpc_method_handler(exchange, *types))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        peer = connect("n2", f"127.0.0.1:{port}")
        peer.send(vote(1))
        await eventually(lambda: len(streams) == 2)
        await peer.close()
        await server.stop(None)

    run(story())


def test_an_open_stream_does_not_keep_its_server_from_stopping(monkeypatch: pytest.MonkeyPatch) -> None:
    """The grace is for answers on their way, not for streams that never end by themselves."""
    monkeypatch.setattr(network, "_GRACE_S", 3_600.0)

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

        server = grpc.aio.server()
        types = pb.Batch.FromString, pb.Batch.SerializeToString
        serve(server, "exchange", grpc.stream_stream_rpc_method_handler(exchange, *types))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        peer = GrpcPeerConnection("n2", f"127.0.0.1:{port}")
        for term in range(100):
            peer.send(vote(term))
        await eventually(lambda: sum(batches) == 100)
        assert batches == [100]
        await peer.close()
        await server.stop(None)

    run(story())


# --- leaving no trace ----------------------------------------------------------------------------

UNTOLD = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
"""An environment in which nobody has told gRPC yet what to write."""

LIFE = """
import asyncio, gc, socket, threading, time
from tfraft.adapters.network import grpc
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.core.messages import RequestVote
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest
from tfraft.errors import SettingError

class Handler:
    def receive(self, message, on_reply=None):
        arrived.set()
    def request(self, request, on_answer):
        if request.command:
            on_answer(Answer(AnswerStatus.OK))

async def main():
    global arrived
    arrived = asyncio.Event()
    servers = [GrpcServer(), GrpcServer()]
    for server in servers:
        await server.start(Handler())
    taken = int(servers[0].address.split(":")[1])
    grpc._try_to_listen = lambda host, port: None  # As if the port were taken the moment after the look.
    try:
        await GrpcServer(port=taken).start(Handler())
    except SettingError:
        pass
    peers = [connect("a", servers[0].address), connect("b", servers[1].address), connect("c", "127.0.0.1:1")]
    for peer in peers:
        peer.send(RequestVote(1, "a", 0, 0))
        await peer.request(ClientRequest(b"x"), 5)
    await arrived.wait()
    unanswered = asyncio.create_task(peers[1].request(ClientRequest(b""), 60))
    await asyncio.sleep(0.1)
    with socket.create_connection(("127.0.0.1", taken)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        stranger.recv(1)
    for server in servers:
        await server.stop()
    assert (await unanswered).status is AnswerStatus.TIMEOUT
    await servers[0].start(Handler())
    while not (await peers[0].request(ClientRequest(b"x"), 5)).status is AnswerStatus.OK:
        await asyncio.sleep(0.01)
    for peer in peers:
        await peer.close()
    await servers[0].stop()

asyncio.run(main(), debug=DEBUG)
deadline = time.monotonic() + 30
while threading.active_count() > 1:
    gc.collect()
    assert time.monotonic() < deadline, threading.enumerate()
    time.sleep(0.01)
"""


@pytest.mark.parametrize("debug", ["False", "True"])
def test_a_whole_life_leaves_no_thread_and_not_a_word_on_stderr(debug: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIFE.replace("DEBUG", debug)], capture_output=True, timeout=60, env=UNTOLD
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


DEATH_OF_A_PEER = """
import asyncio, os, signal, sys
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.core.messages import RequestVote
from tfraft.core.requests import AnswerStatus, ClientRequest

class Handler:
    def __init__(self):
        self.arrived = asyncio.Event()
    def receive(self, message, on_reply=None):
        self.arrived.set()
    def request(self, request, on_answer):
        self.arrived.set()

async def main():
    handler = Handler()
    server = GrpcServer()
    await server.start(handler)
    if len(sys.argv) > 1:
        connect("survivor", sys.argv[1]).send(RequestVote(1, server.address, 0, 0))
        print(server.address, flush=True)
        await asyncio.sleep(60)
    peer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", os.environ["PROGRAM"], server.address, stdout=asyncio.subprocess.PIPE
    )
    to_peer = connect("peer", (await peer.stdout.readline()).decode().strip())
    to_peer.send(RequestVote(1, "survivor", 0, 0))
    asked = asyncio.create_task(to_peer.request(ClientRequest(b"x"), 60))
    await handler.arrived.wait()
    await asyncio.sleep(0.2)
    peer.kill()
    await peer.wait()
    assert (await asked).status is AnswerStatus.TIMEOUT
    while (await to_peer.request(ClientRequest(b"x"), 60)).status is not AnswerStatus.NOT_LEADER:
        pass
    await to_peer.close()
    await server.stop()

asyncio.run(main())
"""


def test_the_death_of_a_peer_leaves_not_a_word_on_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DEATH_OF_A_PEER],
        capture_output=True,
        timeout=60,
        env={**UNTOLD, "PROGRAM": DEATH_OF_A_PEER},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
