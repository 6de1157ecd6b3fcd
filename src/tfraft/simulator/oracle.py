"""What must hold of the cluster after every turn of a node, seen from outside: from logs, messages and disks.

`core.invariants` knows what a server may be by its own words; here its words are held against the virtual disks. Most
bugs that lose data show here first, long before a client could notice.
"""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import EMPTY, Configuration, ServerId
from tfraft.core.effects import Save
from tfraft.core.entry import EntryKind
from tfraft.core.invariants import ClusterInvariants
from tfraft.core.state import RaftState, Role
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.quorum import is_quorum
from tfraft.simulator.violation import Violation

Placed = tuple[int, Configuration]
"""A configuration with the index of its entry."""


@dataclass(slots=True)
class View:
    """What was seen of a server after its last turn. `configurations` is read from its log, not from its memory."""

    configurations: list[Placed]
    leads: bool = False
    term: int = 0
    commit_index: int = 0
    last_index: int = 0
    last_term: int = 0


@dataclass(slots=True)
class Oracle:
    """Judges the cluster. Feed it every server after each of its turns, each restart, each write to a disk."""

    disks: Mapping[ServerId, VirtualDisk]
    invariants: ClusterInvariants = field(default_factory=ClusterInvariants)
    counted: int = 0
    """The highest index that a leader has committed by counting, and that was found on a quorum of disks."""
    quorums: list[Placed] = field(default_factory=list)
    """The configuration by which each such index was committed."""
    configured: list[Placed] = field(default_factory=lambda: [(0, EMPTY)])
    """All configurations that are committed, the one of the founders first."""
    views: dict[ServerId, View] = field(default_factory=dict)
    _configured_through: int = 0

    def founded(self, configuration: Configuration) -> None:
        """The cluster begins with this configuration."""
        self.configured = [(0, configuration)]

    def started(self, raft: RaftState) -> None:
        """A server begins a life from its disk."""
        self.invariants.restarted(raft.server_id)
        self.views[raft.server_id] = View([self._first_of(raft)], last_index=raft.log.base_index)
        self.views[raft.server_id].last_term = raft.log.base_term
        self.observe(raft)

    def observe(self, raft: RaftState) -> None:
        """Raise Violation if something does not hold after a turn of this server."""
        view = self.views[raft.server_id]
        if raft.commit_index > view.commit_index:
            self._commit(raft, view)
        self._configurations(raft, view)
        newly_elected = raft.role is Role.LEADER and raft.current_term not in self.invariants.leaders
        try:
            self.invariants.observe(raft)
        except AssertionError as error:
            rule, _, facts = str(error).partition(": ")
            raise Violation(rule, facts) if rule not in self.views else Violation("invariant", str(error)) from error
        self._note_configured()
        if newly_elected:
            self._elected(raft)
        view.leads = raft.role is Role.LEADER
        view.term = raft.current_term
        view.commit_index = raft.commit_index
        view.last_index = raft.log.last_index
        view.last_term = raft.log.last_term

    def stores(self, disk: VirtualDisk, index: int, term: int) -> bool:
        """Whether this disk has the entry of this index and term, in its log or in a snapshot."""
        if index > disk.covered:
            return disk.term_at(index) == term
        committed = self.invariants.committed
        return index == term == 0 or (0 < index <= len(committed) and committed[index - 1].term == term)

    def configured_at(self, index: int) -> Placed:
        """The configuration in force at `index`, as far as it is committed."""
        return self.configured[bisect_right(self.configured, index, key=lambda placed: placed[0]) - 1]

    # --- Before a disk changes ---

    def before_write(self, disk: VirtualDisk, save: Save) -> None:
        """Raise Violation if `save` would take a committed entry from a quorum.

        A server outside that quorum may lose its copy, to a late message of a leader that never committed."""
        if save.base is not None:
            self._base(disk, save.base)
        elif not save.first_index:
            return
        first = save.base.index + 1 if save.base is not None else save.first_index
        committed = self.invariants.committed
        for index in range(max(first, disk.base.index + 1), min(disk.last_index, len(committed)) + 1):
            row = index - save.first_index
            new_term = save.entries.terms[row] if 0 <= row < len(save.entries) else 0
            if disk.term_at(index) == committed[index - 1].term != new_term and index > disk.covered:
                self._still_committed(index, disk.server_id)

    def before_trim(self, disk: VirtualDisk, base: Base) -> None:
        """Raise Violation if what is trimmed away is needed."""
        self._base(disk, base)
        if base.index > disk.last_index or disk.term_at(base.index) != base.term:
            raise Violation(
                "a log is trimmed to an entry that it has",
                f"{disk.server_id} trims to {base}, its log ends at {disk.last_index}",
            )

    def before_snapshot(self, disk: VirtualDisk, snapshot: Snapshot) -> None:
        """Raise Violation if a snapshot is not of what is committed, or older than the one that is there."""
        self._is_committed(disk, snapshot.base)
        if disk.snapshot is not None and snapshot.base.index < disk.snapshot.base.index:
            raise Violation("a snapshot never goes back", f"{disk.server_id} replaces {disk.snapshot} by {snapshot}")

    def _base(self, disk: VirtualDisk, base: Base) -> None:
        """What is before the base of a log is in a snapshot on the same disk (§5.1)."""
        if not base.index:
            return
        covered = disk.snapshot.base.index if disk.snapshot else 0
        if base.index > covered:
            raise Violation(
                "what leaves the log is in a snapshot",
                f"{disk.server_id} lets its log begin after {base.index}, its snapshot goes through {covered} (§5.1)",
            )
        self._is_committed(disk, base)

    def _is_committed(self, disk: VirtualDisk, base: Base) -> None:
        """A base names a committed entry, and the committed configuration that was in force there.

        The founders have theirs before the log. A server that has come later never sees it, and its log may begin
        after an entry from that time; a snapshot may not, for others would be sent it."""
        committed = self.invariants.committed
        if base.index > len(committed) or committed[base.index - 1].term != base.term:
            raise Violation(
                "a snapshot is of what is committed",
                f"{disk.server_id} has one at {base.index} of term {base.term}, committed are {len(committed)}",
            )
        placed, founded = (base.configuration_index, base.configuration), self.configured[0]
        unknown = placed == (0, EMPTY) and self.configured_at(base.index) == founded and disk.covered > base.index
        if placed != self.configured_at(base.index) and not unknown:
            raise Violation(
                "a snapshot has the configuration that was committed",
                f"{disk.server_id} has {placed} in one at {base.index}, where {self.configured_at(base.index)} was",
            )

    # --- One rule each ---

    def _still_committed(self, index: int, loser: ServerId) -> None:
        """A committed entry stays on a quorum of disks, also when `loser` drops it (§3.6.3)."""
        configuration = next(one for commit, one in self.quorums if commit >= index)
        term = self.invariants.committed[index - 1].term
        stored = [voter for voter in self._stored_by(configuration, index, term) if voter != loser]
        if not is_quorum(configuration, stored):
            raise Violation(
                "a committed entry is for ever",
                f"{loser} drops the committed entry {index} of term {term}, "
                f"which then only {stored} of {configuration.ids} have",
            )

    def _stored_by(self, configuration: Configuration, index: int, term: int) -> list[ServerId]:
        """The voters that store an entry, or have until they lost their disk and spoke for themselves no more."""
        return [voter for voter, disk in self._voting(configuration) if self.stores(disk, index, term)]

    def _voting(self, configuration: Configuration) -> list[tuple[ServerId, VirtualDisk]]:
        """Each voter with its disk, in the incarnation that has the vote."""
        known = [voter for voter in configuration.ids if voter in self.disks]
        return [(voter, self.disks[voter].as_of(configuration.incarnation_of(voter))) for voter in known]

    def _commit(self, raft: RaftState, view: View) -> None:
        """A leader commits what is in its own term on a quorum of disks; everybody else follows a leader (§3.6.2)."""
        commit = raft.commit_index
        # A leader that steps down in the turn in which it commits its own removal has counted that commit, too.
        counts = raft.role is Role.LEADER or (view.leads and raft.current_term == view.term)
        if not counts:
            if commit > self.counted:
                raise Violation(
                    "a follower commits what no leader has",
                    f"{raft.server_id} commits {commit}, the leaders have committed {self.counted}",
                )
            return
        term = raft.log.term_at(commit)
        if term != raft.current_term:
            raise Violation(
                "a counted commit has the leader's own term",
                f"{raft.server_id}, leader of term {raft.current_term}, commits {commit} of term {term}",
            )
        # What is in the log since the last turn was appended after the counting.
        configuration = view.configurations[-1][1]
        stored = self._stored_by(configuration, commit, term)
        if not is_quorum(configuration, stored):
            raise Violation(
                "a commit is on a quorum of disks",
                f"{raft.server_id} commits {commit} of term {term}, which only {stored} have of {configuration}",
            )
        if commit > self.counted:
            self.counted = commit
            self.quorums.append((commit, configuration))

    def _elected(self, raft: RaftState) -> None:
        """Behind a leader stands a quorum whose votes are on their disks, its own vote included (§3.4)."""
        term, name = raft.current_term, raft.server_id
        configuration = self.views[name].configurations[-1][1]
        voted = [voter for voter, disk in self._voting(configuration) if disk.votes.get(term) == name]
        if not is_quorum(configuration, voted):
            raise Violation(
                "a leader has the durable votes of a quorum",
                f"{name} leads term {term}, but only the disks of {voted} hold that vote, of {configuration}",
            )

    # --- Configurations ---

    def _first_of(self, raft: RaftState) -> Placed:
        """The configuration before the first entry of a log: what is committed there, or what the server began with."""
        base = raft.log.base_index
        return self.configured_at(base) if base else (0, self.disks[raft.server_id].base.configuration)

    def _note_configured(self) -> None:
        committed = self.invariants.committed
        for index in range(self._configured_through + 1, len(committed) + 1):
            entry = committed[index - 1]
            if entry.kind is EntryKind.CONFIGURATION:
                self.configured.append((index, Configuration.decode(entry.data)))
        self._configured_through = len(committed)

    def _configurations(self, raft: RaftState, view: View) -> None:
        """The last configuration in the log is the one in force, and each follows the rules of chapter 4."""
        log, known = raft.log, view.configurations
        first = view.last_index + 1
        is_new = log.base_index > view.last_index
        if is_new or log.last_index < view.last_index or log.term_at(view.last_index) != view.last_term:
            first = view.commit_index + 1
            while known and known[-1][0] >= first:
                known.pop()
            if log.base_index >= first:
                known[:] = [self._first_of(raft)]
        first = max(first, log.base_index + 1)
        if first <= log.last_index and EntryKind.CONFIGURATION in log.read(first, log.last_index).kinds:
            for index in range(first, log.last_index + 1):
                if log.kind_at(index) is EntryKind.CONFIGURATION:
                    configuration = Configuration.decode(log.entry(index).data)
                    if raft.role is Role.LEADER and log.term_at(index) == raft.current_term:
                        self._change(raft, known[-1], configuration, index)
                    known.append((index, configuration))
        if raft.configurations[-1] != known[-1]:
            raise Violation(
                "the last configuration in the log is in force",
                f"{raft.server_id} uses {raft.configurations[-1]}, its log has {known[-1]} (§4.1)",
            )

    def _change(self, raft: RaftState, last: Placed, new: Configuration, index: int) -> None:
        """A leader appends one that may follow the last one, which is committed, as an entry of its own term is."""
        if last[0] > raft.commit_index or raft.log.term_at(raft.commit_index) != raft.current_term:
            raise Violation(
                "one change of the configuration at a time",
                f"{raft.server_id} appends {new} at {index} after the one at {last[0]}, with entries committed "
                f"up to {raft.commit_index}, of term {raft.log.term_at(raft.commit_index)} (§4.1)",
            )
        if wrong := wrong_step(last[1], new):
            raise Violation(wrong, f"{raft.server_id} goes from {last[1]} to {new} at {index} (ch. 4)")
        known = {voter for voter, _ in last[1].voters + last[1].old_voters}
        for server, _ in new.voters:
            if server not in known and max(self.disks[server].last_index, self.disks[server].covered) < last[0]:
                raise Violation(
                    "a new server is caught up before it votes",
                    f"{raft.server_id} adds {server}, whose log ends at {self.disks[server].last_index}, before the "
                    f"configuration at {last[0]} (§4.2.1)",
                )


def wrong_step(last: Configuration, new: Configuration) -> str:
    """The rule that is broken by going from `last` to `new`; an empty string where none is."""
    if not set(last.removed) <= set(new.removed) or set(new.members) & set(last.removed):
        return "an id is never given again"
    stayed = [voter for voter in last.ids if voter in new]
    if any(last.incarnation_of(voter) != new.incarnation_of(voter) for voter in stayed):
        return "who has lost its disk loses its vote"
    if last.is_joint:
        ends = not new.is_joint and new.voters == last.voters
        return "" if ends else "a joint configuration leads to its new voters"
    if new.is_joint:
        return "" if new.old_voters == last.voters else "a joint configuration begins with the old voters"
    changed = {voter for voter, _ in last.voters} ^ {voter for voter, _ in new.voters}
    return "one voter at a time, or jointly" if len(changed) > 1 else ""
