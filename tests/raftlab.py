"""A laboratory: several servers, a bag of letters and disks that are plain values; the test decides what happens next.

Nothing moves by itself. A letter is delivered, dropped or doubled when the test says so; a save is done when it says
so (at once, unless the disk is slow); a crash forgets everything but the disk. After every turn all invariants are
checked, and some that only an observer can check who sees the disks.
"""

import zlib
from collections.abc import Iterable
from dataclasses import replace

from tests.labcallers import Callers, Done, Outcome, Read
from tests.labdisk import File, Machine, applied_in, file_of, saved_on, trimmed
from tests.servers import CONFIG, Chance
from tfraft.core.base import Base, Snapshot
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Effects, Envelope, Saved
from tfraft.core.entry import EntryKind
from tfraft.core.messages import AppendEntries, InstallSnapshot, Message, sender_of
from tfraft.core.raft import Raft
from tfraft.core.state import Role
from tfraft.record import record

__all__ = ["Done", "Lab", "Letter", "Outcome", "Read"]


@record
class Letter:
    """A message on its way."""

    sender: ServerId
    receiver: ServerId
    message: Message


class Lab(Callers):
    """Servers `a`, `b`, `c` …: one for each letter of `voters`, and those of `strangers`, who know no cluster yet."""

    def __init__(
        self,
        voters: str = "abc",
        strangers: str = "",
        *,
        config: RaftConfig = CONFIG,
        disks: dict[ServerId, Saved] | None = None,
    ) -> None:
        super().__init__()
        self.config = config
        self.letters: list[Letter] = []
        self.cut: set[tuple[ServerId, ServerId]] = set()
        self.starts = 0
        fresh = {name: Saved(base=Base(configuration=Configuration.of(voters))) for name in voters}
        fresh |= {name: Saved() for name in strangers}
        self.machines = {name: Machine(disk, None) for name, disk in {**fresh, **(disks or {})}.items()}
        for name in self.machines:
            self.restart(name)

    # --- The servers ---

    @property
    def running(self) -> list[ServerId]:
        """The servers that are up, sorted."""
        return sorted(name for name, machine in self.machines.items() if machine.raft)

    def crash(self, name: ServerId, *, written: bool = False) -> None:
        """Forget everything but the disk; a save under way has happened only if it is `written`."""
        machine = self.machines[name]
        if written and machine.writing is not None:
            machine.disk = saved_on(machine.disk, machine.writing)
        machine.raft = machine.writing = machine.trim = machine.taking = None
        machine.held, machine.pieces, machine.received = [], [], b""
        machine.applied = []
        self.waiting[name] = set()
        self.invariants.restarted(name)

    def lose_disk(self, name: ServerId) -> None:
        """Crash a server, and start it with a disk that has lost all that it held but the term, and knows it."""
        self.crash(name)
        machine = self.machines[name]
        self.lost.append((name, Machine(machine.disk, None, machine.latest)))
        machine.disk = Saved(machine.disk.current_term, incarnation=machine.disk.incarnation + 1, repairing=True)
        machine.latest = None
        self.restart(name)

    def restart(self, name: ServerId) -> None:
        """Start a server from what its disk holds. Each draws another election timeout, `a` the shortest."""
        draw = 0.5 * sorted(self.machines).index(name) / len(self.machines)
        self.waiting[name] = set()
        self.starts += 1
        machine = self.machines[name]
        if machine.latest is not None:
            machine.applied = applied_in(machine.latest)
        latest = machine.latest.snapshot if machine.latest else None
        machine.raft = Raft(self.config, name, Chance(draw, self.starts), self.now, machine.disk, latest)
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

    # --- The disk ---

    def save(self, name: ServerId) -> None:
        """The disk of one server is done with what it was writing; what that promises leaves."""
        machine = self.machines[name]
        save, held = machine.writing, machine.held
        assert save is not None, f"{name} saves nothing"
        machine.disk = saved_on(machine.disk, save)
        if machine.trim is not None:
            machine.disk = trimmed(machine.disk, machine.trim)
        machine.writing, machine.held, machine.trim = None, [], None
        self._post_replies(name, held)
        self.raft(name).saved(save.current_term, save.last_index)
        self.turn(name)

    # --- Snapshots ---

    def begin_snapshot(self, name: ServerId) -> None:
        """Take a snapshot of what a server has applied; it is not on disk before `finish_snapshot`."""
        machine, state = self.machines[name], self.raft(name).state
        machine.taking = file_of(state.base_at(state.last_applied), machine.applied)

    def finish_snapshot(self, name: ServerId) -> None:
        """The snapshot that was begun is on disk; a later one that came from a leader stays the latest."""
        machine = self.machines[name]
        assert machine.taking is not None, f"{name} takes no snapshot"
        file, machine.taking = machine.taking, None
        if machine.latest is not None and machine.latest.snapshot.base.index > file.snapshot.base.index:
            file = machine.latest
        machine.latest = file
        base = self.raft(name).snapshot_taken(file.snapshot)
        if base is not None and machine.writing is None:
            machine.disk = trimmed(machine.disk, base)
        elif base is not None:
            machine.trim = base
        self.turn(name)

    def take_snapshot(self, name: ServerId) -> None:
        """Begin and finish a snapshot at once."""
        self.begin_snapshot(name)
        self.finish_snapshot(name)

    def write_pieces(self, name: ServerId) -> None:
        """The pieces of a leader's snapshot that have come are written; if it is whole, it is the latest on disk."""
        machine, raft = self.machines[name], self.raft(name)
        pieces, machine.pieces = machine.pieces, []
        for piece in pieces:
            machine.received = machine.received if piece.offset else b""
            assert piece.offset == len(machine.received), f"{name} is to write {piece} after {len(machine.received)}"
            machine.received += piece.data
            raft.piece_written(piece.snapshot, len(machine.received))
            if piece.is_last:
                self._finish_received(name, piece.snapshot)
        self.turn(name)

    def _finish_received(self, name: ServerId, snapshot: Snapshot) -> None:
        machine, raft = self.machines[name], self.raft(name)
        file = File(snapshot, machine.received)
        if zlib.crc32(file.data) != snapshot.checksum:
            raft.snapshot_refused(snapshot)
            return
        if machine.latest is None or machine.latest.snapshot.base.index <= snapshot.base.index:
            machine.latest = file
        raft.snapshot_received(machine.latest.snapshot)

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

    def _post_replies(self, name: ServerId, replies: list[Envelope]) -> None:
        self._check_promises(name, replies)
        self._post(name, replies)

    def _post(self, sender: ServerId, envelopes: list[Envelope]) -> None:
        for receiver, message in envelopes:
            assert sender_of(message) == sender, f"{sender} sends a letter in the name of another: {message}"
            if receiver in self.machines and (sender, receiver) not in self.cut:
                if isinstance(message, InstallSnapshot):
                    message = self._filled(sender, message)
                self.letters.append(Letter(sender, receiver, message))

    def _filled(self, sender: ServerId, message: InstallSnapshot) -> InstallSnapshot:
        """The message with its bytes."""
        file = self.machines[sender].latest
        assert file is not None, f"{sender} sends a snapshot that it has not"
        assert file.snapshot == message.snapshot, f"{sender} sends a snapshot that it has not"
        data = file.data[message.offset : message.offset + message.size_bytes]
        assert len(data) == message.size_bytes > 0
        return replace(message, data=data)

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
            else:
                self.write_pieces(name)
                if machine.writing is not None:
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
        self._check_round_was_heard(raft.state, round_before)
        self._check_commits_are_on_disks(configuration, committed_before)
        self._post(name, effects.messages)
        if effects.save is None:
            self._check_nothing_is_left_to_save(name)
            self._post_replies(name, effects.replies)
        else:
            assert machine.writing is None, f"{name} starts a second save"
            machine.writing, machine.held = effects.save, effects.replies
        if effects.repaired:
            machine.disk = replace(machine.disk, repairing=False)
        machine.pieces.extend(effects.pieces)
        self._answer(name, effects)
        if effects.save is not None and not machine.slow_disk:
            self.save(name)
        if machine.pieces and not machine.slow_disk:
            self.write_pieces(name)

    def _answer(self, name: ServerId, effects: Effects) -> None:
        machine = self.machines[name]
        if effects.installed is not None:
            assert machine.latest is not None, f"{name} installs a snapshot that is not on its disk"
            assert machine.latest.snapshot == effects.installed, f"{name} installs what is not the latest snapshot"
            assert effects.installed.base.index > len(machine.applied), f"{name} goes back to an older state"
            machine.applied = applied_in(machine.latest)
        if effects.committed is not None:
            assert effects.committed.first_index == len(machine.applied) + 1, "applied out of order"
            machine.applied.extend(effects.committed.entries)
            for index, token in enumerate(effects.committed.tokens, effects.committed.first_index):
                if token is not None:
                    self._settle(name, token, Done(index))
        for reads in effects.reads:
            assert reads.read_index <= len(machine.applied), "a read of what is not applied yet"
            for token in reads.tokens:
                fresh = token in self.stale or reads.read_index >= self.asked[token]
                assert fresh, f"the read {token} misses what was committed before it"
                self._settle(name, token, Read(reads.read_index))
        for settled in effects.settled:
            self._settle(name, settled.token, settled.answer)
        assert machine.applied == self.invariants.committed[: len(machine.applied)], f"{name} has another history"

    def commands(self, name: ServerId) -> list[str]:
        """The commands that a server has applied, in order."""
        return [entry.data.decode() for entry in self.machines[name].applied if entry.kind is EntryKind.COMMAND]
