"""Canaries of servers that have lost their disk (§3.8)."""

from collections.abc import Iterator

from tests.simulator.canary import canary
from tfraft.core import election, repair
from tfraft.core.configuration import ServerId
from tfraft.core.messages import PreVoteReply, RequestVoteReply
from tfraft.core.progress import Progress
from tfraft.core.state import Change, RaftState


@canary(election, "count_vote")
def a_vote_counts_whatever_its_voter_has_forgotten(raft: RaftState, reply: PreVoteReply | RequestVoteReply) -> None:
    """It may have given another in the same term."""
    if reply.vote_granted:
        raft.votes_granted.add(reply.server_id)


@canary(RaftState, "speaking")
def who_has_lost_its_disk_is_counted_all_the_same(self: RaftState) -> Iterator[tuple[ServerId, Progress]]:
    """By a leader that it had left, and does not remember to have left."""
    yield from self.progress.items()


@canary(repair, "restore_votes")
def a_vote_passes_to_the_new_incarnation_in_one_step(raft: RaftState) -> None:
    """Majorities of before and after need not share a disk."""
    configuration = raft.configuration
    for server, progress in raft.progress.items():
        if server in configuration and configuration.incarnation_of(server) < progress.incarnation:
            goal = configuration.with_incarnations({server: progress.incarnation})
            raft.change = raft.change or Change(server, goal, token=None)


@canary(repair, "give_vote")
def a_vote_is_never_given_back(raft: RaftState, server: ServerId) -> None:
    """One server fewer votes with each disk that is lost."""


@canary(repair, "end_repair")
def a_server_is_never_told_that_it_is_repaired(raft: RaftState) -> bool:
    """It would say so for ever, and be refused where a whole one is wanted."""
    return False
