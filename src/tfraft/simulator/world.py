"""One simulated world: servers, network, clients and faults of one seed, joined on one loop, judged at every step."""

from tfraft.adapters.network import wire
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.messages import Message, ServerId
from tfraft.core.state import Role
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
from tfraft.simulator.operators import Operator
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.plan import Plan, Trigger
from tfraft.simulator.rare import Rare, none_reached
from tfraft.simulator.replicas import Replicas
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
        self.claims = Claims(self.disks, self.loop.time)
        self.beliefs = Beliefs(self.disks, self.claims)
        self.replicas = Replicas()
        self.desk = Desk(self.oracle, self.claims, self.rare, self.loop.time)
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
        self.turns = Turns(self.hosts, self.rare, self._strike)
        self.clients: list[Client] = []

    def begin(self) -> None:
        """Found the cluster and let clients, operator and nemesis begin."""
        servers = [f"s{number}" for number in range(1, self.plan.servers + 1)]
        founding = Save(0, None, configuration=Configuration.of({server: server for server in servers}))
        for server in servers:
            self._add_host(server).disk.write(founding)
        for server in servers:
            self.hosts[server].start()
        for number in range(1, self.plan.clients + 1):
            caller = self.caller(f"c{number}", self.plan.patience_s)
            wish = draw_read if number <= self.plan.readers else draw_wish
            self.clients.append(Client(caller, self.loop, self.chance, servers, self.plan.think_time_s, wish))
        self.nemesis.begin()
        self.operator.begin()

    def caller(self, name: str, patience_s: float) -> Caller:
        """Someone who may ask the nodes; all that is asked goes into the history."""
        return Caller(name, self.loop, self.chance, self.hosts, self.desk, self.history, patience_s)

    def new_host(self) -> Host:
        """A fresh server that belongs to no cluster yet; it does not run."""
        return self._add_host(f"s{len(self.hosts) + 1}")

    def _add_host(self, server: ServerId) -> Host:
        disk = self.disks[server] = VirtualDisk(server, self.oracle.before_write)
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

    def _tell_fault(self, fault: Fault) -> None:
        self.trace.note(self.loop.now, f"{fault.kind} {','.join(fault.targets)} {fault.duration_s:.3f} s")

    def _after_event(self, host: Host, kind: str) -> None:
        """Judge what an event of a node has led to."""
        raft = host.raft
        self.trace.event(self.loop.now, host.server_id, kind, raft.current_term, raft.log.last_index, raft.commit_index)
        match kind:
            case "turn":
                self.oracle.observe(raft)
                self.beliefs.observe(raft, host.awake_s)
                self.turns.observe(host)
                self.replicas.check()
            case "start":
                self.oracle.started(raft)
                self.turns.started(host)
            case "crash":
                self.turns.crashes(host)
                self.rare[Rare.CRASH_IN_SAVE] += raft.save_under_way is not None
                self.rare[Rare.ALL_DOWN] += sum(one.running for one in self.hosts.values()) == 1
            case "resume":
                self.turns.resumes(host)
            case "storage failed":
                self.turns.storage_failed(host)
                self.nemesis.restart_later(host)
            case _:
                pass
        self.desk.judge()


def recode(message: Message) -> Message:
    """`message` as it comes out at the other end of a real network."""
    return wire.decode(wire.encode(message))
