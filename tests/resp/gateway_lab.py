"""Nodes with a gateway each, over a network in memory; and one that follows a leader in the test's hands."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from random import Random

from tests.adapters.network.recorder import Recorder, eventually
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.adapters.state.memory import MemoryDisk, MemoryStateManager
from tfraft.core.config import IN_PROCESS, RaftConfig
from tfraft.core.configuration import Configuration
from tfraft.core.messages import AppendEntries, RequestVoteReply, TimeoutNow
from tfraft.core.requests import Answer, ClientBatch, ClientCall
from tfraft.core.state import Role
from tfraft.node.node import RaftNode
from tfraft.resp.gateway import NodeGateway

VOTERS = Configuration.of({"a": "a", "b": "b", "c": "c"})
PATIENT = RaftConfig(election_timeout_s=600)
"""With it no node stands for election during a test."""


class Tape:
    """A state machine that keeps all that was written, in order; a read gives it all."""

    def __init__(self) -> None:
        self.written: list[bytes] = []

    def apply(self, command: bytes) -> bytes:
        self.written.append(command)
        return command

    def query(self, query: bytes) -> bytes:
        return b" ".join(self.written)

    def snapshot(self) -> Iterator[bytes]:
        yield self.query(b"")

    def restore(self, pieces: Iterable[bytes]) -> None:
        self.written = b"".join(pieces).split()


class Trio:
    """Three nodes, and the gateway of each."""

    def __init__(self) -> None:
        self.network = MemoryNetwork()
        self.nodes: dict[str, RaftNode] = {}
        self.gateways: dict[str, NodeGateway] = {}

    async def start(self, leader_wait_s: float, answer_wait_s: float) -> None:
        for name in VOTERS.ids:
            server = MemoryServer()
            self.network.add(name, server)
            state = MemoryStateManager(MemoryDisk())
            node = self.nodes[name] = await RaftNode.create(
                *(name, server, state, self.network.connect),
                configuration=VOTERS,
                machine=Tape(),
                config=IN_PROCESS,
                rng=Random(name),
            )
            loop = asyncio.get_running_loop()
            self.gateways[name] = NodeGateway(
                node, self.network.connect, leader_wait_s, loop, answer_wait_s=answer_wait_s
            )

    async def leader(self) -> str:
        """Who leads, once somebody does that has committed in its term."""
        await eventually(self._leaders)
        return self._leaders()[0]

    def _leaders(self) -> list[str]:
        states = {name: node.raft.state for name, node in self.nodes.items()}
        return [name for name, raft in states.items() if raft.role is Role.LEADER and raft.has_committed_in_term]

    def stand_for_election(self, name: str) -> None:
        """Let a node stand at once, as if its leader had told it to (§3.10)."""
        node = self.nodes[name]
        node.receive(TimeoutNow(node.raft.state.current_term, node.raft.state.leader_id or ""))

    async def kill(self, name: str) -> None:
        """End a node as a crash would."""
        node = self.nodes.pop(name)
        node.halt()
        await self.gateways.pop(name).close()
        await node.stop(hand_over=False)


@asynccontextmanager
async def trio(leader_wait_s: float = 20.0, answer_wait_s: float = 20.0) -> AsyncIterator[Trio]:
    """Three nodes that run within the block."""
    nodes = Trio()
    try:
        await nodes.start(leader_wait_s, answer_wait_s)
        yield nodes
    finally:
        for name in list(nodes.nodes):
            await nodes.kill(name)


class Follower:
    """Node `a` and its gateway. The leaders `b` and `c` only keep what they are asked; the test answers."""

    def __init__(self) -> None:
        self.leaders = {"b": Recorder(), "c": Recorder()}
        self.answers: dict[str, Answer] = {}
        self.term = 0

    async def start(self, leader_wait_s: float, answer_wait_s: float) -> None:
        network = MemoryNetwork()
        for name, leader in self.leaders.items():
            server = MemoryServer()
            network.add(name, server)
            await server.start(leader)
        server = MemoryServer()
        network.add("a", server)
        state = MemoryStateManager(MemoryDisk())
        self.node = await RaftNode.create(
            *("a", server, state, network.connect), configuration=VOTERS, machine=Tape(), config=PATIENT
        )
        loop = asyncio.get_running_loop()
        self.gateway = NodeGateway(self.node, network.connect, leader_wait_s, loop, answer_wait_s=answer_wait_s)

    def follow(self, leader: str) -> None:
        """From now on the node hears that `leader` leads."""
        self.term += 1
        self.node.receive(AppendEntries(self.term, leader, 0, 0))

    async def lead(self) -> None:
        """From now on the node itself leads: its leader has told it to stand, and `c` has voted for it."""
        self.node.receive(TimeoutNow(self.term, "b"))
        self.term += 1
        await eventually(lambda: self.node.raft.state.current_term == self.term)
        self.node.receive(RequestVoteReply(self.term, "c", True))
        await eventually(lambda: self.node.raft.state.role is Role.LEADER)

    def commands(self) -> list[bytes]:
        """The commands in the log of the node."""
        return [entry.data for entry in self.node.log(1, 1_000) if entry.kind == "command"]

    def ask(self, name: str, request: ClientCall) -> None:
        """Ask the gateway; `answers[name]` is the answer then."""

        def on_answer(answer: Answer) -> None:
            assert name not in self.answers, f"{name} is answered twice"
            self.answers[name] = answer

        self.gateway.request(request, on_answer)

    async def batch(self, leader: str, number: int = 0) -> ClientBatch:
        """What came to this leader at the time number `number`, once it is there; what comes alone comes as itself."""
        recorder = self.leaders[leader]
        await recorder.until(lambda: len(recorder.requests) > number)
        request = recorder.requests[number]
        if isinstance(request, ClientBatch):
            assert len(request.requests) > 1
            return request
        assert isinstance(request, ClientCall)
        return ClientBatch((request,))

    def answer(self, leader: str, answer: Answer, number: int = 0) -> None:
        """Let this leader answer what came to it at the time number `number`."""
        is_batch = isinstance(self.leaders[leader].requests[number], ClientBatch)
        self.leaders[leader].on_answers[number](answer if is_batch or not answer.answers else answer.answers[0])

    async def answered(self, *names: str) -> list[Answer]:
        """The answers to these, once all are there."""
        await eventually(lambda: all(name in self.answers for name in names))
        return [self.answers[name] for name in names]


@asynccontextmanager
async def follower(
    of: str = "b", *, leader_wait_s: float = 20.0, answer_wait_s: float = 20.0
) -> AsyncIterator[Follower]:
    """A node that runs within the block and follows `of`; nobody, where that is empty."""
    lab = Follower()
    await lab.start(leader_wait_s, answer_wait_s)
    if of:
        lab.follow(of)
    try:
        yield lab
    finally:
        await lab.gateway.close()
        await lab.node.stop(hand_over=False)
