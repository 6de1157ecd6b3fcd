"""The end of a run: everything is mended, and then the cluster must work again, within a bound of simulated time.

It is given up only when nothing has moved for long: how much there is to catch up depends on the seed.
"""

from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.simulator.callers import Outcome
from tfraft.simulator.chance import pick
from tfraft.simulator.desk import Question
from tfraft.simulator.host import Host
from tfraft.simulator.quorum import is_quorum
from tfraft.simulator.violation import Violation
from tfraft.simulator.workload import KEYS, Wish, read_of, write_of
from tfraft.simulator.world import World

STEP_S: Final = 0.25
RETRY_S: Final = 0.02
PATIENCE_TIMEOUTS: Final = 40.0
"""Nothing may stand still for longer than this, in election timeouts of the slowest clock."""
WRITES_WITHIN_S: Final = 10.0
"""So soon after all is mended a write succeeds."""


class Prober:
    """A client that never gives up: writes each key afresh, after it has read it."""

    def __init__(self, world: World) -> None:
        self.done = 0
        """How many wishes were fulfilled."""
        self.has_written = False
        self._world = world
        self._caller = world.caller("prober", 4 * world.plan.config.election_timeout_s)
        self._caller.loss = 0.0
        self._draw = world.chance.stream("prober")
        self._tries = 0
        self._target: ServerId = ""
        self._try()

    @property
    def has_seen_all(self) -> bool:
        """Whether each key was read and written."""
        return self.done >= 2 * len(KEYS)

    def _wish(self) -> Wish:
        key = KEYS[self.done // 2]
        # First a read, which judges what was written before; then a fresh write.
        return read_of(key) if self.done % 2 == 0 else write_of(key, f"fresh {self._tries}".encode())

    def _try(self) -> None:
        if self.has_seen_all:
            return
        self._tries += 1
        target = self._target or pick(self._draw, self._world.known_servers())
        self._caller.ask(target, self._wish(), self._ended)

    def _ended(self, outcome: Outcome, hint: ServerId) -> None:
        if outcome is Outcome.DONE:
            self.has_written |= self.done % 2 == 1
            self.done += 1
        else:
            self._target = hint
        self._world.loop.call_later(RETRY_S, self._try)


def recover(world: World) -> None:
    """Mend everything; afterwards the cluster has converged, works, and has answered everybody. Else Violation."""
    for client in world.clients:
        client.stop()
    world.operator.retire()
    world.mover.retire()
    world.nemesis.retire()
    if quorum_is_lost(world):
        return
    prober = Prober(world)
    patience_s = PATIENCE_TIMEOUTS * world.plan.config.election_timeout_s
    mended_at = moved_at = world.loop.now
    position: tuple[int, ...] = ()
    while fault := what_is_missing(world, prober):
        world.loop.run(world.loop.now + STEP_S)
        if not prober.has_written and world.loop.now > mended_at + WRITES_WITHIN_S:
            raise Violation("a write succeeds soon after all is mended", f"{fault}, after {WRITES_WITHIN_S:g} s")
        before, position = position, position_of(world, prober)
        if position != before:
            moved_at = world.loop.now
        if world.loop.now - moved_at > patience_s:
            raise Violation("the cluster recovers", f"{fault}, {patience_s:g} s after anything has moved")


def quorum_is_lost(world: World) -> bool:
    """Whether an operator has gone on, by force or by bad luck, without those who still had their disks.

    Then the longest log, which alone could win, needs the vote of a server that has lost its own: nothing helps but
    `tf-raft recover`."""
    running = [host.raft for host in world.hosts.values() if host.running]
    furthest = max(running, key=lambda raft: (raft.log.last_term, raft.log.last_index))
    voters, disks = furthest.configuration, world.disks
    whole = [voter for voter in voters.ids if voters.speaks(voter, disks[voter].incarnation)]
    return not is_quorum(voters, whole)


def position_of(world: World, prober: Prober) -> tuple[int, ...]:
    """How far the recovery has come: while one of these changes, something moves."""
    entries = sum(disk.last_index for disk in world.disks.values())
    running = [host.raft for host in world.hosts.values() if host.running]
    received = sum(raft.receiving.written for raft in running if raft.receiving is not None)
    return prober.done, entries, received, len(waiting_at_members(world))


def what_is_missing(world: World, prober: Prober) -> str:
    """What keeps the cluster from being whole; an empty string where nothing does."""
    if not prober.has_seen_all:
        return f"only {prober.done} of {2 * len(KEYS)} fresh reads and writes have succeeded"
    leader = world.leader()
    if leader is None:
        return "there is no leader"
    if waiting := waiting_at_members(world):
        return f"{len(waiting)} requests have no answer, such as {waiting[0].request} at {waiting[0].host.server_id}"
    members = [world.hosts[member] for member in leader.raft.configuration.members]
    return next(filter(None, (difference(leader, member) for member in members)), "")


def waiting_at_members(world: World) -> list[Question]:
    """The requests without an answer at servers that belong to the cluster.

    A server that was removed hears nothing any more, and cannot know what became of the entries that it took."""
    leader = world.leader()
    members = leader.raft.configuration.members if leader is not None else ()
    return [question for question in world.desk.waiting() if question.host.server_id in members]


def difference(leader: Host, host: Host) -> str:
    """How a member differs from its leader; an empty string where it does not."""
    if not host.running:
        return f"{host.server_id} does not run"
    if host.disk.repairing:
        return f"{host.server_id} has lost its disk, and is not repaired"
    ours, theirs = ends_of(host), ends_of(leader)
    return "" if ours == theirs else f"{host.server_id} stands at {ours}, its leader {leader.server_id} at {theirs}"


def ends_of(host: Host) -> tuple[int, int, int, int, int, str]:
    """Where a server stands: term, last index and its term, committed, applied, and the state of its machine."""
    raft = host.raft
    ends = raft.current_term, raft.log.last_index, raft.log.last_term, raft.commit_index, raft.last_applied
    return (*ends, host.digest)
