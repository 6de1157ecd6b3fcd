"""The nemesis: breaks one thing after the other, mends each after a while, and strikes where it hurts most."""

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.record import record
from tfraft.simulator.chance import Chance, about, between, pick, sample
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.network import Network
from tfraft.simulator.plan import FaultKind, Plan, Trigger

STRIKE_WITHIN_S: Final = 0.004
"""A triggered fault comes at most this much after what triggered it."""
STRIKES: Final = (
    FaultKind.CRASH,
    FaultKind.CRASH,
    FaultKind.PAUSE,
    FaultKind.SPLIT,
    FaultKind.DEAF,
    FaultKind.MUTE,
    FaultKind.ISOLATE,
    FaultKind.STALL_DISK,
)
"""The kinds of faults that may be triggered."""
DURATION: Final = (0.3, 8.0)
"""How long a fault lasts, in election timeouts."""
LONGEST_S: Final = 4.0
"""No fault lasts longer than this: a minute must hold some, and the time between them."""
FEWEST_FOR_A_LOSS: Final = 3
"""A cluster of fewer servers cannot lose the disk of one."""
SLOW_DISK: Final = (10.0, 60.0)
"""How many times slower a slow disk is."""


@record
class Fault:
    """One fault: what, whom it hits, and for how long."""

    kind: FaultKind
    targets: tuple[ServerId, ...]
    duration_s: float


class Nemesis:
    """Injects the faults of a plan. After `retire` nothing breaks any more, and everything is mended."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        plan: Plan,
        hosts: Mapping[ServerId, Host],
        network: Network,
        leader: Callable[[], Host | None],
        tell: Callable[[Fault], None],
    ) -> None:
        self.injected: list[tuple[float, Fault]] = []
        """Every fault with its time: enough to have them all again without chance."""
        self._loop = loop
        self._chance = chance
        self._plan = plan
        self._hosts = hosts
        self._network = network
        self._leader = leader
        self._tell = tell
        self._retired = False

    def begin(self) -> None:
        """Break things from now on."""
        for kind in self._plan.fault_every_s:
            self._wait(kind)

    def retire(self) -> None:
        """Mend everything: links and disks are as good as new, every server runs."""
        self._retired = True
        self._network.heal()
        for host in self._hosts.values():
            host.disk.heal()
            host.resume()
            host.start()

    def strike(self, trigger: Trigger, host: Host) -> None:
        """Something has just happened at `host`: strike it now, by chance."""
        draw = self._chance.stream("strike", f"{trigger} {host.server_id}")
        if self._retired or draw() >= self._plan.strike_chance.get(trigger, 0.0):
            return
        kind = pick(draw, STRIKES)
        targets = self._side_of(host, draw) if kind is FaultKind.SPLIT else (host.server_id,)
        self._loop.call_later(draw() * STRIKE_WITHIN_S, self.inject, Fault(kind, targets, self._duration_s(draw)))

    def restart_later(self, host: Host) -> None:
        """Start `host` again after a while: its disk has failed."""
        self._loop.call_later(self._duration_s(self._chance.stream("repair", host.server_id)), self._mend, host.start)

    def inject(self, fault: Fault) -> None:
        """Let `fault` happen now, and end when its time is over."""
        if self._retired:
            return
        self.injected.append((self._loop.now, fault))
        self._tell(fault)
        hosts = [self._hosts[target] for target in fault.targets]
        match fault.kind:
            case FaultKind.CRASH | FaultKind.CRASH_MAJORITY | FaultKind.CRASH_ALL:
                for host in hosts:
                    host.crash()
                    self._later(fault, host.start)
            case FaultKind.LOSE_DISK:
                self._lose_disk(fault, hosts[0])
            case FaultKind.STOP:
                for host in hosts:
                    host.stop()
                    self._later(fault, host.start)
            case FaultKind.PAUSE:
                for host in hosts:
                    host.pause()
                    self._later(fault, host.resume)
            case FaultKind.SLOW_DISK | FaultKind.STALL_DISK | FaultKind.DISK_ERROR:
                for host in hosts:
                    self._hurt_disk(fault, host)
            case _:
                self._hurt_links(fault)

    # --- Faults by time ---

    def _wait(self, kind: FaultKind) -> None:
        draw = self._chance.stream("next fault", kind)
        self._loop.call_later(about(draw, self._plan.fault_every_s[kind]), self._strike_by_time, kind)

    def _strike_by_time(self, kind: FaultKind) -> None:
        if self._retired:
            return
        draw = self._chance.stream("fault", kind)
        self.inject(Fault(kind, self._targets(kind), self._duration_s(draw)))
        self._wait(kind)

    def _targets(self, kind: FaultKind) -> tuple[ServerId, ...]:
        draw = self._chance.stream("target", kind)
        servers = list(self._hosts)
        leader = self._leader()
        match kind:
            case FaultKind.CRASH_ALL:
                return tuple(servers)
            case FaultKind.CRASH_MAJORITY:
                return tuple(sample(draw, servers, len(servers) // 2 + 1))
            case FaultKind.SPLIT:
                return tuple(sample(draw, servers, 1 + int(draw() * (len(servers) - 1))))
            case FaultKind.CUT_LINK:
                return tuple(sample(draw, servers, 2))
            case _:
                hits_leader = kind is FaultKind.ISOLATE or draw() < 0.4
                return (leader.server_id if leader is not None and hits_leader else pick(draw, servers),)

    def _side_of(self, host: Host, draw: Callable[[], float]) -> tuple[ServerId, ...]:
        """`host` and about half of the others: one side of a split."""
        return tuple(name for name in self._hosts if name == host.server_id or draw() < 0.5)

    def _duration_s(self, draw: Callable[[], float]) -> float:
        return min(between(draw, *DURATION) * self._plan.config.election_timeout_s, LONGEST_S)

    # --- What is hurt, and mended again ---

    def _later(self, fault: Fault, mend: Callable[..., object], *args: object) -> None:
        self._loop.call_later(fault.duration_s, self._mend, mend, *args)

    def _mend(self, mend: Callable[..., object], *args: object) -> None:
        if not self._retired:
            mend(*args)

    def _lose_disk(self, fault: Fault, host: Host) -> None:
        """Damage the disk of a voter whom the others can do without, and no other disk before it is repaired."""
        fewest = self._plan.servers if self._plan.change_every_s is None else self._plan.fewest_voters
        votes = host.running and host.server_id in host.raft.configuration
        if votes and fewest >= FEWEST_FOR_A_LOSS and not any(other.disk.repairing for other in self._hosts.values()):
            host.crash()
            host.disk.lose()
            self._later(fault, host.start)

    def _hurt_disk(self, fault: Fault, host: Host) -> None:
        disk = host.disk
        if fault.kind is FaultKind.STALL_DISK:
            disk.stalled_until = self._loop.now + fault.duration_s
        elif fault.kind is FaultKind.DISK_ERROR:
            disk.failing = True
        else:
            disk.slowness = between(self._chance.stream("slowness", host.server_id), *SLOW_DISK)
            self._later(fault, disk.heal)

    def _hurt_links(self, fault: Fault) -> None:
        for source, target in self._links_of(fault):
            link = self._network.link(source, target)
            if fault.kind is FaultKind.SLOW_LINKS:
                delay_s = self._plan.config.election_timeout_s * self._chance.stream("slow", f"{source}>{target}")()
                link.extra_delay_s += delay_s
                self._later(fault, link.slow_down, -delay_s)
            else:
                link.block()
                self._later(fault, link.unblock)

    def _links_of(self, fault: Fault) -> Iterable[tuple[ServerId, ServerId]]:
        """The links that `fault` hurts, each as (source, target)."""
        first, others = fault.targets[0], [name for name in self._hosts if name not in fault.targets]
        match fault.kind:
            case FaultKind.CUT_LINK:
                return [(fault.targets[0], fault.targets[-1])]
            case FaultKind.DEAF:
                return [(other, first) for other in others]
            case FaultKind.MUTE:
                return [(first, other) for other in others]
            case _:
                ways = [(one, other) for one in fault.targets for other in others]
                return ways + [(other, one) for one, other in ways]
