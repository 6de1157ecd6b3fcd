"""Property: whatever the network, the disks and the crashes do, Raft keeps its promises.

The laboratory checks after every turn: the invariants of Figure 3.2, that nothing is promised before it is on disk,
that what is committed is on a majority of disks, that a read reflects everything that was committed when it was asked,
and that nobody is answered twice."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.raftlab import Lab, Letter

names = st.sampled_from("abc")
all_names = st.sampled_from("abcd")
picks = st.integers(0, 30)


class Cluster(RuleBasedStateMachine):
    """Three servers and everything that can happen to them."""

    voters, strangers = "abc", ""

    def __init__(self) -> None:
        super().__init__()
        self.lab = Lab(self.voters, self.strangers)
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
        members = lab.raft(lab.leaders[-1]).state.configuration.ids
        assert len(lab.leaders) == 1
        assert {tuple(lab.machines[name].disk.entries) for name in members} == {tuple(lab.invariants.committed)}
        assert [lab.waiting[name] for name in members] == [set()] * len(members)


class ChangingCluster(Cluster):
    """As above, while servers come and go."""

    strangers = "d"

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


TestCluster = Cluster.TestCase
TestCluster.settings = settings(stateful_step_count=80)
TestChangingCluster = ChangingCluster.TestCase
TestChangingCluster.settings = settings(stateful_step_count=80)
