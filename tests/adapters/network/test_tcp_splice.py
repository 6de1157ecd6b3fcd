"""Two connections that are spliced: what one side says the other hears, and what ends, ends."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.adapters.network.grpc_lab import calling
from tests.adapters.network.recorder import DEADLINE_S, Recorder, eventually
from tests.adapters.network.tcp_lab import MIB, OK, LoopFactory, dialling, on_each_loop, run, serving
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.grpc import connect as connect_grpc
from tfraft.adapters.network.splice import SpliceEnd
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest

LOT = bytes(range(256)) * (64 * MIB // 256)
"""More than any system keeps on the way."""


class Caller:
    """Who is at one of the two outer ends."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    async def say(self, data: bytes) -> None:
        async with asyncio.timeout(DEADLINE_S):
            await self._loop.sock_sendall(self.sock, data)

    async def hear(self, size: int = -1) -> bytes:
        """So many bytes, or all until the other side ends."""
        heard = bytearray()
        async with asyncio.timeout(DEADLINE_S):
            while len(heard) != size and (data := await self._loop.sock_recv(self.sock, MIB)):
                heard += data
        return bytes(heard)


class Spliced:
    """Two callers, and the ends between them."""

    def __init__(self, left: Caller, right: Caller) -> None:
        self.left = left
        self.right = right
        self.lost: list[str] = []

    async def join(self, left: socket.socket, right: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        ends = SpliceEnd(None, lambda: self.lost.append("left")), SpliceEnd(None, lambda: self.lost.append("right"))
        ends[0].join(ends[1])
        for sock, end in zip((left, right), ends, strict=True):
            sock.setblocking(False)
            await loop.create_unix_connection(lambda end=end: end, sock=sock)  # type: ignore[misc]

    async def until_both_are_lost(self) -> None:
        await eventually(lambda: len(self.lost) >= 2)
        assert sorted(self.lost) == ["left", "right"]


@asynccontextmanager
async def spliced() -> AsyncIterator[Spliced]:
    (left, left_end), (right, right_end) = socket.socketpair(), socket.socketpair()
    with left, right:
        made = Spliced(Caller(left), Caller(right))
        await made.join(left_end, right_end)
        yield made
    await made.until_both_are_lost()


@on_each_loop
def test_what_one_side_says_the_other_hears_both_ways_at_once(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with spliced() as both:
            saying = [asyncio.create_task(both.left.say(LOT)), asyncio.create_task(both.right.say(LOT[::-1]))]
            heard = await asyncio.gather(both.left.hear(len(LOT)), both.right.hear(len(LOT)))
            assert heard[0] == LOT[::-1]
            assert heard[1] == LOT
            await asyncio.gather(*saying)

    run(story(), loop_factory)


@on_each_loop
def test_a_side_that_has_said_all_still_hears_the_other(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with spliced() as both:
            await both.left.say(b"question")
            both.left.sock.shutdown(socket.SHUT_WR)
            assert await both.right.hear() == b"question"
            saying = asyncio.create_task(both.right.say(LOT))  # Pauses and goes on, over and over.
            assert await both.left.hear(len(LOT)) == LOT
            await saying
            assert both.lost == []
            both.right.sock.shutdown(socket.SHUT_WR)
            assert await both.left.hear() == b""

    run(story(), loop_factory)


@on_each_loop
def test_an_end_passes_only_after_all_that_was_said_before_it(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with spliced() as both:
            saying = asyncio.create_task(both.left.say(LOT))
            saying.add_done_callback(lambda _: both.left.sock.shutdown(socket.SHUT_WR))
            assert await both.right.hear() == LOT

    run(story(), loop_factory)


@on_each_loop
def test_what_one_side_does_not_read_is_not_taken_from_the_other(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with spliced() as both:
            said = 0
            quiet = 0
            while quiet < 20:  # Until nothing more is taken; if this is too early, no harm is done.
                try:
                    said += both.left.sock.send(LOT[said : said + MIB])
                    quiet = 0
                except BlockingIOError:
                    quiet += 1
                    await asyncio.sleep(0.01)
            assert said < 8 * MIB
            saying = asyncio.create_task(both.left.say(LOT[said:]))
            assert await both.right.hear(len(LOT)) == LOT
            await saying

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize("dies", ["left", "right"])
def test_a_side_that_is_lost_ends_the_other(loop_factory: LoopFactory | None, dies: str) -> None:
    async def story() -> None:
        async with spliced() as both:
            dying, other = (both.left, both.right) if dies == "left" else (both.right, both.left)
            await dying.say(b"last words")
            assert await other.hear(10) == b"last words"
            await other.say(bytes(MIB // 16))  # It stays on the way.
            dying.sock.close()  # Without having read: the other end hears of it as an error.
            with suppress(ConnectionError):
                assert await other.hear() == b""
            await both.until_both_are_lost()

    run(story(), loop_factory)


def test_ends_that_are_not_connected_yet_are_silent() -> None:
    """The other side may speak, end or be closed before this one stands."""
    lost: list[str] = []
    one, other = SpliceEnd(None, lambda: lost.append("one")), SpliceEnd()
    one.data_received(b"said to nobody")
    one.connection_lost(None)
    one.join(other)
    one.data_received(b"said to nobody")
    one.pause_writing()
    one.resume_writing()
    assert one.eof_received()
    one.connection_lost(None)
    other.close()
    assert lost == ["one", "one"]


# --- Between a caller of gRPC and its server ------------------------------------------------------


@on_each_loop
def test_a_call_under_way_ends_when_the_server_stops_and_nothing_is_left(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect_grpc("n2", server.address)
            asked = asyncio.create_task(peer.request(ClientRequest(bytes(4 * MIB)), 3_600))
            await handler.until(lambda: handler.requests)
            await server.stop()
            assert await asked == Answer(AnswerStatus.TIMEOUT)
            await peer.close()
            await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    run(story(), loop_factory)


@on_each_loop
def test_a_caller_of_grpc_that_is_gone_gives_its_place_back(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server:
            for _ in range(3):
                async with calling(server.address) as stub:
                    assert await stub.clientQuery(pb.ClientQuery()) == pb.Answer(response=b"answer")
            async with dialling(server.address) as wire:
                await wire.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                await wire.reader.readexactly(9)
            await eventually(lambda: not server._guests)

    run(story(), loop_factory)


@on_each_loop
def test_a_greeting_of_grpc_with_much_behind_it_arrives_whole(loop_factory: LoopFactory | None) -> None:
    """What came with the greeting is handed on before what comes after it."""

    async def story() -> None:
        async with serving(Recorder()) as server, dialling(server.address) as wire:
            pings = [b"\0\0\x08\6\0\0\0\0\0" + number.to_bytes(8, "big") for number in range(1, 2_000)]
            await wire.say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", *pings)
            async with asyncio.timeout(DEADLINE_S):
                heard = await wire.reader.readuntil(pings[0][9:])
                for ping in pings[1:]:
                    heard += await wire.reader.readuntil(ping[9:])
            acknowledged = [b"\0\0\x08\6\1\0\0\0\0" + ping[9:] for ping in pings]
            assert all(one in heard for one in acknowledged[:: len(acknowledged) // 20])

    run(story(), loop_factory)
