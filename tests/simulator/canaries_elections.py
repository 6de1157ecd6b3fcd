"""Canaries of elections (§3.4, §3.6.1)."""

from typing import Any

from tests.simulator.canary import canary
from tfraft.core import election, roles
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save
from tfraft.core.log import Log
from tfraft.core.messages import (
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from tfraft.core.raft import Raft
from tfraft.core.state import RaftState, Role

take_save = Raft._take_save


@canary(Raft, "_take_save")
def vote_is_not_saved(self: Raft) -> Save | None:
    """A vote alone is no reason to write: the reply leaves without it (PySyncObj 84)."""
    if not self.state.dirty_from and self.state.current_term == self.state.saved_term:
        self.state.saved_vote = self.state.voted_for
    return take_save(self)


become_candidate = roles.become_candidate


@canary(election, "become_candidate")
def own_vote_is_counted_before_it_is_saved(raft: RaftState) -> None:
    become_candidate(raft)
    raft.votes_granted.add(raft.server_id)
    election.become_leader_if_elected(raft)


@canary(election, "on_request_vote")
def second_candidate_gets_a_vote_too(raft: RaftState, request: RequestVote) -> None:
    """Who else was voted for in this term is not looked at."""
    granted = False
    if not election.hears_leader(raft):
        if request.term > raft.current_term:
            roles.become_follower(raft, request.term)
        granted = request.term == raft.current_term and raft.log.is_up_to_date(
            request.last_log_index, request.last_log_term
        )
    if granted:
        raft.voted_for = request.candidate_id
    raft.replies.append((request.candidate_id, RequestVoteReply(raft.current_term, raft.server_id, granted)))


@canary(Log, "is_up_to_date")
def logs_are_compared_by_length_first(self: Log, last_log_index: int, last_log_term: int) -> bool:
    """Index before term (openraft a48a3282)."""
    return (last_log_index, last_log_term) >= (self.last_index, self.last_term)


@canary(Log, "is_up_to_date")
def any_log_is_good_enough(self: Log, last_log_index: int, last_log_term: int) -> bool:
    return True


@canary(election, "on_request_vote_reply")
def votes_of_an_older_term_are_counted(raft: RaftState, reply: RequestVoteReply) -> None:
    if reply.term > raft.current_term:
        roles.become_follower(raft, reply.term)
    elif raft.role is Role.CANDIDATE and reply.vote_granted:
        raft.votes_granted.add(reply.server_id)
        election.become_leader_if_elected(raft)


@canary(Configuration, "has_quorum")
def half_of_an_even_number_is_a_quorum(self: Configuration, servers: Any) -> bool:
    granted = set(servers)
    return sum(voter in granted for voter, _ in self.voters) >= (len(self.voters) + 1) // 2


on_pre_vote = election.on_pre_vote


@canary(election, "on_pre_vote")
def a_pre_vote_goes_to_any_log(raft: RaftState, request: PreVote) -> None:
    """Who cannot win is told to stand, and disturbs everybody (§9.6)."""
    granted = request.term > raft.current_term and election.may_vote(raft) and not election.hears_leader(raft)
    reply = PreVoteReply(raft.current_term, raft.server_id, granted, pre_vote_term=request.term)
    raft.messages.append((request.candidate_id, reply))


@canary(election, "on_pre_vote")
def a_pre_vote_is_given_while_a_leader_is_heard(raft: RaftState, request: PreVote) -> None:
    heard, raft.leader_heard_at = raft.leader_heard_at, float("-inf")
    on_pre_vote(raft, request)
    raft.leader_heard_at = heard


@canary(election, "on_pre_vote_reply")
def pre_votes_of_an_older_round_are_counted(raft: RaftState, reply: PreVoteReply) -> None:
    if reply.term > raft.current_term:
        roles.become_follower(raft, reply.term)
    elif raft.role is Role.PRE_CANDIDATE and reply.vote_granted:
        raft.votes_granted.add(reply.server_id)
        election.stand_if_welcome(raft)


@canary(election, "stand_if_welcome")
def one_pre_vote_is_enough_to_stand(raft: RaftState) -> None:
    if raft.votes_granted:
        roles.become_candidate(raft)


@canary(election, "hears_leader")
def a_leader_that_is_heard_is_not_protected(raft: RaftState) -> bool:
    """Any server that was cut off or removed deposes it (§4.2.3)."""
    return raft.role is Role.LEADER


become_pre_candidate = roles.become_pre_candidate


@canary(election, "become_pre_candidate")
def a_pre_candidate_takes_the_next_term_already(raft: RaftState) -> None:
    """A server that is cut off comes back with a term above all others (§9.6)."""
    become_pre_candidate(raft)
    raft.current_term += 1
    raft.voted_for = None
