"""A node that stops hands leadership over first (§3.10), ends in time whatever happens, and leaves nothing behind."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from tests.adapters.network.recorder import eventually, run
from tests.node.lab import HandDisk, HandSnapshots, Lab, asks_vote
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.adapters.state.memory import MemoryStateManager
from tfraft.core.config import IN_PROCESS
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, AppendEntriesReply
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest, TransferLeadership
from tfraft.errors import StorageFailed
from tfraft.node.node import RaftNode
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind
from tfraft.ports import OnSaved
from tfraft.store import codec

SET = ClientRequest(codec.encode([b"SET", b"k", b"v"]))
NAMES = ("a", "b", "c")


class Three:
    """Three nodes that talk in memory."""

    def __init__(self) -> None:
        self.nodes: dict[ServerId, RaftNode] = {}
        self.events: list[Event] = []

    async def start(self) -> None:
        network = MemoryNetwork()
        for name in NAMES:
            server = MemoryServer()
            network.add(name, server)
            self.nodes[name] = await RaftNode.create(
                name,
                server,
                MemoryStateManager(),
                network.connect,
                configuration=Configuration.of({name: name for name in NAMES}),
                config=IN_PROCESS,
                observe=self.events.append,
            )

    def roles(self, role: str) -> list[RaftNode]:
        """The nodes that run and have this role."""
        return [node for node in self.nodes.values() if node._running and node.status().role == role]

    async def leader(self) -> RaftNode:
        """The leader, which has committed an entry of its term and is followed by both others."""

        def settled() -> bool:
            return any(
                node.raft.state.has_committed_in_term and all(peer.match_index for peer in node.status().peers)
                for node in self.roles("leader")
            )

        await eventually(settled)
        return self.roles("leader")[0]

    async def lonely_leader(self) -> RaftNode:
        """The leader, to which nobody can succeed: both others have halted."""
        leader = await self.leader()
        for node in self.roles("follower"):
            node.halt()
        return leader


def with_three(test: Callable[[Three], Coroutine[Any, Any, None]]) -> None:
    """Run `test` with three nodes."""

    async def main() -> None:
        three = Three()
        try:
            await three.start()
            await test(three)
        finally:
            for node in three.nodes.values():
                await node.stop(hand_over=False)

    run(main())


def test_a_leader_that_stops_hands_over_and_nobodys_request_fails() -> None:
    """§3.10: what it has proposed is committed by its successor; what comes later is refused, to be sent again."""

    async def test(three: Three) -> None:
        leader = await three.leader()
        answers: list[Answer] = []
        for _ in range(50):
            leader.request(SET, answers.append)
        stopping = asyncio.create_task(leader.stop())
        while not stopping.done():
            leader.request(SET, answers.append)
            await asyncio.sleep(0)
        await stopping
        assert {answer.status for answer in answers} == {AnswerStatus.OK, AnswerStatus.NOT_LEADER}
        assert [answer.status for answer in answers[:50]].count(AnswerStatus.OK) > 0
        # Its successor leads when it stops, not an election timeout later.
        assert len(three.roles("leader")) == 1
        assert three.roles("leader")[0].status().current_term > 1 or leader.status().current_term > 1
        assert EventKind.TRANSFER in [event.kind for event in three.events]

    with_three(test)


def test_a_leader_without_a_live_successor_stops_all_the_same() -> None:
    """Whoever waits is told then that the outcome is open."""

    async def test(three: Three) -> None:
        leader = await three.lonely_leader()
        answers: list[Answer] = []
        leader.request(SET, answers.append)
        await leader.stop()
        assert [answer.status for answer in answers] == [AnswerStatus.TIMEOUT]

    with_three(test)


def test_a_follower_stops_without_handing_anything_over() -> None:
    async def test(three: Three) -> None:
        leader = await three.leader()
        term = leader.status().current_term
        await three.roles("follower")[0].stop()
        assert (leader.status().role, leader.status().current_term) == ("leader", term)
        assert EventKind.TRANSFER not in [event.kind for event in three.events]

    with_three(test)


def test_a_leader_that_stops_joins_in_a_transfer_that_is_under_way() -> None:
    async def test(three: Three) -> None:
        leader = await three.leader()
        answers: list[Answer] = []
        target = three.roles("follower")[0].server_id
        leader.request(TransferLeadership(target), answers.append)
        await leader.stop()
        assert [answer.status for answer in answers] == [AnswerStatus.OK]
        assert [node.server_id for node in three.roles("leader")] == [target]

    with_three(test)


def test_a_stop_that_is_cancelled_while_it_hands_over_is_a_stop_at_once() -> None:
    """Else a node would go on that nobody knows of any more."""

    async def test(three: Three) -> None:
        leader = await three.lonely_leader()
        stopping = asyncio.create_task(leader.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        await asyncio.wait([stopping])
        answers: list[Answer] = []
        leader.request(SET, answers.append)
        assert [answer.reason for answer in answers] == [f"{leader.server_id} is stopped"]
        assert (leader.server_id, EventKind.STOPPED) in [(event.server_id, event.kind) for event in three.events]

    with_three(test)


def test_a_leader_that_is_killed_while_it_hands_over_waits_no_longer() -> None:
    async def test(three: Three) -> None:
        leader = await three.lonely_leader()
        stopping = asyncio.create_task(leader.stop())
        await asyncio.sleep(0)
        leader.halt()
        for _ in range(3):
            await asyncio.sleep(0)
        assert leader._handed_over is not None
        assert leader._handed_over.done()
        await stopping

    with_three(test)


def test_the_only_server_of_a_cluster_has_nobody_to_hand_over_to() -> None:
    async def main() -> None:
        network, server = MemoryNetwork(), MemoryServer()
        network.add("a", server)
        answers: list[Answer] = []
        async with await RaftNode.create("a", server, MemoryStateManager(), network.connect, leader=True) as node:
            await eventually(lambda: node.status().role == "leader")
            node.request(TransferLeadership(), answers.append)
            await eventually(lambda: answers)
        assert answers == [
            Answer(AnswerStatus.REFUSED, leader_hint="a", leader_address="a", reason="there is no other voter")
        ]

    run(main())


# --- Removed ---


def without(server: str) -> Entries:
    """The entry that removes this server."""
    configuration = Configuration.of({"a": "a:1", "b": "b:1", "c": "c:1"}).without_server(server)
    return Entries.of(Entry(1, EntryKind.CONFIGURATION, configuration.encode()))


def test_a_server_that_was_removed_stops_by_itself_and_says_so() -> None:
    """§4.2.2: once it knows that this is committed; before, the removal may yet be undone."""
    lab = Lab()
    lab.receive(AppendEntries(1, "b", 0, 0, without("a")))
    lab.saved()
    assert EventKind.REMOVED not in [kind for kind, _ in lab.told()]
    lab.receive(AppendEntries(1, "b", 1, 1, leader_commit=1))
    assert lab.told() == [(EventKind.REMOVED, "a stops: it was removed from the cluster")]
    lab.ask(SET)
    assert lab.answers[-1].reason == "a is stopped"


def test_a_server_whose_neighbour_was_removed_goes_on() -> None:
    lab = Lab()
    lab.receive(AppendEntries(1, "b", 0, 0, without("c"), leader_commit=1))
    lab.saved()
    lab.ask(SET)
    assert lab.answers[-1].reason == ""


# --- Nothing is left behind ---


class FailingDisk(HandDisk):
    """A disk on which a save fails at once."""

    def save(self, save: Save, on_saved: OnSaved) -> None:
        on_saved(StorageFailed("disk full"))


def timers(lab: Lab) -> int:
    """How many timers will yet fire."""
    return sum(not timer.cancelled for timer in lab.loop.timers)


def test_a_node_that_stops_in_the_middle_of_a_turn_sets_no_timer_any_more() -> None:
    """A timer would feed a core that has halted."""
    failed = Lab(disk=FailingDisk())
    failed.receive(asks_vote(1))
    assert timers(failed) == 0
    removed = Lab()
    removed.receive(AppendEntries(1, "b", 0, 0, without("a"), leader_commit=1))
    assert timers(removed) == 0


def test_a_node_whose_disk_failed_in_the_same_turn_begins_no_snapshot() -> None:
    snapshots = HandSnapshots()
    lab = Lab(snapshots=snapshots, settings=NodeSettings(snapshot_log_entries=2)).lead()
    lab.ask(SET)
    lab.saved()
    lab.disk.save = FailingDisk().save  # type: ignore[method-assign]
    lab.node.request(SET, lab.answers.append)
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2))
    assert [answer.status for answer in lab.answers] == [AnswerStatus.TIMEOUT, AnswerStatus.OK]
    assert snapshots.writers == []
