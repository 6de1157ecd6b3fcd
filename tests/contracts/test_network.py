"""Servers and connections of every network as they begin, end and come back: `Server`, `PeerConnection` in ports.py."""

from functools import partial

import pytest

from tests.adapters.network.recorder import Recorder, eventually
from tests.contracts.networks import Network, connected, started, unused_address
from tests.contracts.traffic import ANSWERS, REQUESTS, heartbeat
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.errors import TfRaftError


def test_the_connection_comes_back_after_the_server_restarted_on_the_same_address(network: Network) -> None:
    async def story() -> None:
        first = Recorder()
        server = await started(network, first)
        peer = network.connect("n2", server.address)
        peer.send(heartbeat(1))
        await first.until(lambda: first.messages)
        await server.stop()
        peer.send(heartbeat(2))

        second = Recorder(answer=lambda _: ANSWERS[0])
        server = await started(network, second, server.address)
        await eventually(lambda: second.messages, meanwhile=lambda: peer.send(heartbeat(3)))
        assert (await peer.request(REQUESTS[0], 20)) == ANSWERS[0]
        assert first.messages == [heartbeat(1)]
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_stopped_server_starts_again(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, Recorder())
        address = server.address
        await server.stop()
        await server.start(received)
        assert server.address == address
        peer = network.connect("n2", address)
        peer.send(heartbeat())
        await received.until(lambda: received.messages)
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_closed_connection_sends_nothing_and_closing_twice_is_closing_once(network: Network) -> None:
    async def story() -> None:
        received = Recorder(answer=lambda _: ANSWERS[0])
        server = await started(network, received)
        peer, other = network.connect("n2", server.address), network.connect("n2", server.address)
        peer.send(heartbeat(1))
        await received.until(lambda: received.messages)
        await peer.close()
        await peer.close()
        peer.send(heartbeat(2))
        assert await peer.request(REQUESTS[0], 20) == Answer(AnswerStatus.NOT_LEADER)
        other.send(heartbeat(3))
        await received.until(lambda: heartbeat(3) in received.messages)
        assert received.messages == [heartbeat(1), heartbeat(3)]
        assert received.requests == []
        await other.close()
        await server.stop()

    network.run(story())


def test_a_connection_that_was_never_used_can_be_closed_and_does_nothing_afterwards(network: Network) -> None:
    async def story() -> None:
        peer = network.connect("n2", await unused_address(network))
        await peer.close()
        peer.send(heartbeat())

    network.run(story())


def test_a_stopped_server_receives_nothing_and_stopping_twice_is_stopping_once(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (server, peer):
            peer.send(heartbeat(1))
            await received.until(lambda: received.messages)
            await server.stop()
            await server.stop()
            peer.send(heartbeat(2))
            assert (await peer.request(REQUESTS[0], 20)).status in (AnswerStatus.NOT_LEADER, AnswerStatus.TIMEOUT)
            assert received.messages == [heartbeat(1)]
            assert received.requests == []

    network.run(story())


def test_a_server_that_never_started_can_be_stopped(network: Network) -> None:
    network.run(network.server().stop())


def test_an_address_is_taken_while_its_server_runs_and_free_afterwards(network: Network) -> None:
    async def story() -> None:
        server = await started(network, Recorder())
        with pytest.raises(TfRaftError, match=r"already|in use"):
            await started(network, Recorder(), server.address)
        await server.stop()
        await (await started(network, Recorder(), server.address)).stop()

    network.run(story())


def test_servers_in_one_process_receive_only_their_own(network: Network) -> None:
    async def story() -> None:
        handlers = [Recorder() for _ in range(3)]
        servers = [await started(network, handler) for handler in handlers]
        peers = [network.connect(f"n{number}", server.address) for number, server in enumerate(servers)]
        for number, peer in enumerate(peers):
            peer.send(heartbeat(number))
        for number, handler in enumerate(handlers):
            await handler.until(partial(len, handler.messages))
            assert handler.messages == [heartbeat(number)]
        for closing in [*(peer.close() for peer in peers), *(server.stop() for server in servers)]:
            await closing

    network.run(story())
