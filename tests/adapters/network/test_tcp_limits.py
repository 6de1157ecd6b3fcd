"""What cannot be sent over TCP, and what would be too much."""

import asyncio
import socket

import pytest

from tests.adapters.network.grpc_lab import calling
from tests.adapters.network.recorder import Recorder, eventually, vote
from tests.adapters.network.tcp_lab import (
    MIB,
    OK,
    WELCOME,
    LoopFactory,
    batch,
    dialling,
    hello,
    on_each_loop,
    run,
    serving,
)
from tfraft.adapters.network import outbox, sockets, tcp_peer, tcp_visitor
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.tcp import TcpServer, connect
from tfraft.adapters.network.tcp_frames import Frame, FrameKind, FrameReader, frame
from tfraft.adapters.network.tcp_requests import write_request
from tfraft.adapters.network.wire import decode
from tfraft.core.config import MAX_ENTRY_BYTES
from tfraft.core.messages import AppendEntries
from tfraft.core.requests import AddServer, Answer, AnswerStatus, ClientQuery, ClientRequest

MET = FrameKind.WELCOME, b""


@pytest.fixture
def patient_system(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else it ends, after 4 s, the connection of whoever does not read: too soon on a machine that is slow enough."""
    monkeypatch.setattr(sockets, "SILENCE_S", 100)


# --- Too large ------------------------------------------------------------------------------------


@on_each_loop
def test_a_request_above_the_limit_is_refused_at_once_and_not_sent(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        nowhere = connect("n2", "127.0.0.1:1")
        answer = await nowhere.request(ClientRequest(bytes(tcp_peer._MAX_REQUEST_BYTES)), 20)
        assert answer.status is AnswerStatus.REFUSED
        assert str(tcp_peer._MAX_REQUEST_BYTES) in answer.reason
        await nowhere.close()
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            assert await peer.request(ClientRequest(bytes(tcp_peer._MAX_REQUEST_BYTES - 100)), 20) == OK
            assert len(handler.requests) == 1
            await peer.close()

    run(story(), loop_factory)


def test_a_request_that_could_not_be_carried_is_refused_with_a_reason_and_not_sent() -> None:
    async def story() -> None:
        peer = connect("n2", "127.0.0.1:1")
        for request, reason in (
            (AddServer("n\udcff"), "an id is no valid Unicode"),
            (AddServer("n4", "host"), "an address is host:port"),
            (ClientRequest(b"", client_id=-1), "-1"),
            (ClientQuery(b"", max_staleness_s=float("nan")), "not nan"),
        ):
            answer = await peer.request(request, 20)
            assert answer.status is AnswerStatus.REFUSED
            assert reason in answer.reason
        await peer.close()

    run(story(), None)


@on_each_loop
def test_an_answer_that_is_too_large_is_not_known_and_all_else_on_its_connection_goes_on(
    loop_factory: LoopFactory | None,
) -> None:
    async def story() -> None:
        too_large = Answer(AnswerStatus.OK, bytes(34 * MIB))
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            asked = [asyncio.create_task(peer.request(ClientRequest(b"x"), 20)) for _ in range(2)]
            await handler.until(lambda: len(handler.requests) == 2)
            handler.on_answers[0](too_large)
            answer = await asked[0]
            assert answer.status is AnswerStatus.TIMEOUT
            assert str(34 * MIB) in answer.reason
            handler.on_answers[1](OK)
            assert await asked[1] == OK
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_the_largest_entry_travels(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            sent = [batch(1, tcp_peer._WRITE_BYTES - 100), batch(2, MAX_ENTRY_BYTES), batch(3, 1)]
            for message in sent:
                peer.send(message)
            await handler.until(lambda: len(handler.messages) == 3)
            assert handler.messages == sent
            await peer.close()

    run(story(), loop_factory)


# --- Too many -------------------------------------------------------------------------------------


@on_each_loop
def test_who_connects_after_the_last_place_is_taken_is_hung_up_on_and_finds_one_later(
    loop_factory: LoopFactory | None,
) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, TcpServer(max_connections=3)) as server:
            first, third = connect("n2", server.address), connect("n2", server.address)
            assert await first.request(ClientRequest(b"1"), 20) == OK
            async with calling(server.address) as stub, dialling(server.address):
                assert await stub.clientQuery(pb.ClientQuery()) == pb.Answer(response=b"answer")
                assert (await third.request(ClientRequest(b"3"), 20)).status is AnswerStatus.NOT_LEADER
                async with dialling(server.address) as one_more:
                    assert await one_more.hear() is None
                assert await first.request(ClientRequest(b"1"), 20) == OK
                await first.close()
                await eventually(lambda: handler.messages, meanwhile=lambda: third.send(vote(3)))
                assert await stub.clientQuery(pb.ClientQuery()) == pb.Answer(response=b"answer")
            await third.close()

    run(story(), loop_factory)


@on_each_loop
def test_who_has_too_many_open_requests_is_not_listened_to_until_some_are_answered(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_visitor, "MAX_OPEN_REQUESTS", 10)

    async def story() -> None:
        handler = Recorder()

        def heard() -> list[bytes]:
            return [request.command for request in handler.requests if isinstance(request, ClientRequest)]

        async with serving(handler) as server, dialling(server.address) as busy, dialling(server.address) as other:
            for wire in (busy, other):
                await wire.say(hello())
                assert await wire.hear() == MET
            for number in range(10):
                await busy.say(frame(FrameKind.REQUEST, write_request(number, ClientRequest(b"%d" % number))))
                await handler.until(lambda number=number: len(handler.requests) == number + 1)  # type: ignore[misc]
            await busy.say(frame(FrameKind.REQUEST, write_request(10, ClientRequest(b"10"))))
            for turn in range(3):  # Had the server listened, it would have heard that before these.
                await other.say(frame(FrameKind.REQUEST, write_request(turn, ClientRequest(b"other"))))
                await handler.until(lambda turn=turn: heard().count(b"other") == turn + 1)  # type: ignore[misc]
            assert b"10" not in heard()
            handler.on_answers[4](OK)
            await handler.until(lambda: b"10" in heard())
            assert (await busy.hear() or (0, b""))[0] == FrameKind.ANSWER

    run(story(), loop_factory)


# --- Who does not read ----------------------------------------------------------------------------


class Deaf:
    """A server of our protocol that reads nothing after HELLO until it is told to."""

    def __init__(self) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.setblocking(False)
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader()
        self.address = f"127.0.0.1:{self._listening.getsockname()[1]}"
        self.frames: list[Frame] = []

    async def welcome(self) -> None:
        self._connection, _ = await self._loop.sock_accept(self._listening)
        self._connection.setblocking(False)
        await self._loop.sock_recv(self._connection, len(hello()))
        await self._loop.sock_sendall(self._connection, WELCOME)

    async def read_until(self, last: int) -> None:
        """Read up to the message of this term."""
        async with asyncio.timeout(60):
            while not self.terms or self.terms[-1] != last:
                data = await self._loop.sock_recv(self._connection, MIB)
                assert data, "the connection stands"
                self.frames += self._reader.feed(data)

    @property
    def messages(self) -> list[AppendEntries | object]:
        return [decode(body) for _, body in self.frames]

    @property
    def terms(self) -> list[int]:
        return [decode(body).term for _, body in self.frames[-1:]]

    def close(self) -> None:
        self._connection.close()
        self._listening.close()


@on_each_loop
@pytest.mark.usefixtures("patient_system")
def test_a_server_that_does_not_read_costs_no_more_than_an_outbox_and_a_write_and_small_messages_pass(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_BYTES", 8 * MIB)
    in_outbox = 7  # Each has a little more than 1 MiB.
    # What the system takes for the two ends (tcp_wmem, tcp_rmem), and a write of 1 MiB, which is begun below that.
    in_system = (6 + 16 + 2) * 2

    async def story() -> None:
        deaf = Deaf()
        peer = connect("n2", deaf.address)
        peer.send(vote(5))
        await deaf.welcome()
        await deaf.read_until(5)
        for number in range(100):
            peer.send(batch(number, MIB))
            await asyncio.sleep(0)  # Lets the loop write what there is room for.
        for _ in range(100):
            peer.send(vote(7))
        peer.send(vote(9))
        await deaf.read_until(9)
        before = sum(isinstance(message, AppendEntries) for message in deaf.messages)
        await eventually(lambda: True)
        peer.send(AppendEntries(8, "n1", 0, 0))
        await deaf.read_until(8)
        arrived = [message for message in deaf.messages if isinstance(message, AppendEntries) and message.term == 1]
        assert in_outbox <= len(arrived) <= in_outbox + in_system
        assert [message.prev_log_index for message in arrived] == list(range(len(arrived))), "in order, and no gap"
        assert len(arrived) - before >= in_outbox - 1, "the votes passed all that was not handed on yet"
        await peer.close()
        deaf.close()

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.usefixtures("patient_system")
def test_a_client_that_does_not_read_its_answers_is_not_listened_to_until_it_does(
    loop_factory: LoopFactory | None,
) -> None:
    size, total = 128 * 1024, 800  # 100 MiB there and back: more than any system keeps on the way.

    async def story() -> None:
        handler = Recorder(answer=lambda _: Answer(AnswerStatus.OK, bytes(size)))
        async with serving(handler) as server, dialling(server.address) as wire:
            await wire.say(hello())
            assert await wire.hear() == MET
            wire.writer.transport.pause_reading()  # type: ignore[attr-defined]
            requests = (frame(FrameKind.REQUEST, write_request(n, ClientRequest(bytes(size)))) for n in range(total))
            asking = asyncio.create_task(wire.say(*requests))
            heard = -1
            while heard != len(handler.requests):  # Until it listens no more; if this is too early, no harm is done.
                heard = len(handler.requests)
                await asyncio.sleep(0.2)
            assert heard < total
            wire.writer.transport.resume_reading()  # type: ignore[attr-defined]
            answers = [await wire.hear() for _ in range(total)]
            await asking
            assert [int.from_bytes(answer[1][:8], "little") for answer in answers if answer] == list(range(total))

    run(story(), loop_factory)
