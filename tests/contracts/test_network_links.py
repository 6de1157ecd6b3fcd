"""Links that are cut or slow, over every network."""

import asyncio

from tests.adapters.network.recorder import Recorder
from tests.contracts.networks import Network, started
from tests.contracts.traffic import ANSWERS, REQUESTS, heartbeat
from tfraft.adapters.network.links import Links
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.ports import PeerConnection


def test_a_blocked_link_loses_messages_in_one_direction_only_until_it_is_cleared(network: Network) -> None:
    async def story() -> None:
        links = Links()
        blocked, open_ = Recorder(answer=lambda _: ANSWERS[0]), Recorder()
        servers = [await started(network, blocked), await started(network, open_)]
        connect = links.wrap(network.connect)
        peers = [connect("n2", servers[0].address), connect("n3", servers[1].address)]
        links.block(["n2"])
        for peer in peers:
            peer.send(heartbeat(1))
        assert await peers[0].request(REQUESTS[0], 0.05) == Answer(AnswerStatus.NOT_LEADER)
        await open_.until(lambda: open_.messages)
        links.clear()
        peers[0].send(heartbeat(2))
        await blocked.until(lambda: blocked.messages)
        assert blocked.messages == [heartbeat(2)]
        assert await peers[0].request(REQUESTS[0], 20) == ANSWERS[0]
        assert blocked.requests == REQUESTS[:1]
        for closing in [*(peer.close() for peer in peers), *(server.stop() for server in servers)]:
            await closing

    network.run(story())


def test_a_delayed_link_is_slow_and_keeps_the_order(network: Network) -> None:
    async def story() -> None:
        links = Links()
        received = Recorder(answer=lambda _: ANSWERS[0])
        server = await started(network, received)
        peer: PeerConnection = links.wrap(network.connect)("n2", server.address)
        now = asyncio.get_running_loop().time
        begin = now()
        links.delay({"n2": 0.2})
        sent = [heartbeat(number) for number in range(5)]
        for message in sent:
            peer.send(message)
        await received.until(lambda: len(received.messages) == 5)
        assert now() - begin >= 0.2
        assert received.messages == sent
        begin = now()
        assert await peer.request(REQUESTS[0], 20) == ANSWERS[0]
        assert now() - begin >= 0.2
        await peer.close()
        await server.stop()

    network.run(story())
