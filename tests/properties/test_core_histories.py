"""Property: random histories, many and cheap. Each seed is another cluster with other faults (a swarm).

What test_core.py does with care, this does in bulk: about a thousand turns in ten milliseconds, with all the checks of
the laboratory. A failure names its seed."""

from random import Random

import pytest

from tests.raftlab import Lab
from tfraft.core.config import RaftConfig
from tfraft.core.effects import Saved
from tfraft.core.requests import Consistency

SEEDS_IN_A_BLOCK = 50
STEPS = 250


class History:
    """One cluster and what chance does to it."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        choice = self.chance.choice
        config = RaftConfig(
            election_timeout_s=1.0,
            heartbeat_interval_s=0.25,
            max_batch_entries=choice([1, 2, 100]),
            max_inflight=choice([1, 2, 64]),
            catch_up_rounds=3,
            catch_up_timeout_s=4.0,
            pre_vote=choice([False, True, True]),
            lease_reads=choice([False, True]),
            keep_entries=choice([0, 0, 2, 100]),
            snapshot_piece_bytes=choice([40, 200, 100_000]),
            snapshot_window=choice([1, 2, 4]),
        )
        self.lab = Lab("abcde"[: choice([1, 2, 3, 3, 3, 4, 5])], choice(["", "xy"]), config=config)
        for machine in self.lab.machines.values():
            machine.slow_disk = self.chance.random() < 0.5
        self.requests = 0
        self.zombies = [self.lab.letters[0]] if self.lab.letters else []
        self.weights = {
            self.deliver: choice([10, 30]),
            self.drop: choice([0, 1, 5]),
            self.duplicate: choice([0, 1, 4]),
            self.zombie: choice([0, 1, 4]),
            self.partition: choice([0, 0, 0.3]),
            self.tick: choice([1, 4]),
            self.wait: 2.0,
            self.time_out: choice([0.3, 1]),
            self.elect: choice([0, 0.3, 1]),
            self.crash_and_return: choice([0, 0.3]),
            self.propose: 2,
            self.query: choice([1, 6]),
            self.save: 6,
            self.crash: choice([0, 0.3]),
            self.restart: 1,
            self.add_server: choice([0, 0.4]),
            self.remove_server: choice([0, 0.4]),
            self.add_learner: choice([0, 0.3]),
            self.change_servers: choice([0, 0, 0.3]),
            self.transfer: choice([0, 0.5]),
            self.ask: choice([0, 1, 4]),
            self.read_by_lease: choice([0, 2]),
            self.read_stale: choice([0, 0.5]),
            self.fall_behind: choice([0, 0, 0.3]),
            self.lose_disk: choice([0, 0, 0.2]),
            self.take_snapshot: choice([0, 0.5, 2]),
            self.finish_snapshot: 1,
            self.write_pieces: 6,
        }
        if self.weights[self.lose_disk]:
            # A cluster that shrinks to two while one of them is being repaired has no quorum that votes.
            self.weights |= {self.remove_server: 0, self.change_servers: 0}

    def run(self) -> None:
        """Let chance play, then end all faults: everybody agrees, and nobody waits who can be answered."""
        steps = self.chance.choices(list(self.weights), list(self.weights.values()), k=STEPS)
        for step in steps:
            step()
        self.lab.settle_down()
        leader = self.lab.leaders[-1]
        members = self.lab.raft(leader).state.configuration.members
        assert [self.lab.machines[name].applied for name in members] == [self.lab.invariants.committed] * len(members)
        assert [self.lab.waiting[name] for name in members] == [set()] * len(members)

    def someone(self) -> str:
        """A server that runs, the leader more often than others."""
        favourites = self.lab.leaders[-1:] * 2 * len(self.lab.running)
        return self.chance.choice([*self.lab.running, *favourites])

    def token(self) -> str:
        """A name for the next request."""
        self.requests += 1
        return f"request {self.requests}"

    # --- What may happen ---

    def deliver(self) -> None:
        """The oldest letter, or any."""
        if self.lab.letters:
            letter = self.lab.letters[0] if self.chance.random() < 0.6 else self.chance.choice(self.lab.letters)
            if self.chance.random() < 0.1:
                self.zombies.append(letter)
            self.lab.deliver(letter)

    def drop(self) -> None:
        """Any letter."""
        if self.lab.letters:
            self.lab.drop(self.chance.choice(self.lab.letters))

    def duplicate(self) -> None:
        """Any letter."""
        if self.lab.letters:
            self.lab.duplicate(self.chance.choice(self.lab.letters))

    def zombie(self) -> None:
        """A letter that was delivered long ago comes again."""
        if self.zombies:
            self.lab.letters.append(self.chance.choice(self.zombies))

    def partition(self) -> None:
        """Two groups, or the end of them."""
        names = list(self.lab.machines)
        if self.lab.cut:
            self.lab.heal()
        else:
            self.chance.shuffle(names)
            middle = self.chance.randrange(len(names) + 1)
            self.lab.partition(names[:middle], names[middle:])

    def tick(self) -> None:
        """Somebody looks at the clock."""
        if self.lab.running:
            self.lab.tick(self.someone())

    def wait(self) -> None:
        """Time passes, and nobody looks."""
        self.lab.now += self.chance.random() * 0.4

    def time_out(self) -> None:
        """Somebody's timer runs out."""
        if self.lab.running:
            self.lab.time_out(self.someone())

    def elect(self) -> None:
        """Somebody stands when the others hear no leader, and gets its letters through at once."""
        if self.lab.running:
            name = self.someone()
            self.lab.now += self.lab.config.election_timeout_s
            self.lab.time_out(name)
            self.exchange_letters(name)

    def exchange_letters(self, name: str) -> None:
        """Three times everything from one server, and everything to it."""
        for _ in range(3):
            self.lab.deliver(*self.lab.between(name))
            self.lab.deliver(*self.lab.between(receiver=name))

    def crash_and_return(self) -> None:
        """A server is back at once, and soon leads again, while what its old self sent still flies."""
        if self.lab.running:
            name = self.someone()
            self.lab.crash(name)
            self.lab.restart(name)
            self.lab.now += self.lab.config.election_timeout_s
            self.lab.time_out(name)
            self.exchange_letters(name)

    def propose(self) -> None:
        """A write."""
        if self.lab.running:
            self.lab.propose(self.someone(), self.token())

    def ask(self) -> None:
        """A read, of anybody, who asks the leader for an index."""
        if self.lab.running:
            self.lab.query(self.someone(), self.token(), Consistency.FOLLOWER)

    def read_by_lease(self) -> None:
        """A read, of anybody who believes to lead, that may be answered by its lease."""
        if self.lab.leaders:
            self.lab.query(self.chance.choice(self.lab.leaders), self.token(), Consistency.LEASE)

    def read_stale(self) -> None:
        """A read of anybody."""
        if self.lab.running:
            self.lab.query(self.someone(), self.token(), Consistency.STALE, self.chance.random() * 4)

    def query(self) -> None:
        """A read, of anybody who believes to lead."""
        if self.lab.leaders:
            self.lab.query(self.chance.choice(self.lab.leaders), self.token())

    def fall_behind(self) -> None:
        """Somebody is cut off while the others write, and what it lacks is compacted away."""
        if self.lab.leaders:
            leader, behind = self.lab.leaders[-1], self.chance.choice(list(self.lab.machines))
            self.lab.partition([name for name in self.lab.machines if name != behind], [behind])
            for _ in range(self.chance.randrange(1, 4)):
                self.lab.propose(leader, self.token())
                self.exchange_letters(leader)
            if leader in self.lab.leaders:
                self.lab.take_snapshot(leader)
            self.lab.heal()

    def lose_disk(self) -> None:
        """A server comes back with an empty disk under its old name; the others are enough without it, and whole."""
        machines = self.lab.machines.values()
        known = [places for machine in machines if machine.raft for _, places in machine.raft.state.configurations]
        enough = all(len(configuration.voters) > 2 for configuration in known if configuration.members)
        if self.lab.running and enough and not any(machine.disk.repairing for machine in machines):
            name = self.someone()
            if self.lab.machines[name].disk != Saved():
                self.lab.lose_disk(name)

    def take_snapshot(self) -> None:
        """Somebody begins a snapshot."""
        if self.lab.running:
            self.lab.begin_snapshot(self.someone())

    def finish_snapshot(self) -> None:
        """A snapshot is on disk."""
        taking = [name for name, machine in self.lab.machines.items() if machine.taking is not None]
        if taking:
            self.lab.finish_snapshot(self.chance.choice(taking))

    def write_pieces(self) -> None:
        """Pieces of a snapshot are on disk."""
        receiving = [name for name, machine in self.lab.machines.items() if machine.pieces]
        if receiving:
            self.lab.write_pieces(self.chance.choice(receiving))

    def save(self) -> None:
        """One disk is done."""
        writing = [name for name, machine in self.lab.machines.items() if machine.writing is not None]
        if writing:
            self.lab.save(self.chance.choice(writing))

    def crash(self) -> None:
        """The save under way has reached the disk, or not."""
        if self.lab.running:
            self.lab.crash(self.someone(), written=self.chance.random() < 0.3)

    def restart(self) -> None:
        """One of those that are down."""
        down = [name for name in self.lab.machines if name not in self.lab.running]
        if down:
            self.lab.restart(self.chance.choice(down))

    def add_server(self) -> None:
        """Somebody who believes to lead is asked."""
        if self.lab.leaders:
            new_server = self.chance.choice(list(self.lab.machines))
            self.lab.add_server(self.chance.choice(self.lab.leaders), new_server, self.token())

    def remove_server(self) -> None:
        """Somebody who believes to lead is asked."""
        if self.lab.leaders:
            old_server = self.chance.choice(list(self.lab.machines))
            self.lab.remove_server(self.chance.choice(self.lab.leaders), old_server, self.token())

    def add_learner(self) -> None:
        """Somebody who believes to lead is asked."""
        if self.lab.leaders:
            learner = self.chance.choice(list(self.lab.machines))
            self.lab.add_learner(self.chance.choice(self.lab.leaders), learner, self.token())

    def change_servers(self) -> None:
        """Somebody who believes to lead is asked for any other voters."""
        if self.lab.leaders:
            names = list(self.lab.machines)
            voters = "".join(sorted(self.chance.sample(names, self.chance.randrange(1, len(names) + 1))))
            self.lab.change_servers(self.chance.choice(self.lab.leaders), voters, self.token())

    def transfer(self) -> None:
        """Somebody who believes to lead is asked to let another lead."""
        if self.lab.leaders:
            target = self.chance.choice(["", *self.lab.machines])
            self.lab.transfer(self.chance.choice(self.lab.leaders), target, self.token())


@pytest.mark.parametrize("block", range(8))
def test_random_histories_keep_every_promise(block: int) -> None:
    """Fixed seeds: a failure today is a failure tomorrow."""
    for seed in range(block * SEEDS_IN_A_BLOCK, (block + 1) * SEEDS_IN_A_BLOCK):
        try:
            History(seed).run()
        except BaseException as error:
            error.add_note(f"seed {seed}")
            raise
