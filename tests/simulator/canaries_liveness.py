"""Canaries under which nothing wrong happens, but nothing right either."""

from tests.simulator.canary import canary
from tfraft.core import election, replication, roles
from tfraft.core.progress import Progress
from tfraft.core.raft import Raft
from tfraft.core.state import RaftState, Role


@canary(Progress, "rejected")
def the_next_index_never_falls(self: Progress, prev_log_index: int, next_index: int) -> None:
    self.awaiting_probe = False


@canary(replication, "steps_down_without_quorum")
def a_leader_never_gives_up(raft: RaftState) -> bool:
    return False


@canary(RaftState, "reset_election_timer")
def election_timeouts_are_all_alike(self: RaftState) -> None:
    self.election_deadline = self.now + self.config.election_timeout_s


@canary(Raft, "tick")
def a_hung_disk_goes_unnoticed_under_reads(self: Raft, now: float) -> None:
    """Only a heartbeat that is due looks at the disk, and each read puts it off (ours; hashicorp 683)."""
    raft = self.state
    raft.now = now
    if now < self.deadline:
        return
    if raft.role is not Role.LEADER:
        election.on_election_timeout(raft)
    elif replication.steps_down_without_quorum(raft):
        roles.become_follower(raft, raft.current_term)
    else:
        replication.on_heartbeat_timeout(raft)
