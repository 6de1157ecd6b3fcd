"""Leader election: §3.4, the restriction that keeps committed entries (§3.6.1), disruptive servers (§4.2.3, §9.6)."""

from tfraft.core.messages import PreVote, PreVoteReply, RequestVote, RequestVoteReply
from tfraft.core.roles import become_candidate, become_follower, become_leader, become_pre_candidate
from tfraft.core.state import RaftState, Role


def on_election_timeout(raft: RaftState) -> None:
    """Nobody has led for an election timeout: stand for election, unless we have no vote to stand with (§3.4)."""
    if not may_stand(raft):
        raft.reset_election_timer()
    elif raft.config.pre_vote:
        become_pre_candidate(raft)
        stand_if_welcome(raft)
    else:
        become_candidate(raft)


def may_stand(raft: RaftState) -> bool:
    """Whether this server may lead: it has a vote in the configuration in force, or its removal may yet be undone.

    A server whose removal is in its log but not known to be committed still starts elections (§4.2.2): it may be the
    only one whose log is long enough to bring the removal to the others."""
    if not may_vote(raft):
        return False
    removal_open = raft.configuration_index > raft.commit_index
    places = raft.configurations[-2:] if removal_open else raft.configurations[-1:]
    return any(configuration.speaks(raft.server_id, raft.incarnation) for _, configuration in places)


def may_vote(raft: RaftState) -> bool:
    """Whether this server has ever been told of a cluster: by a founding, by an entry or by a snapshot.

    A member has been, before it got its vote (§4.2.1). One that has not is new, or has lost its disk without knowing
    it, and with it the memory of how it voted: it must not vote again. One that knows may: its vote does not count
    before it has been given one anew (see `repair`)."""
    return raft.log.last_index > 0 or bool(raft.configuration.members)


def on_pre_vote(raft: RaftState, request: PreVote) -> None:
    """Say whether we would vote so: in a term above ours, for a log as up-to-date, with no leader heard (§9.6).

    The reply tells our term, granted or not: a server that is behind must catch up in term before it can win."""
    granted = (
        request.term > raft.current_term
        and may_vote(raft)
        and not hears_leader(raft)
        and raft.log.is_up_to_date(request.last_log_index, request.last_log_term)
    )
    term, name = raft.current_term, raft.server_id
    reply = PreVoteReply(term, name, granted, pre_vote_term=request.term, incarnation=raft.incarnation)
    raft.messages.append((request.candidate_id, reply))


def on_pre_vote_reply(raft: RaftState, reply: PreVoteReply) -> None:
    """Count who would vote for us in the next term, and stand once a majority would (§9.6)."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
    elif raft.role is Role.PRE_CANDIDATE and reply.pre_vote_term == raft.current_term + 1:
        count_vote(raft, reply)
        stand_if_welcome(raft)


def stand_if_welcome(raft: RaftState) -> None:
    """Stand for election, once a majority of the configuration in force would vote for us."""
    if raft.configuration.has_quorum(raft.votes_granted):
        become_candidate(raft)


def on_request_vote(raft: RaftState, request: RequestVote) -> None:
    """Grant one vote a term, first come first served, to a candidate whose log is at least as up-to-date (§3.6.1).

    The reply leaves after the vote is saved. A server that hears from a leader neither votes nor takes on the
    candidate's term: a server that was removed or cut off cannot depose a working leader (§4.2.3). Unless that leader
    has asked for the election itself (§3.10)."""
    granted = False
    if request.leadership_transfer or not hears_leader(raft):
        if request.term > raft.current_term:
            become_follower(raft, request.term)
        granted = (
            request.term == raft.current_term
            and may_vote(raft)
            and raft.voted_for in (None, request.candidate_id)
            and raft.log.is_up_to_date(request.last_log_index, request.last_log_term)
        )
    if granted:
        if raft.role is Role.PRE_CANDIDATE:
            become_follower(raft, raft.current_term)
        raft.voted_for = request.candidate_id
        raft.reset_election_timer()
    reply = RequestVoteReply(raft.current_term, raft.server_id, granted, raft.incarnation)
    raft.replies.append((request.candidate_id, reply))


def hears_leader(raft: RaftState) -> bool:
    """Whether a leader was heard within the least election timeout; a leader always hears itself (§4.2.3)."""
    return raft.role is Role.LEADER or raft.now - raft.leader_heard_at < raft.config.election_timeout_s


def on_request_vote_reply(raft: RaftState, reply: RequestVoteReply) -> None:
    """Count a vote for the current term, each server's once, and lead with those of a majority (§3.4)."""
    if reply.term > raft.current_term:
        become_follower(raft, reply.term)
    elif raft.role is Role.CANDIDATE and reply.term == raft.current_term:
        count_vote(raft, reply)
        become_leader_if_elected(raft)


def count_vote(raft: RaftState, reply: PreVoteReply | RequestVoteReply) -> None:
    """Note who would vote for us, or has: a server counts in the incarnation that was given the vote (see `repair`)."""
    if reply.vote_granted and raft.configuration.speaks(reply.server_id, reply.incarnation):
        raft.votes_granted.add(reply.server_id)


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
