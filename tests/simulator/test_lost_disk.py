"""A server whose disk is damaged begins anew without a vote, and is repaired by the others (§3.8)."""

from dataclasses import replace
from random import Random

import pytest

from tfraft.core.base import Base
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Saved
from tfraft.core.entry import EntryKind
from tfraft.core.raft import Raft
from tfraft.core.requests import TransferLeadership
from tfraft.simulator.plan import FaultKind, draw_plan
from tfraft.simulator.seeds import play, successes
from tfraft.simulator.trace import Trace
from tfraft.simulator.world import World

CONFIG = RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.1)
FOUNDERS = Base(configuration=Configuration.of({"a": "a", "b": "b", "c": "c"}))


@pytest.mark.parametrize("seed", range(4))
def test_the_others_bring_back_what_a_disk_has_lost(seed: int) -> None:
    """One disk after the other is lost, and nothing else happens: every write is there in the end."""
    faults = {FaultKind.LOSE_DISK: 2.0, FaultKind.CRASH: 15.0}
    plan = replace(
        draw_plan(seed, servers=3, duration_s=30.0),
        change_every_s=None,
        transfer_every_s=None,
        strike_chance={},
        fault_every_s=faults,
        loss=0.0,
        zombies=0.0,
    )
    world = World(plan, Trace())
    play(world)
    assert successes(world) > 20
    assert sum(disk.incarnation for disk in world.disks.values()) >= 3
    assert not any(disk.repairing for disk in world.disks.values())


class Three:
    """Three servers a, b and c, whose saves and messages take no time; a link that is cut loses everything."""

    def __init__(self) -> None:
        self.now = 0.0
        self.rafts = {name: self.new(name, Saved(base=FOUNDERS)) for name in "abc"}
        self.cut: set[frozenset[ServerId]] = set()

    def new(self, name: ServerId, saved: Saved) -> Raft:
        return Raft(CONFIG, name, Random(ord(name)), self.now, saved)

    def tick(self, name: ServerId, seconds: float) -> None:
        self.now += seconds
        self.rafts[name].tick(self.now)
        self.settle()

    def settle(self) -> None:
        """Let every server take its turn until nobody has anything to say."""
        busy = True
        while busy:
            busy = False
            for name, raft in self.rafts.items():
                effects = raft.take_effects()
                if effects.save is not None:
                    raft.saved(effects.save.current_term, effects.save.last_index)
                for target, message in [*effects.messages, *effects.replies]:
                    busy = True
                    if frozenset((name, target)) not in self.cut:
                        self.rafts[target].receive(message, self.now)

    def committed(self, name: ServerId) -> dict[int, bytes]:
        """The commands that a server has committed, by index."""
        state = self.rafts[name].state
        entries = {index: state.log.entry(index) for index in range(1, state.commit_index + 1)}
        return {index: entry.data for index, entry in entries.items() if entry.kind is EntryKind.COMMAND}


def test_what_a_lost_disk_had_promised_to_a_new_leader_does_not_help_the_old_one() -> None:
    """b leads term 1 and hands over to a; c votes for a, and a write of term 2 is committed by a and c.

    b hears nothing of it. c loses its disk, with the vote of term 2, and hears b first: b takes it back, and commits
    another write at the same index with it."""
    three = Three()
    three.tick("b", 3.0)
    three.rafts["b"].propose(b"first", "first")
    three.tick("b", 0.1)
    three.rafts["b"].transfer_leadership(TransferLeadership("a"), "transfer")
    (message,) = [message for target, message in three.rafts["b"].take_effects().messages if target == "a"]
    three.cut.add(frozenset("ab"))
    three.cut.add(frozenset("bc"))
    three.rafts["a"].receive(message, three.now)
    three.settle()
    three.rafts["a"].propose(b"of term 2", "second")
    three.settle()
    assert b"of term 2" in three.committed("a").values()

    three.rafts["c"] = three.new("c", Saved(incarnation=1, repairing=True))
    three.cut = {frozenset("ab"), frozenset("ac")}
    for _ in range(11):
        three.tick("b", 0.1)
    three.rafts["b"].propose(b"of term 1", "third")
    three.settle()
    ours, theirs = three.committed("a"), three.committed("b")
    assert all(theirs[index] == ours[index] for index in ours.keys() & theirs.keys())
