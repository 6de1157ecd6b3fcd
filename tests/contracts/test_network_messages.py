"""What every network does with messages: whole, in their order, or dropped: `PeerConnection` in ports.py."""

import asyncio

from tests.adapters.network.recorder import Recorder, eventually
from tests.contracts.networks import Network, connected, started, unused_address
from tests.contracts.traffic import MESSAGES, heartbeat
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, InstallSnapshot, Message
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest


def replicating(messages: list[Message]) -> list[Message]:
    """Those of which each builds on the one before."""
    return [message for message in messages if isinstance(message, AppendEntries | InstallSnapshot)]


def test_what_arrives_equals_what_was_sent_and_what_replicates_keeps_its_order(network: Network) -> None:
    """So does all else among itself; but a vote may pass a queue full of entries."""

    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            sent = MESSAGES + [heartbeat(number) for number in range(500)]
            for message in sent:
                peer.send(message)
            await received.until(lambda: len(received.messages) >= len(sent))
            others = [message for message in sent if message not in replicating(sent)]
            assert replicating(received.messages) == replicating(sent)
            assert [message for message in received.messages if message in others] == others
            assert len(received.messages) == len(sent)
            assert set(received.on_replies) == {None}, "a reply goes to the sender's connection"

    network.run(story())


def test_messages_of_many_turns_keep_their_order(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            sent = [heartbeat(number) for number in range(100)]
            for message in sent:
                peer.send(message)
                await asyncio.sleep(0)
            await received.until(lambda: len(received.messages) >= len(sent))
            assert received.messages == sent

    network.run(story())


def test_send_returns_before_anything_arrives(network: Network) -> None:
    """The node sends in the middle of its turn: nobody may call it back before the turn is over."""

    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            peer.send(heartbeat())
            assert received.messages == []
            await received.until(lambda: received.messages)

    network.run(story())


def test_a_message_to_a_server_that_does_not_run_is_dropped(network: Network) -> None:
    async def story() -> None:
        address = await unused_address(network)
        peer = network.connect("n2", address)
        peer.send(heartbeat(1))
        assert (await peer.request(ClientQuery(b"now it was dropped"), 20)).status is AnswerStatus.NOT_LEADER
        await asyncio.sleep(0.02)
        peer.send(heartbeat(2))
        received = Recorder()
        server = await started(network, received, address)
        await eventually(lambda: received.messages, meanwhile=lambda: peer.send(heartbeat(3)))
        assert received.messages[0] == heartbeat(3)
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_full_queue_drops_messages_and_keeps_the_rest(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            for number in range(network.max_waiting_messages + 1_000):
                peer.send(heartbeat(number))
            last = heartbeat(10**9)
            await eventually(lambda: last in received.messages[-1:], meanwhile=lambda: peer.send(last))
            kept = [message for message in received.messages if message != last]
            assert kept == [heartbeat(number) for number in range(network.max_waiting_messages)]

    network.run(story())


def test_a_command_of_8_mib_passes(network: Network) -> None:
    async def story() -> None:
        command = bytes(8 * 1024 * 1024)
        received = Recorder(answer=lambda request: Answer(AnswerStatus.OK, response=command))
        async with connected(network, received) as (_, peer):
            sent = AppendEntries(1, "n1", 0, 0, Entries.of(Entry(1, EntryKind.COMMAND, command)))
            for _ in range(3):
                peer.send(sent)
            assert await peer.request(ClientRequest(command), 20) == Answer(AnswerStatus.OK, response=command)
            await received.until(lambda: len(received.messages) == 3)
            assert received.messages == [sent] * 3
            assert received.requests == [ClientRequest(command)]

    network.run(story())
