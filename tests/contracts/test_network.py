"""What every network keeps of the promises of `Server` and `PeerConnection` in ports.py."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from functools import partial
from itertools import cycle
from typing import Any

import pytest
import uvloop

from tests.adapters.network.recorder import Recorder, eventually, run
from tfraft.adapters.network import grpc, memory
from tfraft.adapters.network.links import Links
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)
from tfraft.errors import TfRaftError
from tfraft.ports import PeerConnection, PeerFactory, Server

EIGHT_MIB = 8 * 1024 * 1024
MESSAGES: list[Message] = [
    RequestVote(term=7, candidate_id="n1", last_log_index=12, last_log_term=6, candidate_address="127.0.0.1:1"),
    RequestVoteReply(term=7, server_id="ñ2 ☃", vote_granted=True),
    AppendEntries(term=7, leader_id="n1", prev_log_index=0, prev_log_term=0),
    AppendEntries(
        term=7,
        leader_id="n1",
        prev_log_index=12,
        prev_log_term=6,
        entries=Entries.of(
            Entry(6, EntryKind.COMMAND, b"SET k v"),
            Entry(7, EntryKind.NO_OP),
            Entry(7, EntryKind.CONFIGURATION, b'{"voters":{"n1":""}}'),
        ),
        leader_commit=11,
        read_round=2**40,
        leader_address="höst:1",
        sent_at=1.1,
        incarnation=2,
    ),
    AppendEntriesReply(term=7, server_id="n2", success=True, match_index=15, read_round=3, sent_at=1.1, incarnation=2),
    AppendEntriesReply(term=8, server_id="n2", success=False, prev_log_index=12, conflict_index=9, conflict_term=4),
    RequestVote(8, "n1", 12, 6, "127.0.0.1:1", leadership_transfer=True),
    PreVote(term=8, candidate_id="n1", last_log_index=12, last_log_term=6, candidate_address="127.0.0.1:1"),
    PreVoteReply(term=7, server_id="n2", vote_granted=True, pre_vote_term=8),
    TimeoutNow(term=7, leader_id="n1"),
    InstallSnapshot(
        term=7,
        leader_id="n1",
        snapshot=Snapshot(
            Base(9, 5, Configuration.of({"n1": "höst:1", "n2": ""}, ["n3"], removed=["n0"]), 4), 100_000, 2**32 - 1
        ),
        offset=65_536,
        size_bytes=4,
        data=b"\x00\xff\r\n",
        leader_address="höst:1",
    ),
    InstallSnapshotReply(term=7, server_id="n2", last_index=9, offset=65_540),
    ReadIndex(term=7, server_id="n2", number=4),
    ReadIndexReply(term=7, leader_id="n1", number=4, read_index=15),
]
ANSWERS = [
    Answer(AnswerStatus.OK, response=b"\x00+OK\r\n"),
    Answer(AnswerStatus.NOT_LEADER, leader_hint="n2", leader_address="host:1"),
    Answer(AnswerStatus.REFUSED, reason="n9 is a voter already — remove it first"),
    Answer(AnswerStatus.TIMEOUT),
    Answer(AnswerStatus.SESSION_EXPIRED),
    Answer(AnswerStatus.OVERLOADED, reason="64 MiB wait to be committed"),
]
REQUESTS: list[NodeRequest] = [
    ClientRequest(b"SET k v"),
    ClientRequest(b"SET k v", client_id=2**64 - 1, sequence_num=3, lowest_unanswered=2),
    RegisterClient(),
    ClientQuery(b"GET k"),
    *[ClientQuery(b"GET k", consistency, 1.5) for consistency in Consistency],
    AddServer("n4", "127.0.0.1:4"),
    AddServer("n4", "127.0.0.1:4", learner=True, configuration_index=9, force=True),
    RemoveServer("n4"),
    RemoveServer("ñ4 ☃", configuration_index=9, force=True),
    UpdateServer("n4", "[::1]:4", configuration_index=9),
    ChangeServers((("n2", "host:2"), ("n1", "host:1")), configuration_index=9, force=True),
    ChangeServers((("n1", "host:1"),)),
    TransferLeadership("n2"),
    TransferLeadership(),
]


def heartbeat(number: int = 0) -> AppendEntries:
    return AppendEntries(term=1, leader_id="n1", prev_log_index=number, prev_log_term=0)


def replicating(messages: list[Message]) -> list[Message]:
    """Those of which each builds on the one before."""
    return [message for message in messages if isinstance(message, AppendEntries | InstallSnapshot)]


class Network(ABC):
    """A network as these tests need it: servers by name, and a PeerFactory."""

    max_waiting_messages: int
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None

    @abstractmethod
    def server(self, address: str = "") -> Server:
        """A server that has not started, at `address`, or at one that is free."""

    @property
    @abstractmethod
    def connect(self) -> PeerFactory:
        """The PeerFactory of this network."""

    def run(self, story: Coroutine[Any, Any, None]) -> None:
        run(story, self.loop_factory)


class OverMemory(Network):
    max_waiting_messages = memory.MAX_WAITING_MESSAGES

    def __init__(self) -> None:
        self._network = memory.MemoryNetwork()
        self._made = 0

    def server(self, address: str = "") -> Server:
        server = memory.MemoryServer()
        self._made += 1
        self._network.add(address or f"server{self._made}", server)
        return server

    @property
    def connect(self) -> PeerFactory:
        return self._network.connect


class OverGrpc(Network):
    max_waiting_messages = grpc.MAX_WAITING_MESSAGES

    def server(self, address: str = "127.0.0.1:0") -> Server:
        host, _, port = address.rpartition(":")
        return grpc.GrpcServer(host, int(port))

    @property
    def connect(self) -> PeerFactory:
        return grpc.connect


class OverGrpcAndUvloop(OverGrpc):
    loop_factory = staticmethod(uvloop.new_event_loop)


@pytest.fixture(params=[OverMemory, OverGrpc, OverGrpcAndUvloop])
def network(request: pytest.FixtureRequest) -> Network:
    made: Network = request.param()
    return made


async def started(network: Network, handler: Recorder, address: str = "") -> Server:
    server = network.server(address) if address else network.server()
    await server.start(handler)
    return server


async def unused_address(network: Network) -> str:
    """An address at which a server ran a moment ago."""
    server = await started(network, Recorder())
    await server.stop()
    return server.address


def test_what_arrives_equals_what_was_sent_and_what_replicates_keeps_its_order(network: Network) -> None:
    """So does all else among itself; but a vote may pass a queue full of entries."""

    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        sent = MESSAGES + [heartbeat(number) for number in range(500)]
        for message in sent:
            peer.send(message)
        await received.until(lambda: len(received.messages) >= len(sent))
        others = [message for message in sent if message not in replicating(sent)]
        assert replicating(received.messages) == replicating(sent)
        assert [message for message in received.messages if message in others] == others
        assert len(received.messages) == len(sent)
        assert set(received.on_replies) == {None}, "a reply goes to the sender's connection"
        await peer.close()
        await server.stop()

    network.run(story())


def test_messages_of_many_turns_keep_their_order(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        sent = [heartbeat(number) for number in range(100)]
        for message in sent:
            peer.send(message)
            await asyncio.sleep(0)
        await received.until(lambda: len(received.messages) >= len(sent))
        assert received.messages == sent
        await peer.close()
        await server.stop()

    network.run(story())


def test_send_returns_before_anything_arrives(network: Network) -> None:
    """The node sends in the middle of its turn: nobody may call it back before the turn is over."""

    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        peer.send(heartbeat())
        assert received.messages == []
        await received.until(lambda: received.messages)
        await peer.close()
        await server.stop()

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


def test_each_kind_of_request_gets_its_one_answer(network: Network) -> None:
    async def story() -> None:
        answers = dict(zip(REQUESTS, cycle(ANSWERS), strict=False))
        received = Recorder(answer=answers.__getitem__)
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        for request, answer in answers.items():
            assert await peer.request(request, 20) == answer
        assert received.requests == REQUESTS
        await peer.close()
        await server.stop()

    network.run(story())


def test_requests_wait_side_by_side_for_answers_in_any_order(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = [asyncio.create_task(peer.request(ClientRequest(b"%d" % number), 20)) for number in range(20)]
        await received.until(lambda: len(received.requests) == 20)
        for request, on_answer in reversed(list(zip(received.requests, received.on_answers, strict=True))):
            assert isinstance(request, ClientRequest)
            on_answer(Answer(AnswerStatus.OK, b"done " + request.command))
        for number, answer in enumerate(await asyncio.gather(*asked)):
            assert answer == Answer(AnswerStatus.OK, b"done %d" % number)
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_request_to_a_server_that_does_not_run_is_not_leader_within_the_time_out(network: Network) -> None:
    async def story() -> None:
        peer = network.connect("n2", await unused_address(network))
        for request in REQUESTS:
            async with asyncio.timeout(20):
                assert await peer.request(request, 10) == Answer(AnswerStatus.NOT_LEADER)
        await peer.close()

    network.run(story())


def test_a_request_that_is_received_but_never_answered_ends_as_not_known(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = asyncio.create_task(peer.request(REQUESTS[0], 0.5))
        await received.until(lambda: received.requests)
        assert await asked == Answer(AnswerStatus.TIMEOUT)
        received.on_answers[0](ANSWERS[0])  # Too late, and no harm.
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_request_ends_as_not_known_as_soon_as_its_server_stops(network: Network) -> None:
    """A client must not wait for its whole time-out when the leader has gone."""

    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
        await received.until(lambda: received.requests)
        await server.stop()
        assert await asked == Answer(AnswerStatus.TIMEOUT)
        await peer.close()

    network.run(story())


def test_an_answer_given_right_before_its_server_stops_arrives(network: Network) -> None:
    """A node that stops answers all who wait, then stops its server."""

    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = [asyncio.create_task(peer.request(request, 20)) for request in REQUESTS]
        await received.until(lambda: len(received.requests) == len(REQUESTS))
        for on_answer in received.on_answers:
            on_answer(ANSWERS[1])
        await server.stop()
        assert await asyncio.gather(*asked) == [ANSWERS[1]] * len(REQUESTS)
        await peer.close()

    network.run(story())


def test_a_request_ends_as_not_known_when_its_connection_is_closed(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
        await received.until(lambda: received.requests)
        await peer.close()
        assert await asked == Answer(AnswerStatus.TIMEOUT)
        await server.stop()

    network.run(story())


def test_a_request_can_be_cancelled(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
        await received.until(lambda: received.requests)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        received.on_answers[0](ANSWERS[0])
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
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        peer.send(heartbeat(1))
        await received.until(lambda: received.messages)
        await server.stop()
        await server.stop()
        peer.send(heartbeat(2))
        assert (await peer.request(REQUESTS[0], 20)).status in (AnswerStatus.NOT_LEADER, AnswerStatus.TIMEOUT)
        assert received.messages == [heartbeat(1)]
        assert received.requests == []
        await peer.close()

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


def test_a_full_queue_drops_messages_and_keeps_the_rest(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        for number in range(network.max_waiting_messages + 1_000):
            peer.send(heartbeat(number))
        last = heartbeat(10**9)
        await eventually(lambda: last in received.messages[-1:], meanwhile=lambda: peer.send(last))
        kept = [message for message in received.messages if message != last]
        assert kept == [heartbeat(number) for number in range(network.max_waiting_messages)]
        await peer.close()
        await server.stop()

    network.run(story())


def test_a_command_of_8_mib_passes(network: Network) -> None:
    async def story() -> None:
        command = bytes(EIGHT_MIB)
        received = Recorder(answer=lambda request: Answer(AnswerStatus.OK, response=command))
        server = await started(network, received)
        peer = network.connect("n2", server.address)
        sent = AppendEntries(1, "n1", 0, 0, Entries.of(Entry(1, EntryKind.COMMAND, command)))
        for _ in range(3):
            peer.send(sent)
        assert await peer.request(ClientRequest(command), 20) == Answer(AnswerStatus.OK, response=command)
        await received.until(lambda: len(received.messages) == 3)
        assert received.messages == [sent] * 3
        assert received.requests == [ClientRequest(command)]
        await peer.close()
        await server.stop()

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
