"""Canaries of replication, commitment and the disk (§3.5, §3.6.2, §3.8)."""

from tests.simulator.canary import canary
from tfraft.core import replication, roles
from tfraft.core.effects import Effects, Save
from tfraft.core.log import Log
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
)
from tfraft.core.raft import Raft
from tfraft.core.state import RaftState, Role
from tfraft.ports import OnSaved
from tfraft.simulator.disk import SimulatedState, VirtualDisk


@canary(replication, "advance_commit_index")
def entries_of_older_terms_are_committed_by_counting(raft: RaftState) -> None:
    """Figure 3.7 (LogCabin 44)."""
    stored = {server: progress.match_index for server, progress in raft.progress.items()}
    stored[raft.server_id] = raft.durable_index
    raft.commit_through(max(raft.commit_index, raft.configuration.agreed_index(stored)))


@canary(replication, "advance_commit_index")
def the_leader_counts_its_memory(raft: RaftState) -> None:
    """Its own entries count before they are on its disk (etcd 14370)."""
    stored = {server: progress.match_index for server, progress in raft.progress.items()}
    stored[raft.server_id] = raft.log.last_index
    agreed = raft.configuration.agreed_index(stored)
    if agreed > raft.commit_index and raft.log.term_at(agreed) == raft.current_term:
        raft.commit_through(agreed)


@canary(replication, "store_entries")
def a_follower_commits_what_was_not_verified(raft: RaftState, request: AppendEntries) -> None:
    """The commit index goes to the end of its own log (copycat 265)."""
    known = raft.log.matching(request.prev_log_index, request.entries)
    fresh = request.entries.skip(known)
    if fresh:
        first = request.prev_log_index + known + 1
        if first <= raft.log.last_index:
            raft.truncate_log(first)
        raft.extend_log(fresh)
    raft.commit_index = max(raft.commit_index, min(request.leader_commit, raft.log.last_index))


@canary(replication, "store_entries")
def entries_are_dropped_without_a_conflict(raft: RaftState, request: AppendEntries) -> None:
    """An old request cuts off what came after it (redpanda 25018)."""
    first = request.prev_log_index + 1
    if raft.commit_index < first <= raft.log.last_index:
        raft.truncate_log(first)
    known = raft.log.matching(request.prev_log_index, request.entries)
    raft.extend_log(request.entries.skip(known))
    verified = request.prev_log_index + len(request.entries)
    raft.commit_index = max(raft.commit_index, min(request.leader_commit, verified))


acceptance = replication.acceptance


@canary(replication, "acceptance")
def a_follower_acknowledges_all_it_has(raft: RaftState, request: AppendEntries) -> AppendEntriesReply:
    """Its own last index instead of the request's (CCF 6016)."""
    reply = acceptance(raft, request)
    reply.match_index = raft.log.last_index  # type: ignore[misc]
    return reply


@canary(Log, "holds")
def the_entry_before_is_not_checked(self: Log, index: int, term: int) -> bool:
    """Only that there is one (§3.5)."""
    return index <= self.last_index


@canary(replication, "on_append_entries_reply")
def acknowledgements_of_an_older_term_are_counted(raft: RaftState, reply: AppendEntriesReply) -> None:
    progress = raft.progress.get(reply.server_id)
    if reply.term > raft.current_term:
        roles.become_follower(raft, reply.term)
    elif raft.role is Role.LEADER and progress is not None:
        progress.heard_at = raft.now
        progress.acked_round = max(progress.acked_round, reply.read_round)
        if reply.success:
            progress.accepted(min(reply.match_index, raft.log.last_index))
        else:
            progress.rejected(reply.prev_log_index, replication.next_index_after(raft, reply))


truncate_log = RaftState.truncate_log


@canary(RaftState, "truncate_log")
def a_late_save_counts_what_was_overwritten(self: RaftState, index: int) -> None:
    """The save under way still makes its old length durable (etcd append_aba_race)."""
    saving_through = self.saving_through
    truncate_log(self, index)
    self.saving_through = saving_through


take_effects = Raft.take_effects


@canary(Raft, "take_effects")
def replies_do_not_wait_for_the_save(self: Raft) -> Effects:
    """What was said while a save was under way leaves at once."""
    effects = take_effects(self)
    early = self.state.replies
    self.state.replies = []
    effects.messages.extend(effects.replies + early)
    effects.replies.clear()
    return effects


put = SimulatedState._put


@canary(SimulatedState, "save")
def the_disk_acknowledges_before_it_is_durable(self: SimulatedState, save: Save, on_saved: OnSaved) -> None:
    put(self, save, lambda error: None)
    self._run("saved", on_saved, None)


write = VirtualDisk.write


@canary(VirtualDisk, "write")
def the_disk_forgets_the_vote(self: VirtualDisk, save: Save) -> None:
    write(self, save)
    self.voted_for = None


@canary(VirtualDisk, "write")
def the_disk_appends_and_never_overwrites(self: VirtualDisk, save: Save) -> None:
    """What a truncation should take away is still there after a restart."""
    kept = save.first_index - 1 - self.base.index
    rest = (
        self._terms[kept + len(save.entries) :],
        self._kinds[kept + len(save.entries) :],
        self._data[kept + len(save.entries) :],
    )
    write(self, save)
    if save.first_index and save.base is None:
        self._terms.extend(rest[0])
        self._kinds += rest[1]
        self._data += rest[2]
