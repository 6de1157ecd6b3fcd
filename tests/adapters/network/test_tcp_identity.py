"""Who is heard by whom over TCP: another cluster, another version and another server are not, and the sender knows."""

import asyncio
import logging

import pytest

from tests.adapters.network.recorder import Recorder, eventually, vote
from tests.adapters.network.tcp_lab import (
    OK,
    WELCOME,
    LoopFactory,
    Wire,
    dialling,
    foreign_server,
    hello,
    on_each_loop,
    run,
    serving,
)
from tfraft.adapters.network import tcp_peer
from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.tcp import TcpServer, connect, connector
from tfraft.adapters.network.tcp_frames import FrameKind, frame
from tfraft.adapters.network.tcp_requests import write_request
from tfraft.adapters.network.wire import VERSION, encode
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest
from tfraft.errors import SettingError

MET = FrameKind.WELCOME, b""


def server_of(cluster_id: str = "ours", server_id: str = "n2", port: int = 0) -> TcpServer:
    return TcpServer(port=port, cluster_id=cluster_id, server_id=server_id)


def port_of(server: TcpServer) -> int:
    return int(server.address.rpartition(":")[2])


@on_each_loop
def test_nodes_of_one_cluster_hear_each_other(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            ways = connector("ours", "n1")
            peer = ways("n2", server.address)
            peer.send(vote())
            await handler.until(lambda: handler.messages)
            assert await peer.request(ClientRequest(b"x"), 20) == OK
            assert (peer.refusal, ways.refusals()) == ("", {})
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
@pytest.mark.parametrize(
    ("cluster_id", "called", "refusal"),
    [
        ("theirs", "n2", "this is a server of cluster ours, not of theirs"),
        ("ours", "n3", "n2 listens here, not n3"),
    ],
    ids=["another cluster", "another server"],
)
def test_a_node_of_another_cluster_or_for_another_server_is_not_heard(
    loop_factory: LoopFactory | None, cluster_id: str, called: str, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup that was restored under the old addresses, or a machine that took over one."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            ways = connector(cluster_id, "n1")
            peer = ways(called, server.address)
            peer.send(vote())
            await eventually(lambda: peer.refusal)
            assert ways.refusals() == {called: refusal}
            assert await peer.request(ClientRequest(b"x"), 20) == Answer(AnswerStatus.REFUSED, reason=refusal)
            assert (handler.messages, handler.requests) == ([], [])
            assert f"{called} at {server.address} refuses our messages: {refusal}" in caplog.messages
            await peer.close()
            assert ways.refusals() == {}

    with caplog.at_level(logging.WARNING):
        run(story(), loop_factory)


@on_each_loop
def test_a_request_that_comes_first_is_told_why_it_is_not_heard(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        async with serving(Recorder(), server_of()) as server:
            peer = connector("theirs", "n1")("n2", server.address)
            answer = await peer.request(ClientRequest(b"x"), 20)
            reason = "this is a server of cluster ours, not of theirs"
            assert answer == Answer(AnswerStatus.REFUSED, reason=reason)
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_two_clusters_refuse_each_other_in_both_directions(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handlers = Recorder(), Recorder()
        servers = server_of("one", "n1"), server_of("two", "n2")
        async with serving(handlers[0], servers[0]), serving(handlers[1], servers[1]):
            there = connector("one", "n1")("n2", servers[1].address)
            back = connector("two", "n2")("n1", servers[0].address)
            there.send(vote())
            back.send(vote())
            await eventually(lambda: there.refusal and back.refusal)
            assert there.refusal == "this is a server of cluster two, not of one"
            assert back.refusal == "this is a server of cluster one, not of two"
            assert handlers[0].messages == handlers[1].messages == []
            await there.close()
            await back.close()

    run(story(), loop_factory)


@on_each_loop
def test_a_node_of_another_version_is_not_heard_whatever_it_says(loop_factory: LoopFactory | None) -> None:
    assert VERSION == 1

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server, dialling(server.address) as wire:
            message = frame(FrameKind.MESSAGE, encode(vote()))
            request = frame(FrameKind.REQUEST, write_request(1, ClientRequest(b"x")))
            await wire.say(hello(Claim("ours", "n1", "n2", "2")), message, request)
            why = b"version 1 of the protocol is spoken here, not 2"
            assert await wire.until_it_ends() == [(FrameKind.REFUSED, why)]
            assert (handler.messages, handler.requests) == ([], [])

    run(story(), loop_factory)


@on_each_loop
def test_a_client_is_heard_by_every_server(loop_factory: LoopFactory | None) -> None:
    """It goes by the leader's address, and knows no ids for sure."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            client = connect("any name", server.address)
            assert await client.request(ClientQuery(b"x"), 20) == OK
            await client.close()

    run(story(), loop_factory)


@on_each_loop
def test_a_server_that_learns_its_cluster_hangs_up_on_those_of_another(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of(cluster_id="")) as server, dialling(server.address) as client:
            await client.say(hello())
            assert await client.hear() == MET
            peer = connector("theirs", "n1")("n2", server.address)
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            server.cluster_id = "ours"
            peer.send(vote(2))
            await eventually(lambda: peer.refusal)
            assert handler.messages == [vote(1)]
            answer = await peer.request(ClientRequest(b"x"), 20)
            assert (answer.status, answer.reason) == (AnswerStatus.REFUSED, peer.refusal)
            await peer.close()
            await client.say(frame(FrameKind.MESSAGE, encode(vote(3))))  # A client is still heard.
            await handler.until(lambda: handler.messages == [vote(1), vote(3)])

    run(story(), loop_factory)


@on_each_loop
def test_a_node_that_learns_its_cluster_tells_it_with_its_next_connection(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            ways = connector("", "n1")
            peer = ways("n2", server.address)
            assert await peer.request(ClientQuery(b"x"), 20) == OK
            ways.cluster_id = "theirs"
            await server.stop()
            await server.start(handler)
            await eventually(lambda: peer.refusal)
            await peer.close()

    run(story(), loop_factory)


@on_each_loop
def test_who_is_refused_tries_again_after_a_long_pause_and_keeps_nothing_meanwhile(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to put an address right first: to ask ten times a second would only fill two logs."""

    async def story() -> None:
        refused, again, pauses = asyncio.Event(), asyncio.Event(), []
        heard: list[bytes] = []
        sleep = asyncio.sleep

        async def noted(delay_s: float) -> None:
            if delay_s != tcp_peer._REFUSED_PAUSE_S:
                await sleep(delay_s)
                return
            pauses.append(delay_s)
            refused.set()
            await again.wait()
            again.clear()

        async def meet(wire: Wire) -> None:
            await wire.reader.readexactly(len(hello(Claim("ours", "n1", "n2"))))
            if len(pauses) < 2:
                await wire.say(frame(FrameKind.REFUSED, "not you — yet".encode()))
                return
            await wire.say(WELCOME)
            while message := await wire.hear():
                heard.append(message[1])

        monkeypatch.setattr(asyncio, "sleep", noted)
        async with foreign_server(meet) as address:
            peer = connector("ours", "n1")("n2", address)
            peer.send(vote(1))
            await refused.wait()
            for _ in range(100):
                peer.send(vote(2))
            refused.clear()
            again.set()
            await refused.wait()
            assert (peer.refusal, len(pauses), heard) == ("not you — yet", 2, [])
            again.set()
            await eventually(lambda: heard, meanwhile=lambda: peer.send(vote(3)))
            assert peer.refusal == ""
            assert set(heard) == {encode(vote(3))}, "what was sent in the pause was dropped"
            await peer.close()

    with caplog.at_level(logging.WARNING):
        run(story(), loop_factory)
    assert len([text for text in caplog.messages if "not you" in text]) == 1, "told once, not at every try"


@on_each_loop
def test_who_was_refused_is_heard_again_once_it_is_put_right(
    loop_factory: LoopFactory | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tcp_peer, "_REFUSED_PAUSE_S", 0.02)

    async def story() -> None:
        async with serving(Recorder(), server_of("theirs")) as wrong:
            port = port_of(wrong)
            ways = connector("ours", "n1")
            peer = ways("n2", wrong.address)
            peer.send(vote(1))
            await eventually(lambda: peer.refusal)
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of(port=port)):
            await eventually(lambda: handler.messages, meanwhile=lambda: peer.send(vote(2)))
            assert (peer.refusal, ways.refusals()) == ("", {})
            assert await peer.request(ClientRequest(b"x"), 20) == OK
            await peer.close()

    run(story(), loop_factory)


@pytest.mark.parametrize(
    ("cluster_id", "server_id"), [("c" * 1_025, "n1"), ("c", "n" * 1_025), ("c", "n\udcff")], ids=ascii
)
def test_names_that_cannot_travel_are_refused_at_once(cluster_id: str, server_id: str) -> None:
    with pytest.raises(SettingError, match="id"):
        connector(cluster_id, server_id)
    with pytest.raises(SettingError, match="id"):
        TcpServer(cluster_id=cluster_id, server_id=server_id)


@on_each_loop
def test_the_longest_names_travel(loop_factory: LoopFactory | None) -> None:
    async def story() -> None:
        cluster_id, own_id, server_id = '"' * 1_024, "\1" * 1_024, "ñ" * 512
        async with serving(Recorder(answer=lambda _: OK), server_of(cluster_id, server_id)) as server:
            peer = connector(cluster_id, own_id)(server_id, server.address)
            assert await peer.request(ClientQuery(b"x"), 20) == OK
            await peer.close()
            stranger = connector("\1" * 1_024, own_id)(server_id, server.address)
            assert (await stranger.request(ClientQuery(b"x"), 20)).status is AnswerStatus.REFUSED
            await stranger.close()

    run(story(), loop_factory)
