"""What others than our nodes send to a port of TCP, or answer at one: it does no harm, and gRPC is heard."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.adapters.network.grpc_lab import calling
from tests.adapters.network.recorder import Recorder, vote
from tests.adapters.network.tcp_lab import (
    OK,
    WELCOME,
    LoopFactory,
    dialling,
    hello,
    on_each_loop,
    run,
    serving,
)
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network import tcp_visitor
from tfraft.adapters.network.grpc import Identification, identify
from tfraft.adapters.network.tcp import TcpServer, connect
from tfraft.adapters.network.tcp_frames import (
    GREETING,
    MAX_FRAME_BYTES,
    MAX_HELLO_BYTES,
    Frame,
    FrameKind,
    frame,
    header,
)
from tfraft.adapters.network.tcp_requests import read_part, write_answer, write_request
from tfraft.adapters.network.wire import encode
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest
from tfraft.ports import PeerConnection

MET = FrameKind.WELCOME, b""
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
"""How a client of gRPC goes on (RFC 9113 §3.4)."""


@asynccontextmanager
async def unharmed() -> AsyncIterator[tuple[TcpServer, Recorder]]:
    """A server, and its handler, which hears another node at the end as at the beginning, over the same connection."""
    handler = Recorder(answer=lambda _: OK)
    async with serving(handler) as server:
        peer: PeerConnection = connect("n2", server.address)
        assert await peer.request(ClientRequest(b"before"), 20) == OK
        heard = handler.requests.copy(), handler.messages.copy()
        yield server, handler
        assert (handler.requests, handler.messages) == heard
        assert await peer.request(ClientRequest(b"after"), 20) == OK
        await peer.close()


# --- Who does not speak our protocol --------------------------------------------------------------


@on_each_loop
@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"P",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 99,
        bytes(9_999),
        b"\xff",
        b"",
        GREETING[:-1],
        GREETING,
        GREETING[:-1] + b"2" + hello()[len(GREETING) :],
        b"tf-rafT1",
        hello()[:-1],
    ],
    ids=lambda garbage: repr(garbage[:16]),
)
def test_garbage_on_the_port_does_no_harm(loop_factory: LoopFactory | None, garbage: bytes) -> None:
    async def story() -> None:
        async with unharmed() as (server, _), dialling(server.address) as wire:
            wire.writer.write(garbage)
            with suppress(OSError):  # It may have hung up already.
                wire.writer.write_eof()
            async with asyncio.timeout(20):
                with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
                    await wire.reader.readexactly(2**20)

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize("garbage", [b"GET / HTTP/1.1\r\n\r\n", b"POST", b"tf-raft2", b"\xff"], ids=repr)
def test_who_speaks_another_language_is_hung_up_on_at_once(loop_factory: LoopFactory | None, garbage: bytes) -> None:
    async def story() -> None:
        async with unharmed() as (server, _), dialling(server.address) as wire:
            await wire.say(garbage)
            assert await wire.hear() is None

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize("said", [b"", b"P", GREETING[:3], GREETING, hello()[:-1]], ids=repr)
def test_who_is_silent_before_its_hello_is_hung_up_on_after_a_while(
    loop_factory: LoopFactory | None, said: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_visitor, "HELLO_S", 0.1)

    async def story() -> None:
        async with unharmed() as (server, _), dialling(server.address) as wire:
            await wire.say(said)
            assert await wire.hear() is None

    run(story(), loop_factory)


@on_each_loop
def test_who_has_said_hello_or_speaks_grpc_may_be_silent(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_visitor, "HELLO_S", 0.1)

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server, dialling(server.address) as ours, dialling(server.address) as grpc:
            await ours.say(hello())
            assert await ours.hear() == MET
            await grpc.say(PREFACE, SETTINGS)
            await grpc.reader.readexactly(9)
            async with dialling(server.address) as silent:  # Came last, and goes: the others' time was over before.
                assert await silent.hear() is None
            await ours.say(frame(FrameKind.MESSAGE, encode(vote())))
            await handler.until(lambda: handler.messages)
            ping = b"\0\0\x08\6\0\0\0\0\0" + b"8 bytes!"
            await grpc.say(ping)
            async with asyncio.timeout(20):
                await grpc.reader.readuntil(b"8 bytes!")

    run(story(), loop_factory)


@on_each_loop
def test_a_greeting_may_come_in_any_pieces(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            async with dialling(server.address) as wire:
                for byte in hello():
                    await wire.say(bytes([byte]))
                    await asyncio.sleep(0.001)
                assert await wire.hear() == MET
            async with dialling(server.address) as wire:
                for byte in PREFACE + SETTINGS:
                    await wire.say(bytes([byte]))
                    await asyncio.sleep(0.001)
                assert (await wire.reader.readexactly(9))[3] == 4, "SETTINGS of HTTP/2"

    run(story(), loop_factory)


@on_each_loop
def test_grpc_is_heard_at_the_same_port(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, TcpServer(cluster_id="ours", server_id="n2")) as server:
            assert await identify(server.address, 20) == Identification("ours", "n2")
            async with calling(server.address) as stub:
                assert await stub.clientQuery(pb.ClientQuery(query=b"x")) == pb.Answer(response=b"answer")
                assert await stub.timeoutNow(pb.TimeoutNow(term=7)) == pb.TimeoutNowReply()
            assert handler.messages[0].term == 7

    run(story(), loop_factory)


# --- Who speaks it wrongly ------------------------------------------------------------------------


@on_each_loop
@pytest.mark.parametrize(
    ("said", "heard", "why"),
    [
        (GREETING + frame(FrameKind.MESSAGE, encode(vote())), [], "a frame of kind 4 at this place"),
        (GREETING + frame(FrameKind.REQUEST, write_request(1, ClientRequest(b""))), [], "a frame of kind 5"),
        (GREETING + WELCOME, [], "a frame of kind 2 at this place"),
        (GREETING + frame(FrameKind.HELLO, b"hello?"), [], "a HELLO that cannot be read"),
        (GREETING + frame(FrameKind.HELLO, b'{"cluster_id":"\xff"}'), [], "a HELLO that cannot be read"),
        (GREETING + header(FrameKind.HELLO, MAX_HELLO_BYTES), [], f"a frame has 1 to {MAX_HELLO_BYTES} bytes"),
        (GREETING + bytes(5), [], "bytes, not 0"),
        (hello() + hello()[len(GREETING) :], [MET], "a frame of kind 1 at this place"),
        (hello() + frame(FrameKind.MESSAGE, b"\xffgarbage"), [MET], "not with byte 0xff"),
        (hello() + frame(FrameKind.MESSAGE), [MET], "a message of 0 bytes"),
        (hello() + frame(FrameKind.ANSWER, bytes(9)), [MET], "a frame of kind 6 at this place"),
        (hello() + b"\1\0\0\0\xff", [MET], "a frame of kind 255 at this place"),
        (hello() + frame(FrameKind.REQUEST, bytes(8)), [MET], "9 bytes at least, not 8"),
        (hello() + frame(FrameKind.REQUEST, bytes(8) + b"\1\xff"), [MET], "a ClientRequest that cannot be read"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_who_makes_no_sense_is_told_why_and_hung_up_on(
    loop_factory: LoopFactory | None, said: bytes, heard: list[Frame], why: str
) -> None:
    async def story() -> None:
        async with unharmed() as (server, _), dialling(server.address) as wire:
            await wire.say(said)
            *before, (kind, text) = await wire.until_it_ends()
            assert (before, kind) == (heard, FrameKind.REFUSED)
            assert why in text.decode()

    run(story(), loop_factory)


@on_each_loop
def test_a_frame_that_is_too_long_is_refused_before_it_has_come(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with unharmed() as (server, _), dialling(server.address) as wire:
            await wire.say(hello())
            assert await wire.hear() == MET
            await wire.say(header(FrameKind.MESSAGE, MAX_FRAME_BYTES))
            why = f"a frame has 1 to {MAX_FRAME_BYTES} bytes, not {MAX_FRAME_BYTES + 1}".encode()
            assert await wire.until_it_ends() == [(FrameKind.REFUSED, why)]

    run(story(), loop_factory)


@on_each_loop
def test_a_malformed_message_ends_its_connection_and_nothing_else(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server, dialling(server.address) as good, dialling(server.address) as bad:
            for wire in (good, bad):
                await wire.say(hello())
                assert await wire.hear() == MET
            bodies = encode(vote(1)), b"\xffgarbage", encode(vote(2))
            await bad.say(*(frame(FrameKind.MESSAGE, body) for body in bodies))
            assert [kind for kind, _ in await bad.until_it_ends()] == [FrameKind.REFUSED]
            await good.say(frame(FrameKind.MESSAGE, encode(vote(3))))
            await handler.until(lambda: vote(3) in handler.messages)
            assert handler.messages == [vote(1), vote(3)]

    run(story(), loop_factory)


@on_each_loop
def test_a_request_of_a_kind_that_is_unknown_is_refused_and_the_connection_goes_on(
    loop_factory: LoopFactory | None,
) -> None:
    """It comes from somebody newer."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler) as server, dialling(server.address) as wire:
            unknown = (7).to_bytes(8, "little") + b"\x63" + b"whatever"
            known = write_request(8, ClientRequest(b"x"))
            await wire.say(hello(), frame(FrameKind.REQUEST, unknown), frame(FrameKind.REQUEST, known))
            assert await wire.hear() == MET
            answers = [await wire.hear(), await wire.hear()]
            refused = Answer(AnswerStatus.REFUSED, reason="there is no request of kind 99 here")
            bodies = [*write_answer(7, refused), *write_answer(8, OK)]
            assert answers == [(FrameKind.ANSWER, body) for body in bodies]
            assert read_part(bodies[1])[1], "in one part"
            assert handler.requests == [ClientRequest(b"x")]

    run(story(), loop_factory)
