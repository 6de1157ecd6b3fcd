"""One simulated world: servers, network, clients and faults of one seed, joined on one loop, judged at every step."""

from typing import Any

from tfraft.adapters.network import wire
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Save
from tfraft.core.messages import Message
from tfraft.core.state import Role
from tfraft.node.status import EventKind
from tfraft.simulator.beliefs import Beliefs
from tfraft.simulator.callers import Caller
from tfraft.simulator.chance import Chance
from tfraft.simulator.claims import Claims
from tfraft.simulator.clients import Client
from tfraft.simulator.desk import Desk
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.faults import Fault, Nemesis
from tfraft.simulator.history import History
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.network import Network
from tfraft.simulator.operators import Mover, Operator
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.plan import Plan, Trigger
from tfraft.simulator.rare import Rare, none_reached
from tfraft.simulator.readings import Readings
from tfraft.simulator.replicas import Replicas
from tfraft.simulator.session_clients import SessionClient
from tfraft.simulator.trace import Trace
from tfraft.simulator.turns import Turns
from tfraft.simulator.workload import draw_read, draw_wish


class World:
    """Everything that exists in one run. `begin` sets it going; from then on only the loop moves it."""

    def __init__(self, plan: Plan, trace: Trace) -> None:
        self.plan = plan
        self.trace = trace
        self.loop = VirtualLoop()
        self.chance = Chance(plan.seed)
        self.rare = none_reached()
        self.hosts: dict[ServerId, Host] = {}
        self.disks: dict[ServerId, VirtualDisk] = {}
        self.oracle = Oracle(self.disks)
        self.claims = Claims(self.disks, self.oracle, self.hosts, self.loop.time)
        self.beliefs = Beliefs(self.disks, self.oracle, self.claims)
        self.replicas = Replicas(self.oracle.invariants.committed)
        time = self.loop.time
        readings = Readings(plan, self.hosts, self.oracle, self.claims, self.rare, time)
        self.desk = Desk(self.oracle, self.replicas, readings, self.rare, time)
        self.history = History(self.loop.time)
        self.network = Network(
            self.loop,
            self.chance,
            plan.weather(),
            self.hosts,
            unary_calls=plan.unary_calls,
            recode=recode if plan.encode_messages else None,
            leaves=self.claims.leaves,
        )
        self.nemesis = Nemesis(self.loop, self.chance, plan, self.hosts, self.network, self.leader, self._tell_fault)
        self.operator = Operator(
            self.loop, self.chance, plan, self.hosts, self.desk, self.leader, self.new_host, self.rare
        )
        self.mover = Mover(self.loop, self.chance, plan, self.hosts, self.desk, self.leader)
        self.turns = Turns(self.hosts, self.rare, self._strike)
        self.clients: list[Client] = []

    def begin(self) -> None:
        """Found the cluster and let clients, operator and nemesis begin."""
        servers = [f"s{number}" for number in range(1, self.plan.servers + 1)]
        founders = Configuration.of({server: server for server in servers})
        self.oracle.founded(founders)
        founding = Save(0, None, base=Base(configuration=founders))
        for server in servers:
            self._add_host(server).disk.write(founding)
        for server in servers:
            self.hosts[server].start()
        for number in range(1, self.plan.clients + 1):
            self.clients.append(self._new_client(number))
        self.nemesis.begin()
        self.operator.begin()
        self.mover.begin()

    def _new_client(self, number: int) -> Client:
        """A client that knows the founders, and each server that runs."""
        caller = self.caller(f"c{number}", self.plan.patience_s)
        kind = SessionClient if self.chance.stream("session?", caller.name)() < self.plan.sessions else Client
        wish = draw_read if number <= self.plan.readers else draw_wish
        return kind(caller, self.loop, self.chance, self.known_servers, self.plan.think_time_s, wish)

    def known_servers(self) -> list[ServerId]:
        """All servers but those that have stopped because they were removed."""
        return [server for server, host in self.hosts.items() if not host.removed]

    def caller(self, name: str, patience_s: float) -> Caller:
        """Someone who may ask the nodes; all that is asked goes into the history."""
        return Caller(name, self.loop, self.chance, self.hosts, self.desk, self.history, patience_s)

    def new_host(self) -> Host:
        """A fresh server that belongs to no cluster yet; it does not run."""
        return self._add_host(f"s{len(self.hosts) + 1}")

    def _add_host(self, server: ServerId) -> Host:
        disk = self.disks[server] = VirtualDisk(server, self.oracle)
        host = self.hosts[server] = Host(
            disk, self.loop, self.chance, self.plan, self.network, self.replicas, self._after_event
        )
        return host

    def leader(self) -> Host | None:
        """The running node that leads in the highest term, if any does."""
        leaders = [host for host in self.hosts.values() if host.running and host.raft.role is Role.LEADER]
        return max(leaders, key=lambda host: host.raft.current_term, default=None)

    def _strike(self, trigger: Trigger, host: Host) -> None:
        self.nemesis.strike(trigger, host)
        if trigger is Trigger.BECAME_LEADER:
            self.operator.leader_elected()
            self.mover.leader_elected()

    def _tell_fault(self, fault: Fault) -> None:
        self.trace.note(self.loop.now, f"{fault.kind} {','.join(fault.targets)} {fault.duration_s:.3f} s")

    def _after_event(self, host: Host, kind: str, args: tuple[Any, ...]) -> None:
        """Judge what an event of a node has led to."""
        raft = host.raft
        self.trace.event(self.loop.now, host.server_id, kind, raft.current_term, raft.log.last_index, raft.commit_index)
        match kind:
            case "turn":
                self.oracle.observe(raft)
                self.beliefs.observe(raft, host.awake_s)
                self.turns.observe(host)
                self.replicas.check()
            case "RequestVote" | "PreVote":
                self.claims.has_heard(raft, args[0])
            case "start":
                self.oracle.started(raft)
                self.turns.started(host)
            case "crash":
                self.turns.crashes(host)
            case "resume":
                self.turns.resumes(host)
            case "snapshot finished":
                self._strike(Trigger.SNAPSHOT_FINISHED, host)
            case "snapshot received":
                self.turns.snapshot_received(host)
                self._strike(Trigger.SNAPSHOT_RECEIVED, host)
            case "snapshot failed":
                self.rare[Rare.SNAPSHOT_DAMAGED] += 1
            case EventKind.STORAGE_FAILED:
                self.turns.storage_failed(host)
                self.nemesis.restart_later(host)
            case EventKind.REMOVED:
                self.rare[Rare.STOPPED_AS_REMOVED] += 1
            case _:
                pass
        self.desk.judge()


def recode(message: Message) -> Message:
    """`message` as it comes out at the other end of a real network."""
    return wire.decode(wire.encode(message))
