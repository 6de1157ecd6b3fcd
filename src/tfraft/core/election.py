"""Leader election (§3.4), the restriction that keeps committed entries (§3.6.1), and disruptive servers (§4.2.3)."""

from tfraft.core.messages import RequestVote, RequestVoteReply
from tfraft.core.roles import become_candidate, become_follower, become_leader
from tfraft.core.state import RaftState, Role


def on_election_timeout(raft: RaftState) -> None:
    """Nobody has led for an election timeout: stand for election, unless we have no vote to stand with (§3.4)."""
    if may_stand(raft):
        become_candidate(raft)
    else:
        raft.reset_election_timer()


def may_stand(raft: RaftState) -> bool:
    """Whether this server may lead: it votes in the configuration in force, or its removal may yet be undone.

    A server whose removal is in its log but not known to be committed still starts elections (§4.2.2): it may be the
    only one whose log is long enough to bring the removal to the others."""
    if raft.server_id in raft.configuration:
        return True
    removal_open = raft.configuration_index > raft.commit_index
    return removal_open and raft.server_id in raft.configurations[-2][1]


def on_request_vote(raft: RaftState, request: RequestVote) -> None:
    """Grant one vote a term, first come first served, to a candidate whose log is at least as up-to-date (§3.6.1).

    The reply leaves after the vote is saved. A server that hears from a leader neither votes nor takes on the
    candidate's term: a server that was removed or cut off cannot depose a working leader (§4.2.3)."""
    granted = False
    if not hears_leader(raft):
        if request.term > raft.current_term:
            become_follower(raft, request.term)
        granted = (
            request.term == raft.current_term
            and raft.voted_for in (None, request.candidate_id)
            and raft.log.is_up_to_date(request.last_log_index, request.last_log_term)
        )
    if granted:
        raft.voted_for = request.candidate_id
        raft.reset_election_timer()
    raft.replies.append((request.candidate_id, RequestVoteReply(raft.current_term, raft.server_id, granted)))


def hears_leader(raft: RaftState) -> bool:
    """Whether a leader was heard within the least election timeout; a leader always hears itself (§4.2.3)."""
    return raft.role is Role.LEADER or raft.now - raft.leader_heard_at < raft.config.election_timeout_s


def on_request_vote_reply(raft: RaftState, reply: RequestVoteReply) -> None:
    """Count a vote for the current term, each server's once, and lead with those of a majority (§3.4)."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
    elif raft.role is Role.CANDIDATE and reply.term == raft.current_term and reply.vote_granted:
        raft.votes_granted.add(reply.server_id)
        become_leader_if_elected(raft)


def on_own_vote_saved(raft: RaftState) -> None:
    """Count our own vote, now that it is on disk: counted earlier, a crash could let two servers win one term."""
    own_vote_holds = raft.saved_term == raft.current_term and raft.saved_vote == raft.server_id
    if raft.role is Role.CANDIDATE and own_vote_holds:
        raft.votes_granted.add(raft.server_id)
        become_leader_if_elected(raft)


def become_leader_if_elected(raft: RaftState) -> None:
    """Lead, once a majority of the configuration in force has voted for us."""
    if raft.configuration.has_quorum(raft.votes_granted):
        become_leader(raft)
