"""A laboratory: several servers, a bag of letters and disks that are plain values; the test decides what happens next.

Nothing moves by itself. A letter is delivered, dropped or doubled when the test says so; a save is done when it says
so (at once, unless the disk is slow); a crash forgets everything but the disk. After every turn all invariants are
checked, and some that only an observer can check who sees the disks.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.servers import CONFIG, Chance
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Effects, Envelope, Save, Saved
from tfraft.core.entry import Entry, EntryKind
from tfraft.core.invariants import ClusterInvariants
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    ServerId,
    sender_of,
)
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, Answer, RemoveServer
from tfraft.core.state import RaftState, Role
from tfraft.record import record


@record
class Letter:
    """A message on its way."""

    sender: ServerId
    receiver: ServerId
    message: Message


@record
class Done:
    """The outcome of a request whose entry is committed and applied at `index`."""

    index: int


@record
class Read:
    """The outcome of a query: answered from what has been applied through `read_index`."""

    read_index: int


Outcome = Done | Read | Answer


@dataclass(slots=True)
class Machine:
    """One server with its disk."""

    disk: Saved
    raft: Raft | None
    writing: Save | None = None
    held: list[Envelope] = field(default_factory=list)
    """Replies that promise what is being written."""
    slow_disk: bool = False
    """Saves wait until the test says `save`."""
    applied: list[Entry] = field(default_factory=list)


def saved_on(disk: Saved, save: Save) -> Saved:
    """The disk after `save`, by the words of its docstring."""
    rows = list(disk.entries)
    if save.first_index:
        rows = rows[: save.first_index - 1] + list(save.entries)
    configuration = disk.configuration if save.configuration is None else save.configuration
    return Saved(save.current_term, save.voted_for, configuration, type(disk.entries).from_rows(rows))


class Lab:
    """Servers `a`, `b`, `c` …: one for each letter of `voters`, and those of `strangers`, who know no cluster yet."""

    def __init__(
        self,
        voters: str = "abc",
        strangers: str = "",
        *,
        config: RaftConfig = CONFIG,
        disks: dict[ServerId, Saved] | None = None,
    ) -> None:
        self.config = config
        self.now = 0.0
        self.letters: list[Letter] = []
        self.cut: set[tuple[ServerId, ServerId]] = set()
        self.invariants = ClusterInvariants()
        self.outcomes: dict[str, Outcome] = {}
        self.asked: dict[str, int] = {}
        """Each token with the number of entries that were committed anywhere when it was handed in."""
        self.heard: dict[tuple[int, ServerId], int] = {}
        """The latest round of reads of each term's leader that each server has seen, by (term, server)."""
        self.waiting: dict[ServerId, set[str]] = {}
        """The tokens that each server has not answered yet; a crash answers nobody."""
        fresh = {name: Saved(configuration=Configuration.of(voters)) for name in voters}
        fresh |= {name: Saved(configuration=EMPTY) for name in strangers}
        self.machines = {name: Machine(disk, None) for name, disk in {**fresh, **(disks or {})}.items()}
        for name in self.machines:
            self.restart(name)

    # --- The servers ---

    def raft(self, name: ServerId) -> Raft:
        """The running server of this name."""
        raft = self.machines[name].raft
        assert raft is not None, f"{name} is down"
        return raft

    @property
    def running(self) -> list[ServerId]:
        """The servers that are up, sorted."""
        return sorted(name for name, machine in self.machines.items() if machine.raft)

    def crash(self, name: ServerId, *, written: bool = False) -> None:
        """Forget everything but the disk; a save under way has happened only if it is `written`."""
        machine = self.machines[name]
        if written and machine.writing is not None:
            machine.disk = saved_on(machine.disk, machine.writing)
        machine.raft = machine.writing = None
        machine.held = []
        machine.applied = []
        self.waiting[name] = set()
        self.invariants.restarted(name)

    def restart(self, name: ServerId) -> None:
        """Start a server from what its disk holds. Each draws another election timeout, `a` the shortest."""
        draw = 0.5 * sorted(self.machines).index(name) / len(self.machines)
        self.waiting[name] = set()
        machine = self.machines[name]
        machine.raft = Raft(self.config, name, Chance(draw), self.now, machine.disk)
        self.turn(name)

    # --- Inputs ---

    def tick(self, name: ServerId) -> None:
        """Let one server see the time."""
        self.raft(name).tick(self.now)
        self.turn(name)

    def time_out(self, name: ServerId) -> None:
        """Let time pass until the timer of one server runs out; only it notices."""
        self.now = max(self.now, self.raft(name).deadline)
        self.tick(name)

    def propose(self, name: ServerId, command: str) -> str:
        """Hand a command to a server; the token, which is the command."""
        self._ask(name, command)
        self.raft(name).propose(command.encode(), command)
        self.turn(name)
        return command

    def query(self, name: ServerId, token: str) -> None:
        """Ask a server for a read."""
        self._ask(name, token)
        self.raft(name).query(token)
        self.turn(name)

    def add_server(self, name: ServerId, new_server: ServerId, token: str = "") -> str:
        """Ask a server to add another to the cluster; the token."""
        token = self._ask(name, token or f"add {new_server}")
        self.raft(name).add_server(AddServer(new_server), token)
        self.turn(name)
        return token

    def remove_server(self, name: ServerId, old_server: ServerId, token: str = "") -> str:
        """Ask a server to remove one of the cluster; the token."""
        token = self._ask(name, token or f"remove {old_server}")
        self.raft(name).remove_server(RemoveServer(old_server), token)
        self.turn(name)
        return token

    def _ask(self, name: ServerId, token: str) -> str:
        assert token not in self.asked, f"two requests with the token {token}"
        self.asked[token] = len(self.invariants.committed)
        self.waiting[name].add(token)
        return token

    # --- The disk ---

    def save(self, name: ServerId) -> None:
        """The disk of one server is done with what it was writing; what that promises leaves."""
        machine = self.machines[name]
        save, held = machine.writing, machine.held
        assert save is not None, f"{name} saves nothing"
        machine.disk = saved_on(machine.disk, save)
        machine.writing, machine.held = None, []
        self._post_replies(name, held)
        self.raft(name).saved(save.current_term, save.last_index)
        self.turn(name)

    # --- The network ---

    def between(self, sender: ServerId = "", receiver: ServerId = "") -> list[Letter]:
        """The letters on their way from `sender` to `receiver`; from or to anybody where it is not given."""
        return [
            letter for letter in self.letters if sender in ("", letter.sender) and receiver in ("", letter.receiver)
        ]

    def deliver(self, *letters: Letter) -> None:
        """Hand over these letters, one turn each; a letter to a server that is down is lost."""
        for letter in letters:
            self.letters.remove(letter)
            raft = self.machines[letter.receiver].raft
            if raft is not None:
                self._note_round(letter)
                raft.receive(letter.message, self.now)
                self.turn(letter.receiver)

    def _note_round(self, letter: Letter) -> None:
        message = letter.message
        if isinstance(message, AppendEntries) and message.term >= self.raft(letter.receiver).state.current_term:
            place = (message.term, letter.receiver)
            self.heard[place] = max(self.heard.get(place, 0), message.read_round)

    def drop(self, *letters: Letter) -> None:
        """Lose these letters."""
        for letter in letters:
            self.letters.remove(letter)

    def duplicate(self, *letters: Letter) -> None:
        """Put a second copy of these letters at the end of the bag."""
        self.letters.extend(letters)

    def partition(self, *groups: Iterable[ServerId]) -> None:
        """Cut every link between servers of different groups, and lose what is on its way there."""
        members = [set(group) for group in groups]
        self.cut = {
            (one, other)
            for one in self.machines
            for other in self.machines
            if not any(one in group and other in group for group in members)
        }
        self.letters = [letter for letter in self.letters if (letter.sender, letter.receiver) not in self.cut]

    def heal(self) -> None:
        """Mend every link."""
        self.cut = set()

    def _post(self, sender: ServerId, envelopes: list[Envelope]) -> None:
        for receiver, message in envelopes:
            assert sender_of(message) == sender, f"{sender} sends a letter in the name of another: {message}"
            if receiver in self.machines and (sender, receiver) not in self.cut:
                self.letters.append(Letter(sender, receiver, message))

    # --- Several steps at once ---

    def deliver_all(self) -> None:
        """Deliver letters in the order in which they were sent, until none is left."""
        budget = 10_000
        while self.letters:
            self.deliver(self.letters[0])
            budget -= 1
            assert budget, "the letters never end"

    def elect(self, name: ServerId) -> None:
        """Let one server time out, and deliver everything: it leads afterwards, and its no-op is committed."""
        self.time_out(name)
        self.deliver_all()
        assert self.leaders[-1:] == [name], f"{name} was not elected: leaders are {self.leaders}"

    def heartbeat(self, name: ServerId) -> None:
        """Let a leader's heartbeat be due, and deliver everything."""
        self.time_out(name)
        self.deliver_all()

    def run(self, seconds: float) -> None:
        """Let time pass for everybody, with a network that delivers at once."""
        end = self.now + seconds
        self.deliver_all()
        while (due := min((self.raft(name).deadline, name) for name in self.running))[0] <= end:
            self.now = max(self.now, due[0])
            self.tick(due[1])
            self.deliver_all()
        self.now = end

    def settle_down(self) -> None:
        """The faults end: all servers run, disks and links work, and time passes until nobody waits any more."""
        self.heal()
        for name, machine in self.machines.items():
            machine.slow_disk = False
            if machine.raft is None:
                self.restart(name)
            elif machine.writing is not None:
                self.save(name)
        self.run(10 * self.config.election_timeout_s)

    @property
    def leaders(self) -> list[ServerId]:
        """Who leads, or believes so, by their terms."""
        leading = [
            (self.raft(name).state.current_term, name)
            for name in self.running
            if self.raft(name).state.role is Role.LEADER
        ]
        return [name for _, name in sorted(leading)]

    # --- The turn ---

    def turn(self, name: ServerId) -> None:
        """Take a server's effects and carry them out in the order of the contract."""
        machine, raft = self.machines[name], self.raft(name)
        configuration, committed_before = raft.state.configuration, len(self.invariants.committed)
        round_before = raft.state.open_round
        effects = raft.take_effects()
        self.invariants.observe(raft.state)
        if round_before is not None and effects.reads:
            self._check_round_was_heard(raft.state, round_before.number)
        self._check_commits_are_on_disks(configuration, committed_before)
        self._post(name, effects.messages)
        if effects.save is None:
            self._check_nothing_is_left_to_save(name)
            self._post_replies(name, effects.replies)
        else:
            assert machine.writing is None, f"{name} starts a second save"
            machine.writing, machine.held = effects.save, effects.replies
        self._answer(name, effects)
        if effects.save is not None and not machine.slow_disk:
            self.save(name)

    def _answer(self, name: ServerId, effects: Effects) -> None:
        machine = self.machines[name]
        if effects.committed is not None:
            assert effects.committed.first_index == len(machine.applied) + 1, "applied out of order"
            machine.applied.extend(effects.committed.entries)
            for index, token in enumerate(effects.committed.tokens, effects.committed.first_index):
                if token is not None:
                    self._settle(name, token, Done(index))
        for reads in effects.reads:
            assert reads.read_index <= len(machine.applied), "a read of what is not applied yet"
            for token in reads.tokens:
                assert reads.read_index >= self.asked[token], f"the read {token} misses what was committed before it"
                self._settle(name, token, Read(reads.read_index))
        for settled in effects.settled:
            self._settle(name, settled.token, settled.answer)

    def _settle(self, name: ServerId, token: str, outcome: Outcome) -> None:
        assert token not in self.outcomes, f"{token} is answered twice: {self.outcomes[token]}, then {outcome}"
        self.outcomes[token] = outcome
        self.waiting[name].remove(token)

    # --- What only an observer can check ---

    def _post_replies(self, name: ServerId, replies: list[Envelope]) -> None:
        """Send what promises that something is on disk, which it must be."""
        disk = self.machines[name].disk
        for receiver, reply in replies:
            match reply:
                case RequestVote():
                    promise = (disk.current_term, disk.voted_for) == (reply.term, name)
                    if self.raft(name).state.role is Role.CANDIDATE:
                        promise = promise and len(disk.entries) >= reply.last_log_index
                case RequestVoteReply(vote_granted=True):
                    promise = (disk.current_term, disk.voted_for) == (reply.term, receiver)
                case AppendEntriesReply(success=True):
                    promise = disk.current_term == reply.term and self._stored(name, reply)
                case _:
                    promise = disk.current_term == reply.term
            assert promise, f"{name} promises {reply} to {receiver} with this on its disk: {disk}"
        self._post(name, replies)

    def _stored(self, name: ServerId, reply: AppendEntriesReply) -> bool:
        """Whether the disk of `name` holds what a leader of the reply's term has through `match_index`."""
        rows, raft = self.machines[name].disk.entries, self.machines[self.invariants.leaders[reply.term]].raft
        if raft is None or raft.state.current_term != reply.term or raft.state.role is not Role.LEADER:
            return len(rows) >= reply.match_index
        theirs = raft.state.log.read(1, reply.match_index)
        return list(rows)[: reply.match_index] == list(theirs)

    def _check_round_was_heard(self, state: RaftState, number: int) -> None:
        """A round of reads that is confirmed was seen by a majority, each while it followed this leader."""
        heard = [name for name in self.machines if self.heard.get((state.current_term, name), 0) >= number]
        assert state.configuration.has_quorum([state.server_id, *heard]), (
            f"{state.server_id} confirms round {number} of term {state.current_term}, which only {heard} have seen"
        )

    def _check_nothing_is_left_to_save(self, name: ServerId) -> None:
        """Where nothing is to be saved and nothing is being saved, the disk holds what the memory does."""
        machine, state = self.machines[name], self.raft(name).state
        if machine.writing is None:
            disk = machine.disk
            assert (disk.current_term, disk.voted_for) == (state.current_term, state.voted_for)
            assert disk.entries == state.log.read(1, state.log.last_index), f"{name}: disk and memory differ"

    def _check_commits_are_on_disks(self, configuration: Configuration, committed_before: int) -> None:
        """What somebody has just committed as the first is on the disks of a majority."""
        for index in range(committed_before, len(self.invariants.committed)):
            entry = self.invariants.committed[index]
            holders = [
                name
                for name, machine in self.machines.items()
                if len(machine.disk.entries) > index and machine.disk.entries[index] == entry
            ]
            assert configuration.has_quorum(holders), (
                f"{entry} is committed at {index + 1}, but only on the disks of {holders}"
            )

    def commands(self, name: ServerId) -> list[str]:
        """The commands that a server has applied, in order."""
        return [entry.data.decode() for entry in self.machines[name].applied if entry.kind is EntryKind.COMMAND]
