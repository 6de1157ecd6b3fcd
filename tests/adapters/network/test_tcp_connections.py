"""The connections of the network over TCP: those that hang, those that end, and those that never were."""

import asyncio
import gc
import logging
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tests.adapters.network.recorder import Recorder, eventually, vote
from tests.adapters.network.relay import Relay
from tests.adapters.network.tcp_lab import (
    OK,
    WELCOME,
    LoopFactory,
    Wire,
    dialling,
    foreign_server,
    greeted,
    hello,
    on_each_loop,
    run,
    serving,
)
from tfraft.adapters.network import sockets, tcp_peer
from tfraft.adapters.network.tcp import TcpServer, connect
from tfraft.adapters.network.tcp_frames import GREETING, FrameKind, frame
from tfraft.adapters.network.tcp_requests import write_request
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


@contextmanager
def sockets_at(port: int) -> Iterator[list[socket.socket]]:
    """Both ends of all connections to `port` that this process holds."""
    found = []
    for descriptor in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if os.readlink(f"/proc/self/fd/{descriptor}").startswith("socket:"):
                found.append(socket.socket(fileno=os.dup(int(descriptor))))
    ours = []
    for one in found:
        with suppress(OSError):
            if one.family == socket.AF_INET and port in (one.getsockname()[1], one.getpeername()[1]):
                ours.append(one)
    try:
        yield ours
    finally:
        for one in found:
            one.close()


# --- That hang ------------------------------------------------------------------------------------


@on_each_loop
def test_a_request_to_a_port_that_never_speaks_was_certainly_not_delivered(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            peer = connect("n2", f"127.0.0.1:{mute.getsockname()[1]}")
            peer.send(vote(1))
            assert await peer.request(ClientRequest(b""), 0.3) == Answer(AnswerStatus.NOT_LEADER)
            await peer.close()
            assert asyncio.all_tasks() == {asyncio.current_task()}

    run(story(), loop_factory)


@on_each_loop
def test_a_connection_that_gets_no_welcome_is_given_up_and_made_anew(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine may have died between the two, or a proxy answers for one that is gone."""
    monkeypatch.setattr(tcp_peer, "_CONNECT_S", 0.1)

    async def story() -> None:
        met: list[Wire] = []
        ended: list[Wire] = []

        async def meet(wire: Wire) -> None:
            met.append(wire)
            await greeted(wire)
            if len(met) == 3:
                await wire.say(WELCOME)
            await wire.until_it_ends()
            ended.append(wire)

        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            peer.send(vote(1))
            # Known after the first try, and not only when the time for the request is over.
            assert await peer.request(ClientQuery(b""), 3_600) == Answer(AnswerStatus.NOT_LEADER)
            await eventually(lambda: len(met) == 3)
            assert ended == met[:2]
            asked = asyncio.create_task(peer.request(ClientQuery(b""), 3_600))
            await asyncio.sleep(3 * tcp_peer._CONNECT_S)  # What is welcome may stay.
            assert len(met) == 3
            await peer.close()
            await asked

    run(story(), loop_factory)


@on_each_loop
def test_both_ends_of_a_connection_let_the_system_notice_that_the_other_machine_is_gone(
    loop_factory: LoopFactory | None,
) -> None:
    """Within twice SILENCE_S: by asking when it is silent, and by the answers that stay away when it is not."""

    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            with sockets_at(port_of(server.address)) as ends:
                assert len(ends) == 2
                for end in ends:
                    assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
                    idle, interval, times, unanswered_ms = (
                        end.getsockopt(socket.IPPROTO_TCP, option)
                        for option in (
                            socket.TCP_KEEPIDLE,
                            socket.TCP_KEEPINTVL,
                            socket.TCP_KEEPCNT,
                            socket.TCP_USER_TIMEOUT,
                        )
                    )
                    assert idle + interval * times == 2 * sockets.SILENCE_S
                    assert unanswered_ms == 2_000 * sockets.SILENCE_S
                    assert end.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY), "a small message goes at once"
            await peer.close()

    run(story(), loop_factory)


# --- That end -------------------------------------------------------------------------------------


@on_each_loop
def test_a_connection_that_is_lost_is_made_anew_without_waiting_for_a_message(
    loop_factory: LoopFactory | None,
) -> None:
    """The first message after a leader has come back should not have to wait for the connection."""

    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            relay = Relay(server.address)
            peer = connect("n2", await relay.start())
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            for writer in relay._writers:
                writer.close()
            await eventually(lambda: relay.made == 2)
            await eventually(lambda: vote(2) in handler.messages, meanwhile=lambda: peer.send(vote(2)))
            await peer.close()
            await relay.stop()

    run(story(), loop_factory)


@on_each_loop
def test_a_request_whose_connection_is_lost_ends_at_once_as_not_known(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async def meet(wire: Wire) -> None:
            await greeted(wire)
            await wire.say(WELCOME)
            assert await wire.hear() is not None

        async with foreign_server(meet) as address:
            peer = connect("n2", address)
            assert await peer.request(ClientRequest(b"x"), 3_600) == Answer(AnswerStatus.TIMEOUT)
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_what_is_sent_while_there_is_no_connection_is_dropped(loop_factory: LoopFactory | None) -> None:
    """Old messages help nobody; those of the first try to connect wait for its end."""

    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        peer = connect("n2", f"127.0.0.1:{port}")
        peer.send(vote(1))
        assert await peer.request(ClientQuery(b""), 20) == Answer(AnswerStatus.NOT_LEADER)
        for _ in range(100):
            peer.send(vote(2))
        handler = Recorder()
        async with serving(handler, TcpServer(port=port)):
            await eventually(lambda: handler.messages, meanwhile=lambda: peer.send(vote(3)))
            assert {message.term for message in handler.messages} == {3}
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize("turns", range(8))
def test_a_request_ends_when_its_connection_is_closed_however_soon(
    loop_factory: LoopFactory | None, turns: int
) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            asked = asyncio.create_task(peer.request(ClientRequest(b""), 3_600))
            for _ in range(turns):
                await asyncio.sleep(0)
            await peer.close()
            async with asyncio.timeout(20):
                assert (await asked).status in (AnswerStatus.NOT_LEADER, AnswerStatus.TIMEOUT)

    run(story(), loop_factory)


# --- That never were ------------------------------------------------------------------------------


@on_each_loop
@pytest.mark.parametrize("address", ["", "nowhere", "a..b:1", "x" * 70 + ":1", "a\0b:1", "a\udcff:1", "[::1:1"])
def test_who_has_an_address_that_is_none_is_not_reached_and_that_is_all(
    loop_factory: LoopFactory | None, address: str
) -> None:
    """It comes from a log or a file, which nobody can take back."""

    async def story() -> None:
        peer = connect("n2", address)
        peer.send(vote(1))
        async with asyncio.timeout(20):
            assert await peer.request(ClientRequest(b""), 3_600) == Answer(AnswerStatus.NOT_LEADER)
        tries = [task for task in asyncio.all_tasks() if task.get_name() == "link to n2"]
        assert len(tries) == 1, "it may be the name that cannot be found yet"
        await peer.close()

    run(story(), loop_factory)


# --- A server that stops --------------------------------------------------------------------------


@on_each_loop
@pytest.mark.parametrize("said", [b"", GREETING[:3], hello(), b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], ids=repr)
@pytest.mark.parametrize("turns", range(6))
def test_a_server_stops_whoever_comes_in_at_that_moment(
    loop_factory: LoopFactory | None, turns: int, said: bytes
) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            # Made by the system alone: the server finds it there in one of the next turns.
            with socket.create_connection(("127.0.0.1", port_of(server.address))) as caller:
                caller.sendall(said)
                for _ in range(turns):
                    await asyncio.sleep(0)
                async with asyncio.timeout(20):
                    await server.stop()
                assert asyncio.all_tasks() == {asyncio.current_task()}
                with warnings.catch_warnings():
                    # asyncio forgets whom it has accepted in the very turn in which it is closed.
                    warnings.simplefilter("ignore", ResourceWarning)
                    gc.collect()
                caller.settimeout(20)
                with suppress(ConnectionError):
                    while caller.recv(4096):
                        pass
            with sockets_at(port_of(server.address)) as left:
                assert left == []

    run(story(), loop_factory)


@on_each_loop
def test_an_open_connection_does_not_keep_its_server_from_stopping(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The grace is for answers on their way, not for connections that never end by themselves."""
    monkeypatch.setattr("tfraft.adapters.network.tcp._GRACE_S", 3_600.0)

    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            async with dialling(server.address) as silent:
                await server.stop()
                assert await silent.hear() is None
        await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_who_does_not_read_its_answers_does_not_keep_its_server_from_stopping(
    loop_factory: LoopFactory | None,
) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server, dialling(server.address) as deaf:
            deaf.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await deaf.say(hello(), frame(FrameKind.REQUEST, write_request(1, ClientRequest(b""))))
            await handler.until(lambda: handler.requests)
            handler.on_answers[0](Answer(AnswerStatus.OK, bytes(30 * 2**20)))
            async with asyncio.timeout(20):
                await server.stop()

    run(story(), loop_factory)


@on_each_loop
def test_a_stopped_server_hears_nothing_more_and_an_answer_that_comes_late_does_no_harm(
    loop_factory: LoopFactory | None, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler) as server:
            peer = connect("n2", server.address)
            asked = asyncio.create_task(peer.request(ClientRequest(b""), 3_600))
            await handler.until(lambda: handler.requests)
            await server.stop()
            for _ in range(9):
                handler.on_answers[0](OK)
                peer.send(vote(1))
            assert await asked == Answer(AnswerStatus.TIMEOUT)
            assert handler.messages == []
        await peer.close()

    with caplog.at_level(logging.WARNING):
        run(story(), loop_factory)
    assert caplog.messages == []
