"""What a seed draws before anything happens: the cluster, its settings, its weather, and which faults there are.

Swarm testing: each seed has about half of the kinds of faults, for one kind may hide what another would show.
"""

from enum import StrEnum
from typing import Final

from tfraft.core.config import RaftConfig
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


class Trigger(StrEnum):
    """What a node has just done when a fault strikes it within milliseconds."""

    BECAME_LEADER = "became leader"
    APPENDED_CONFIGURATION = "appended a configuration"
    TRUNCATED = "truncated"
    STEPPED_DOWN = "stepped down"


ELECTION_TIMEOUTS_S: Final = (0.15, 0.25, 0.5, 1.0)
HEARTBEATS_PER_TIMEOUT: Final = (2.0, 3.0, 5.0)


@record
class Plan:
    """Everything that is fixed for one world. Rates are the mean time between two faults of a kind, in seconds."""

    seed: int
    servers: int
    duration_s: float
    config: RaftConfig
    latency_s: float
    jitter_s: float
    loss: float
    duplication: float
    zombies: float
    fault_every_s: dict[FaultKind, float]
    strike_chance: dict[Trigger, float]
    change_every_s: float | None
    """How often an operator changes the membership; None where nobody does."""
    fewest_voters: int
    clock_rates: bool
    turn_delay_s: float
    save_time_s: float
    clients: int
    readers: int
    """How many of the clients only read: they go on when nothing can be written."""
    think_time_s: float
    patience_s: float
    encode_messages: bool
    unary_calls: bool
    """Whether each message is a call of its own, whose answer comes back with it or not at all."""
    tell_story: bool

    def weather(self) -> Weather:
        """The links at the beginning."""
        return Weather(self.latency_s, self.jitter_s, self.loss, self.duplication, self.zombies)


def draw_plan(seed: int, servers: int | None = None, duration_s: float = 60.0) -> Plan:
    """The plan of a seed; with `servers` the size of the cluster is given, and all else is as it would be."""
    chance = Chance(seed)

    def draw(name: str) -> Draw:
        return chance.stream("plan", name)

    timeout_s = pick(draw("timeout"), ELECTION_TIMEOUTS_S)
    return Plan(
        seed=seed,
        servers=servers or pick(draw("servers"), (3, 5)),
        duration_s=duration_s,
        config=draw_config(chance, timeout_s),
        latency_s=pick(draw("latency"), (0.0002, 0.001, 0.005)),
        jitter_s=pick(draw("jitter"), (0.0002, 0.002, 0.01)),
        loss=sometimes(draw("loss"), 0.5, 0.005, 0.1),
        duplication=sometimes(draw("duplication"), 0.5, 0.005, 0.1),
        zombies=sometimes(draw("zombies"), 0.6, 0.01, 0.06),
        fault_every_s={kind: between(draw(kind), 6.0, 30.0) for kind in FaultKind if draw(f"{kind}?")() < 0.5},
        strike_chance={trigger: between(draw(trigger), 0.1, 0.5) for trigger in Trigger if draw(f"{trigger}?")() < 0.5},
        change_every_s=between(draw("change"), 2.0, 10.0) if draw("change?")() < 0.6 else None,
        fewest_voters=pick(draw("fewest"), (1, 2, 3, 3)),
        clock_rates=draw("clocks")() < 0.5,
        turn_delay_s=pick(draw("turn"), (0.00005, 0.0005, 0.003)),
        save_time_s=pick(draw("save"), (0.0002, 0.002, 0.01)),
        clients=pick(draw("clients"), (3, 5, 8)),
        readers=pick(draw("readers"), (0, 0, 1, 2)),
        think_time_s=pick(draw("think"), (0.1, 0.3, 0.6)),
        patience_s=pick(draw("patience"), (0.1, 0.5, 0.5, 2.0)),
        encode_messages=draw("encode")() < 0.1,
        unary_calls=draw("unary")() < 0.1,
        tell_story=draw("story")() < 0.25,
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
        max_inflight=pick(draw("inflight"), (1, 2, 64)),
        catch_up_rounds=pick(draw("rounds"), (2, 10)),
        catch_up_timeout_s=5 * timeout_s,
    )


def sometimes(draw: Draw, probability: float, low: float, high: float) -> float:
    """A number from `low` to `high`, or 0 where the thing does not happen at all in this seed."""
    return between(draw, low, high) if draw() < probability else 0.0
