"""What listens where we connect over TCP, and is none of ours, or answers wrongly: no request is taken for done."""

import pytest

from tests.adapters.network.grpc_lab import serving as serving_grpc
from tests.adapters.network.recorder import Recorder, eventually, vote
from tests.adapters.network.tcp_lab import (
    OK,
    WELCOME,
    LoopFactory,
    Meet,
    Wire,
    foreign_server,
    greeted,
    hello,
    on_each_loop,
    run,
)
from tfraft.adapters.network.tcp import connect
from tfraft.adapters.network.tcp_frames import GREETING, MAX_FRAME_BYTES, MAX_HELLO_BYTES, FrameKind, frame, header
from tfraft.adapters.network.tcp_requests import write_answer
from tfraft.adapters.network.wire import encode
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest


async def _answers_http(wire: Wire) -> None:
    await greeted(wire)
    await wire.say(b"HTTP/1.1 400 Bad Request\r\n\r\n")


async def _answers_without_an_end(wire: Wire) -> None:
    await wire.say(header(FrameKind.REFUSED, MAX_HELLO_BYTES), bytes(MAX_HELLO_BYTES))


async def _says_hello_too(wire: Wire) -> None:
    await greeted(wire)
    await wire.say(hello()[len(GREETING) :])
    await wire.until_it_ends()


async def _hangs_up(wire: Wire) -> None:
    return


@on_each_loop
@pytest.mark.parametrize("meet", [_answers_http, _answers_without_an_end, _says_hello_too, _hangs_up])
def test_a_server_that_is_none_of_ours_gets_no_messages_and_certainly_no_request(
    loop_factory: LoopFactory | None, meet: Meet
) -> None:
    async def story() -> None:
        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            peer.send(vote(1))
            assert await peer.request(ClientRequest(b""), 20) == Answer(AnswerStatus.NOT_LEADER)
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_a_server_that_hears_grpc_alone_gets_no_messages_and_certainly_no_request(
    loop_factory: LoopFactory | None,
) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving_grpc(handler) as server:
            peer = connect("n2", server.address)
            peer.send(vote(1))
            assert await peer.request(ClientRequest(b""), 20) == Answer(AnswerStatus.NOT_LEADER)
            await peer.close()
            assert (handler.messages, handler.requests) == ([], [])

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize(
    "said",
    [
        frame(FrameKind.ANSWER, bytes(8)),
        frame(FrameKind.ANSWER, bytes(8) + b"\1\xff"),
        b"\1\0\0\0\xff",
        header(FrameKind.ANSWER, MAX_FRAME_BYTES),
        frame(FrameKind.REFUSED, b"not any more"),
    ],
    ids=["short", "broken", "unknown kind", "too long", "refused"],
)
def test_an_answer_that_makes_no_sense_leaves_the_outcome_open_and_the_connection_is_made_anew(
    loop_factory: LoopFactory | None, said: bytes
) -> None:
    async def story() -> None:
        met: list[Wire] = []

        async def meet(wire: Wire) -> None:
            met.append(wire)
            await greeted(wire)
            await wire.say(WELCOME)
            assert await wire.hear() is not None
            await wire.say(said)
            assert await wire.until_it_ends() == []

        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            assert await peer.request(ClientRequest(b"x"), 3_600) == Answer(AnswerStatus.TIMEOUT)
            await eventually(lambda: len(met) == 2)
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_an_answer_that_nobody_waits_for_is_passed_over(loop_factory: LoopFactory | None) -> None:
    """Who asked may have given up; and nobody may be given the answer to another's question."""

    async def story() -> None:
        async def meet(wire: Wire) -> None:
            await greeted(wire)
            await wire.say(WELCOME)
            asked = await wire.hear()
            assert asked is not None
            number = int.from_bytes(asked[1][:8], "little")
            for body in write_answer(number + 1, Answer(AnswerStatus.SESSION_EXPIRED)):
                await wire.say(frame(FrameKind.ANSWER, body))
            for body in [*write_answer(number, OK), *write_answer(number, OK)]:
                await wire.say(frame(FrameKind.ANSWER, body))
            assert await wire.hear() == (FrameKind.MESSAGE, encode(vote(1))), "the connection stands"

        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            assert await peer.request(ClientRequest(b"x"), 20) == OK
            peer.send(vote(1))
            assert (await peer.request(ClientRequest(b"x"), 20)).status is not AnswerStatus.OK
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_an_answer_of_a_status_that_we_do_not_know_leaves_the_outcome_open(loop_factory: LoopFactory | None) -> None:
    """It comes from a node that is newer than we are."""

    async def story() -> None:
        async def meet(wire: Wire) -> None:
            await greeted(wire)
            await wire.say(WELCOME)
            asked = await wire.hear()
            assert asked is not None
            await wire.say(frame(FrameKind.ANSWER, asked[1][:8] + b"\1" + b"\x0a\x02\x08\x2a"))
            await wire.until_it_ends()

        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            assert await peer.request(ClientRequest(b""), 20) == Answer(AnswerStatus.TIMEOUT)
            await peer.close()

    run(story(), loop_factory)
