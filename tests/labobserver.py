"""What an observer of the laboratory sees, who sees all disks and all time: checks that no server could make."""

from tests.labdisk import Machine, holds, last_index
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Envelope
from tfraft.core.invariants import ClusterInvariants
from tfraft.core.messages import AppendEntriesReply, RequestVote, RequestVoteReply
from tfraft.core.raft import Raft
from tfraft.core.state import RaftState, ReadRound, Role


class Observer:
    """The machines, and what is known of the cluster as a whole."""

    def __init__(self) -> None:
        self.machines: dict[ServerId, Machine] = {}
        self.invariants = ClusterInvariants()
        self.heard: dict[tuple[int, ServerId], int] = {}
        """The latest round of reads of each term's leader that each server has seen, by (term, server)."""
        self.lost: list[tuple[ServerId, Machine]] = []
        """What disks held that were lost: what was acknowledged from there may still be counted."""

    def raft(self, name: ServerId) -> Raft:
        """The running server of this name."""
        raft = self.machines[name].raft
        assert raft is not None, f"{name} is down"
        return raft

    def _check_promises(self, name: ServerId, replies: list[Envelope]) -> None:
        """What promises that something is on disk leaves only when it is."""
        disk = self.machines[name].disk
        for receiver, reply in replies:
            match reply:
                case RequestVote():
                    promise = (disk.current_term, disk.voted_for) == (reply.term, name)
                    if self.raft(name).state.role is Role.CANDIDATE:
                        promise = promise and last_index(disk) >= reply.last_log_index
                case RequestVoteReply(vote_granted=True):
                    promise = (disk.current_term, disk.voted_for) == (reply.term, receiver)
                case AppendEntriesReply(success=True):
                    promise = disk.current_term == reply.term and self._stored(name, reply)
                case _:
                    promise = disk.current_term == reply.term
            assert promise, f"{name} promises {reply} to {receiver} with this on its disk: {disk}"

    def _stored(self, name: ServerId, reply: AppendEntriesReply) -> bool:
        """Whether the disk of `name` holds what a leader of the reply's term has through `match_index`."""
        disk, raft = self.machines[name].disk, self.machines[self.invariants.leaders[reply.term]].raft
        if raft is None or raft.state.current_term != reply.term or raft.state.role is not Role.LEADER:
            return last_index(disk) >= reply.match_index
        theirs = raft.state.log
        shared = max(disk.base.index, theirs.base_index)
        ours = disk.entries.skip(shared - disk.base.index)
        return last_index(disk) >= reply.match_index and all(
            ours[row] == theirs.entry(index) for row, index in enumerate(range(shared + 1, reply.match_index + 1))
        )

    def _check_round_was_heard(self, state: RaftState, before: ReadRound | None) -> None:
        """A round of reads that is confirmed was seen by a majority, each while it followed this leader."""
        if before is None or state.open_round is before or state.role is not Role.LEADER:
            return
        heard = [name for name in self.machines if self.heard.get((state.current_term, name), 0) >= before.number]
        voters = {state.server_id, *heard}
        confirmed = any(configuration.has_quorum(voters) for _, configuration in state.configurations)
        assert confirmed, (
            f"{state.server_id} confirms round {before.number} of term {state.current_term}, seen only by {heard}"
        )

    def _check_nothing_is_left_to_save(self, name: ServerId) -> None:
        """Where nothing is to be saved and nothing is being saved, the disk holds what the memory does."""
        machine, state = self.machines[name], self.raft(name).state
        if machine.writing is None:
            disk = machine.disk
            assert (disk.current_term, disk.voted_for) == (state.current_term, state.voted_for)
            assert disk.base == state.base_at(state.log.base_index), f"{name}: disk and memory begin differently"
            rows = state.log.read(state.log.base_index + 1, state.log.last_index)
            assert disk.entries == rows, f"{name}: disk and memory differ"

    def _check_commits_are_on_disks(self, configuration: Configuration, committed_before: int) -> None:
        """What somebody has just committed as the first is on the disks of a majority."""
        for index, entry in enumerate(self.invariants.committed[committed_before:], committed_before + 1):
            disks = [*self.machines.items(), *self.lost]
            holders = [name for name, machine in disks if holds(machine, index, entry)]
            assert configuration.has_quorum(holders), (
                f"{entry} is committed at {index}, but only on the disks of {holders}"
            )
