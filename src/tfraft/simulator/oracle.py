"""What must hold of the cluster after every turn of a node, seen from outside: from logs, messages and disks.

`core.invariants` knows what a server may be by its own words; here its words are held against the virtual disks. Most
bugs that lose data show here first, long before a client could notice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import EntryKind
from tfraft.core.invariants import ClusterInvariants
from tfraft.core.messages import ServerId
from tfraft.core.state import RaftState, Role
from tfraft.simulator.disk import VirtualDisk
from tfraft.simulator.violation import Violation


@dataclass(slots=True)
class View:
    """What was seen of a server after its last turn. `configurations` is read from its log, not from its memory."""

    configurations: list[tuple[int, Configuration]]
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
    quorums: list[tuple[int, Configuration]] = field(default_factory=list)
    """The configuration by which each such index was committed."""
    views: dict[ServerId, View] = field(default_factory=dict)

    def started(self, raft: RaftState) -> None:
        """A server begins a life from its disk."""
        self.invariants.restarted(raft.server_id)
        self.views[raft.server_id] = View([(0, raft.configurations[0][1])])
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
        if newly_elected:
            self._elected(raft)
        view.leads = raft.role is Role.LEADER
        view.term = raft.current_term
        view.commit_index = raft.commit_index
        view.last_index = raft.log.last_index
        view.last_term = raft.log.last_term

    def before_write(self, disk: VirtualDisk, save: Save) -> None:
        """Raise Violation if `save` would take a committed entry from a quorum.

        A server outside that quorum may lose its copy, to a late message of a leader that never committed."""
        if not save.first_index:
            return
        committed = self.invariants.committed
        for index in range(save.first_index, min(disk.last_index, len(committed)) + 1):
            row = index - save.first_index
            new_term = save.entries.terms[row] if row < len(save.entries) else 0
            if disk.term_at(index) == committed[index - 1].term != new_term:
                self._still_committed(index, disk.server_id)

    # --- One rule each ---

    def _still_committed(self, index: int, loser: ServerId) -> None:
        """A committed entry stays on a quorum of disks, also when `loser` drops it (§3.6.3)."""
        configuration = next(one for commit, one in self.quorums if commit >= index)
        term = self.invariants.committed[index - 1].term
        stored = [voter for voter in configuration.ids if voter != loser and self._has(voter, index, term)]
        if not configuration.has_quorum(stored):
            raise Violation(
                "a committed entry is for ever",
                f"{loser} drops the committed entry {index} of term {term}, "
                f"which then only {stored} of {configuration.ids} have",
            )

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
        stored = [voter for voter in configuration.ids if self._has(voter, commit, term)]
        if not configuration.has_quorum(stored):
            raise Violation(
                "a commit is on a quorum of disks",
                f"{raft.server_id} commits {commit} of term {term}, which only {stored} of {configuration.ids} have",
            )
        if commit > self.counted:
            self.counted = commit
            self.quorums.append((commit, configuration))

    def _has(self, voter: ServerId, index: int, term: int) -> bool:
        return voter in self.disks and self.disks[voter].term_at(index) == term

    def _elected(self, raft: RaftState) -> None:
        """Behind a leader stands a quorum whose votes are on their disks, its own vote included (§3.4)."""
        term, name = raft.current_term, raft.server_id
        configuration = self.views[name].configurations[-1][1]
        voted = [voter for voter in configuration.ids if voter in self.disks]
        voted = [voter for voter in voted if self.disks[voter].votes.get(term) == name]
        if not configuration.has_quorum(voted):
            raise Violation(
                "a leader has the durable votes of a quorum",
                f"{name} leads term {term}, but only the disks of {voted} of {configuration.ids} hold that vote",
            )

    def _configurations(self, raft: RaftState, view: View) -> None:
        """The last configuration in the log is the one in force, and each follows the rules of §4.1."""
        log, known = raft.log, view.configurations
        first = view.last_index + 1
        if log.last_index < view.last_index or log.term_at(view.last_index) != view.last_term:
            first = view.commit_index + 1
            while known[-1][0] >= first:
                known.pop()
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

    def _change(self, raft: RaftState, last: tuple[int, Configuration], new: Configuration, index: int) -> None:
        """A leader appends one that differs in one voter, the last one and an entry of its term being committed."""
        if last[0] > raft.commit_index or raft.log.term_at(raft.commit_index) != raft.current_term:
            raise Violation(
                "one change of the configuration at a time",
                f"{raft.server_id} appends {new.ids} at {index} after the one at {last[0]}, with entries committed "
                f"up to {raft.commit_index}, of term {raft.log.term_at(raft.commit_index)} (§4.1)",
            )
        changed = sorted(set(new.ids) ^ set(last[1].ids))
        if len(changed) > 1:
            raise Violation(
                "one voter at a time", f"{raft.server_id} goes from {last[1].ids} to {new.ids} at {index} (§4.1)"
            )
        for server in changed:
            if server in new and self.disks[server].last_index < last[0]:
                raise Violation(
                    "a new server is caught up before it votes",
                    f"{raft.server_id} adds {server}, whose log ends at {self.disks[server].last_index}, before the "
                    f"configuration at {last[0]} (§4.2.1)",
                )
