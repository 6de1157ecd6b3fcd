"""Property: whatever the network, the disks and the crashes do, Raft keeps its promises.

The laboratory checks after every turn: the invariants of Figure 3.2, that nothing is promised before it is on disk,
that what is committed is on a majority of disks, that a read reflects everything that was committed when it was asked,
that what each server has applied, also out of a snapshot, is a prefix of the one history, and that nobody is answered
twice."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.raftlab import Lab, Letter
from tests.servers import CONFIG, PRE_VOTE
from tfraft.core.requests import Consistency

names = st.sampled_from("abc")
all_names = st.sampled_from("abcd")
picks = st.integers(0, 30)


class Cluster(RuleBasedStateMachine):
    """Three servers and everything that can happen to them."""

    voters, strangers, config = "abc", "", CONFIG

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab(self.voters, self.strangers, config=self.config)
        self.requests = 0

    def token(self, word: str) -> str:
        """A name for the next request."""
        self.requests += 1
        return f"{word} {self.requests}"

    def picked(self, pick: int) -> Letter:
        """One of the letters; small numbers are old ones."""
        return self.lab.letters[pick % len(self.lab.letters)]

    def someone(self, name: str) -> str:
        """This server if it runs, else one that does, the leader first."""
        return name if name in self.lab.running else (self.lab.leaders or self.lab.running)[-1]

    # --- The network ---

    @precondition(lambda self: self.lab.letters)
    @rule(pick=picks)
    def deliver(self, pick: int) -> None:
        """In any order."""
        self.lab.deliver(self.picked(pick))

    @precondition(lambda self: self.lab.letters)
    @rule()
    def deliver_everything(self) -> None:
        """Or all that is there, in order."""
        self.lab.deliver(*self.lab.letters)

    @precondition(lambda self: self.lab.letters)
    @rule(pick=picks)
    def drop(self, pick: int) -> None:
        """Or never."""
        self.lab.drop(self.picked(pick))

    @precondition(lambda self: self.lab.letters)
    @rule(pick=picks)
    def duplicate(self, pick: int) -> None:
        """Or twice, the second time much later."""
        self.lab.duplicate(self.picked(pick))

    # --- Time ---

    @rule(seconds=st.sampled_from([0.125, 0.25, 1.0]))
    def wait(self, seconds: float) -> None:
        """Everybody sees the time."""
        self.lab.now += seconds
        for name in self.lab.running:
            self.lab.tick(name)

    @precondition(lambda self: self.lab.running)
    @rule(name=all_names)
    def time_out(self, name: str) -> None:
        """Only one does."""
        self.lab.time_out(self.someone(name))

    # --- Clients ---

    @precondition(lambda self: self.lab.running)
    @rule(name=all_names)
    def propose(self, name: str) -> None:
        """A write, of anybody."""
        self.lab.propose(self.someone(name), self.token("write"))

    @precondition(lambda self: self.lab.leaders)
    @rule()
    def propose_to_the_leader(self) -> None:
        """A write that has a chance."""
        self.lab.propose(self.lab.leaders[-1], self.token("write"))

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks)
    def query(self, pick: int) -> None:
        """A read, of anybody who believes to lead."""
        self.lab.query(self.lab.leaders[pick % len(self.lab.leaders)], self.token("read"))

    @precondition(lambda self: self.lab.running)
    @rule(name=all_names)
    def ask(self, name: str) -> None:
        """A read, of anybody, who asks the leader for an index."""
        self.lab.query(self.someone(name), self.token("ask"), Consistency.FOLLOWER)

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks, successor=all_names)
    def transfer(self, pick: int, successor: str) -> None:
        """Whoever believes to lead is asked to let another lead."""
        self.lab.transfer(self.lab.leaders[pick % len(self.lab.leaders)], successor, self.token("transfer"))

    # --- Disks and crashes ---

    @rule(name=all_names)
    def slow_down(self, name: str) -> None:
        """From now on the saves of one server take their time, or do so no more."""
        machine = self.lab.machines.get(name)
        if machine is not None:
            machine.slow_disk = not machine.slow_disk

    @rule()
    def save(self) -> None:
        """Whatever the disks are at is done."""
        for name, machine in self.lab.machines.items():
            if machine.writing is not None:
                self.lab.save(name)

    @precondition(lambda self: self.lab.running)
    @rule(name=all_names)
    def begin_snapshot(self, name: str) -> None:
        """A snapshot of what somebody has applied is begun."""
        self.lab.begin_snapshot(self.someone(name))

    @rule()
    def finish_snapshots(self) -> None:
        """Whatever snapshots were begun are on disk."""
        for name, machine in self.lab.machines.items():
            if machine.taking is not None:
                self.lab.finish_snapshot(name)

    @rule()
    def write_pieces(self) -> None:
        """Whatever pieces of snapshots have come are on disk."""
        for name, machine in self.lab.machines.items():
            if machine.pieces:
                self.lab.write_pieces(name)

    @precondition(lambda self: self.lab.leaders)
    @rule(name=names)
    def leave_behind(self, name: str) -> None:
        """The others go on without somebody, and compact away what it lacks."""
        leader = self.lab.leaders[-1]
        self.lab.drop(*self.lab.between(receiver=name))
        for _ in range(3):
            letters = [letter for letter in self.lab.letters if name not in (letter.sender, letter.receiver)]
            self.lab.deliver(*letters)
        if leader in self.lab.leaders:
            self.lab.take_snapshot(leader)

    @precondition(lambda self: self.lab.running)
    @rule(name=all_names, written=st.booleans())
    def crash(self, name: str, written: bool) -> None:
        """Memory is lost. The save under way may have reached the disk, though nobody was told."""
        self.lab.crash(self.someone(name), written=written)

    @rule(name=all_names)
    def restart(self, name: str) -> None:
        """From what the disk holds."""
        if name in self.lab.machines and name not in self.lab.running:
            self.lab.restart(name)

    def teardown(self) -> None:
        """When the faults end, a leader is elected, everybody who waits is answered, and the logs are equal."""
        lab = self.lab
        lab.settle_down()
        members = lab.raft(lab.leaders[-1]).state.configuration.members
        assert len(lab.leaders) == 1
        assert {tuple(lab.machines[name].applied) for name in members} == {tuple(lab.invariants.committed)}
        assert [lab.waiting[name] for name in members] == [set()] * len(members)


class ChangingCluster(Cluster):
    """As above, while servers come and go; as they really run, with PreVote, and with snapshots of a few bytes."""

    strangers = "d"
    config = replace(PRE_VOTE, keep_entries=0, snapshot_piece_bytes=50, lease_reads=True)

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks, server=all_names)
    def add_server(self, pick: int, server: str) -> None:
        """Whoever believes to lead is asked to add one."""
        self.lab.add_server(self.lab.leaders[pick % len(self.lab.leaders)], server, self.token(f"add {server}"))

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks, server=all_names)
    def remove_server(self, pick: int, server: str) -> None:
        """Whoever believes to lead is asked to remove one."""
        self.lab.remove_server(self.lab.leaders[pick % len(self.lab.leaders)], server, self.token(f"remove {server}"))

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks, server=all_names)
    def add_learner(self, pick: int, server: str) -> None:
        """Whoever believes to lead is asked to add a learner."""
        self.lab.add_learner(self.lab.leaders[pick % len(self.lab.leaders)], server, self.token(f"learn {server}"))

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks, voters=st.sets(all_names, min_size=1).map(sorted).map("".join))
    def change_servers(self, pick: int, voters: str) -> None:
        """Whoever believes to lead is asked for any other voters, in one step."""
        self.lab.change_servers(self.lab.leaders[pick % len(self.lab.leaders)], voters, self.token(f"to {voters}"))

    @precondition(lambda self: self.lab.leaders)
    @rule(pick=picks)
    def read_by_lease(self, pick: int) -> None:
        """A read, of anybody who believes to lead, that may be answered by its lease."""
        self.lab.query(self.lab.leaders[pick % len(self.lab.leaders)], self.token("lease"), Consistency.LEASE)


TestCluster = Cluster.TestCase
TestCluster.settings = settings(stateful_step_count=80)
TestChangingCluster = ChangingCluster.TestCase
TestChangingCluster.settings = settings(stateful_step_count=80)
