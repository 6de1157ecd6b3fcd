"""What a seed draws before anything happens: the cluster, its settings, its weather, and which faults there are.

Swarm testing: each seed has about half of the kinds of faults, for one kind may hide what another would show.
"""

from enum import StrEnum
from typing import Final

from tfraft.core.config import RaftConfig
from tfraft.node.settings import NodeSettings
from tfraft.record import record
from tfraft.simulator.chance import Chance, Draw, between, pick
from tfraft.simulator.network import Weather


class FaultKind(StrEnum):
    """What can break, apart from single messages."""

    CRASH = "crash"
    CRASH_MAJORITY = "crash majority"
    CRASH_ALL = "crash all"
    STOP = "stop"
    PAUSE = "pause"
    SPLIT = "split"
    CUT_LINK = "cut link"
    DEAF = "deaf"
    MUTE = "mute"
    ISOLATE = "isolate"
    SLOW_LINKS = "slow links"
    SLOW_DISK = "slow disk"
    STALL_DISK = "stall disk"
    DISK_ERROR = "disk error"
    LOSE_DISK = "lose disk"


class Trigger(StrEnum):
    """What a node has just done when a fault strikes it within milliseconds."""

    BECAME_LEADER = "became leader"
    APPENDED_CONFIGURATION = "appended a configuration"
    TRUNCATED = "truncated"
    STEPPED_DOWN = "stepped down"
    TRANSFERS = "transfers its leadership"
    SNAPSHOT_FINISHED = "finished a snapshot"
    SNAPSHOT_RECEIVED = "received a snapshot"


ELECTION_TIMEOUTS_S: Final = (0.15, 0.25, 0.5, 1.0)
HEARTBEATS_PER_TIMEOUT: Final = (2.0, 3.0, 5.0)
DRIFT_BOUNDS: Final = (1.05, 1.5, 2.0)
"""What the settings say of the clocks, where leases count on it."""
WILD_CLOCKS: Final = (0.7, 1.4)
"""How fast clocks run where nothing counts on them."""


@record
class Plan:
    """Everything that is fixed for one world. Rates are the mean time between two faults of a kind, in seconds."""

    seed: int
    servers: int
    duration_s: float
    config: RaftConfig
    settings: NodeSettings
    latency_s: float
    jitter_s: float
    loss: float
    duplication: float
    zombies: float
    fault_every_s: dict[FaultKind, float]
    strike_chance: dict[Trigger, float]
    change_every_s: float | None
    """How often an operator changes the membership; None where nobody does."""
    transfer_every_s: float | None
    """How often an operator asks for another leader; None where nobody does."""
    priorities: bool
    """Whether some servers are preferred as leaders."""
    fewest_voters: int
    clock_rates: tuple[float, float]
    """The slowest and the fastest clock."""
    turn_delay_s: float
    save_time_s: float
    damaged_snapshots: float
    """How likely a snapshot that was sent is damaged by the time it is whole."""
    clients: int
    sessions: float
    """How likely a client has a session."""
    readers: int
    """How many of the clients only read: they go on when nothing can be written."""
    think_time_s: float
    patience_s: float
    encode_messages: bool
    unary_calls: bool
    """Whether each message is a call of its own, whose answer comes back with it or not at all."""

    def weather(self) -> Weather:
        """The links at the beginning."""
        return Weather(self.latency_s, self.jitter_s, self.loss, self.duplication, self.zombies)


def draw_plan(seed: int, servers: int | None = None, duration_s: float = 60.0) -> Plan:
    """The plan of a seed; with `servers` the size of the cluster is given, and all else is as it would be."""
    chance = Chance(seed)

    def draw(name: str) -> Draw:
        return chance.stream("plan", name)

    config = draw_config(chance, pick(draw("timeout"), ELECTION_TIMEOUTS_S))
    return Plan(
        seed=seed,
        servers=servers or pick(draw("servers"), (3, 5)),
        duration_s=duration_s,
        config=config,
        settings=draw_settings(chance),
        latency_s=pick(draw("latency"), (0.0002, 0.001, 0.005)),
        jitter_s=pick(draw("jitter"), (0.0002, 0.002, 0.01)),
        loss=sometimes(draw("loss"), 0.5, 0.005, 0.1),
        duplication=sometimes(draw("duplication"), 0.5, 0.005, 0.1),
        zombies=sometimes(draw("zombies"), 0.6, 0.01, 0.06),
        fault_every_s={kind: between(draw(kind), 6.0, 30.0) for kind in FaultKind if draw(f"{kind}?")() < 0.5},
        strike_chance={trigger: between(draw(trigger), 0.1, 0.5) for trigger in Trigger if draw(f"{trigger}?")() < 0.5},
        change_every_s=between(draw("change"), 2.0, 10.0) if draw("change?")() < 0.6 else None,
        transfer_every_s=between(draw("transfer"), 1.0, 10.0) if draw("transfer?")() < 0.5 else None,
        priorities=draw("priorities?")() < 0.3,
        fewest_voters=pick(draw("fewest"), (1, 2, 3, 3)),
        clock_rates=draw_clocks(draw("clocks"), config),
        turn_delay_s=pick(draw("turn"), (0.00005, 0.0005, 0.003)),
        save_time_s=pick(draw("save"), (0.0002, 0.002, 0.01)),
        damaged_snapshots=sometimes(draw("damage"), 0.25, 0.05, 0.3),
        clients=pick(draw("clients"), (3, 5, 8)),
        sessions=pick(draw("sessions"), (0.0, 0.5, 1.0)),
        readers=pick(draw("readers"), (0, 0, 1, 2)),
        think_time_s=pick(draw("think"), (0.1, 0.3, 0.6)),
        patience_s=pick(draw("patience"), (0.1, 0.5, 0.5, 2.0)),
        encode_messages=draw("encode")() < 0.1,
        unary_calls=draw("unary")() < 0.1,
    )


def draw_config(chance: Chance, timeout_s: float) -> RaftConfig:
    """Settings of the core: often such that batches and windows are as small as they can be."""

    def draw(name: str) -> Draw:
        return chance.stream("plan", name)

    return RaftConfig(
        election_timeout_s=timeout_s,
        heartbeat_interval_s=timeout_s / pick(draw("heartbeat"), HEARTBEATS_PER_TIMEOUT),
        max_batch_entries=pick(draw("batch"), (1, 3, 4096)),
        max_batch_bytes=pick(draw("bytes"), (64, 1024 * 1024)),
        max_inflight=pick(draw("inflight"), (1, 2, 16)),
        max_inflight_bytes=pick(draw("inflight bytes"), (200, 32 * 1024 * 1024)),
        max_uncommitted_bytes=pick(draw("uncommitted"), (300, 256 * 1024 * 1024, 256 * 1024 * 1024)),
        max_waiting=pick(draw("waiting"), (3, 100_000, 100_000)),
        catch_up_rounds=pick(draw("rounds"), (2, 10)),
        catch_up_timeout_s=5 * timeout_s,
        pre_vote=draw("pre-vote?")() < 0.75,
        lease_reads=draw("lease?")() < 0.4,
        clock_drift_bound=pick(draw("drift"), DRIFT_BOUNDS),
        keep_entries=pick(draw("keep"), (0, 0, 3, 20)),
        snapshot_piece_bytes=pick(draw("piece"), (64, 300, 4096)),
        snapshot_window=pick(draw("window"), (1, 2, 4)),
    )


def draw_settings(chance: Chance) -> NodeSettings:
    """Settings of the nodes: in most seeds snapshots are frequent, in some sessions end soon."""

    def draw(name: str) -> Draw:
        return chance.stream("plan", name)

    return NodeSettings(
        snapshot_log_entries=pick(draw("snapshot"), (20, 60, 200, 100_000)),
        session_timeout_s=pick(draw("session timeout"), (2.0, 8.0, 3600.0, 3600.0)),
        max_sessions=pick(draw("most sessions"), (2, 10_000, 10_000)),
    )


def draw_clocks(draw: Draw, config: RaftConfig) -> tuple[float, float]:
    """How fast the clocks run: within the bound where reads go by leases, however it likes elsewhere."""
    if config.lease_reads:
        return config.clock_drift_bound**-0.5, config.clock_drift_bound**0.5
    return WILD_CLOCKS if draw() < 0.5 else (1.0, 1.0)


def sometimes(draw: Draw, probability: float, low: float, high: float) -> float:
    """A number from `low` to `high`, or 0 where the thing does not happen at all in this seed."""
    return between(draw, low, high) if draw() < probability else 0.0
