"""What the network inside one process promises beyond the contract of all networks."""

import asyncio
from functools import partial

import pytest

from tests.adapters.network.recorder import Recorder, run, vote
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.core.messages import Message
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest
from tfraft.errors import SettingError
from tfraft.ports import OnReply


def test_networks_in_one_process_do_not_see_each_other() -> None:
    async def story() -> None:
        networks = [MemoryNetwork(), MemoryNetwork()]
        handlers = [Recorder(), Recorder()]
        for network, handler in zip(networks, handlers, strict=True):
            server = MemoryServer()
            network.add("n1", server)
            await server.start(handler)
        networks[0].peer("n1").send(vote(1))
        networks[1].peer("n1").send(vote(2))
        for term, handler in enumerate(handlers, 1):
            await handler.until(partial(len, handler.messages))
            assert handler.messages == [vote(term)]
        assert (await MemoryNetwork().peer("n1").request(ClientRequest(b""), 9)).status is AnswerStatus.NOT_LEADER

    run(story())


def test_a_message_is_handed_over_as_it_is_with_all_others_of_its_turn() -> None:
    """No copy, and one turn of the loop for all that a turn of a node sends: that is where batches come from."""

    async def story() -> None:
        network, server, received = MemoryNetwork(), MemoryServer(), Recorder()
        network.add("n2", server)
        await server.start(received)
        sent = [vote(term) for term in range(3)]
        network.peer("n2").send(sent[0])
        for message in sent[1:]:
            network.connect("whoever", "n2").send(message)
        await asyncio.sleep(0)
        assert [id(message) for message in received.messages] == [id(message) for message in sent]

    run(story())


def test_a_server_that_stops_in_the_middle_of_its_mail_reads_no_further() -> None:
    class StopsAtOnce(Recorder):
        def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
            super().receive(message, on_reply)
            with pytest.raises(StopIteration):
                server.stop().send(None)

    server = MemoryServer()

    async def story() -> None:
        network, received = MemoryNetwork(), StopsAtOnce()
        network.add("n2", server)
        await server.start(received)
        for term in range(3):
            network.peer("n2").send(vote(term))
        await asyncio.sleep(0)
        assert received.messages == [vote(0)]

    run(story())


def test_a_request_without_time_is_not_delivered_after_it_was_answered() -> None:
    async def story() -> None:
        network, server, received = MemoryNetwork(), MemoryServer(), Recorder()
        network.add("n2", server)
        await server.start(received)
        asked = asyncio.create_task(network.peer("n2").request(ClientRequest(b""), 9))
        await asyncio.sleep(0)
        asked.cancel()
        await asyncio.wait([asked])
        assert received.requests == []
        await server.stop()

    run(story())


def test_a_server_without_a_network_does_not_start() -> None:
    with pytest.raises(SettingError, match="added to a MemoryNetwork"):
        run(MemoryServer().start(Recorder()))


def test_a_name_may_be_used_again_once_its_server_has_stopped() -> None:
    async def story() -> None:
        network, first, second = MemoryNetwork(), MemoryServer(), MemoryServer()
        network.add("NODE", first)
        assert first.address == "NODE"
        await first.start(Recorder())
        assert first.running
        with pytest.raises(SettingError, match="NODE already runs"):
            network.add("NODE", second)
        await first.stop()
        network.add("NODE", second)
        await second.start(Recorder(answer=lambda _: Answer(AnswerStatus.OK)))
        assert (await network.peer("NODE").request(ClientRequest(b""), 9)).status is AnswerStatus.OK
        await second.stop()

    run(story())
