"""§3.4: leader election."""

import pytest

from tests.servers import (
    CONFIG,
    TIMEOUT_S,
    acknowledge,
    append,
    ask,
    candidate,
    effects,
    followed_leader,
    follower_of,
    joined,
    leader,
    log,
    no_op,
    receive,
    refusal,
    role,
    save_done,
    server,
    stale_term,
    tick,
    vote,
)
from tfraft.core.effects import Save
from tfraft.core.state import Role

# --- The follower's timer ---


def test_a_follower_remains_one_while_it_receives_valid_rpcs_from_a_leader() -> None:
    """§3.4: a server remains in follower state as long as it receives valid RPCs from a leader or candidate."""
    raft = follower_of("b", term=1)
    for beat in range(1, 20):
        assert tick(raft, beat * 1.25) == effects()
        receive(raft, append("b", 1), at=beat * 1.25)
    assert role(raft) is Role.FOLLOWER


def test_no_communication_over_an_election_timeout_begins_an_election() -> None:
    """§3.4: a follower that receives no communication over the election timeout assumes that there is no leader."""
    raft = server(term=1)
    assert tick(raft, TIMEOUT_S - 0.01) == effects()
    assert tick(raft, TIMEOUT_S) != effects()
    assert role(raft) is Role.CANDIDATE


@pytest.mark.parametrize(("draw", "timeout_s"), [(0.0, 1.0), (0.25, 1.25), (0.75, 1.75)])
def test_election_timeouts_are_chosen_randomly_from_a_fixed_interval(draw: float, timeout_s: float) -> None:
    """§3.4: election timeouts are chosen randomly from a fixed interval; here it is [T, 2T)."""
    assert server(draw=draw, now=10.0).deadline == 10.0 + timeout_s * CONFIG.election_timeout_s


def test_granting_a_vote_resets_the_election_timer() -> None:
    """Figure 3.1, followers: an election starts unless the timeout sees an AppendEntries or grants a vote."""
    raft = server()
    receive(raft, ask("b", 1), at=1.0)
    assert raft.deadline == 1.0 + TIMEOUT_S


def test_refusing_a_vote_does_not_reset_the_election_timer() -> None:
    """Figure 3.1, as above: else candidates with old logs could hold back the only server that can win."""
    raft = server(term=1, entries=log(1))
    receive(raft, ask("b", 2), at=1.0)
    assert raft.deadline == TIMEOUT_S


def test_a_server_without_a_configuration_never_starts_an_election() -> None:
    """§4.4: a server that has not heard of its cluster yet waits until a leader adds it."""
    raft = server(voters="")
    assert tick(raft, raft.deadline) == effects()
    assert role(raft) is Role.FOLLOWER
    assert raft.deadline == 2 * TIMEOUT_S


# --- Standing for election ---


def test_a_candidate_increments_its_term_votes_for_itself_and_asks_all_others() -> None:
    """§3.4: it increments its current term, votes for itself and issues RequestVote RPCs in parallel."""
    raft = server(term=4, vote="c", entries=log(1, 3))
    request = ask("a", 5, last=(2, 3))
    assert tick(raft, TIMEOUT_S) == effects(save=Save(5, "a"), replies=[("b", request), ("c", request)])


def test_a_server_alone_in_its_cluster_elects_itself() -> None:
    """§3.4: a majority of one is one, and its vote counts once it is saved."""
    raft = server(voters="a")
    first = tick(raft, TIMEOUT_S)
    assert first == effects(save=Save(1, "a"))
    save_done(raft, first)
    assert role(raft) is Role.LEADER


@pytest.mark.parametrize(
    ("voters", "needed"), [("ab", ["b"]), ("abc", ["b"]), ("abcd", ["b", "c"]), ("abcde", ["b", "c"])]
)
def test_a_candidate_wins_with_votes_of_a_majority_of_the_full_cluster(voters: str, needed: list[str]) -> None:
    """§3.4: a candidate wins if it receives votes from a majority of the servers in the full cluster."""
    raft = candidate(voters=voters)
    for voter in needed:
        assert role(raft) is Role.CANDIDATE
        receive(raft, vote(voter, 1))
    assert role(raft) is Role.LEADER


def test_votes_that_are_refused_do_not_count() -> None:
    """§3.4: only votes that were granted make a majority."""
    raft = candidate()
    receive(raft, refusal("b", 1), refusal("c", 1))
    assert role(raft) is Role.CANDIDATE


def test_votes_of_an_earlier_term_do_not_count() -> None:
    """§3.4: the majority votes for the same term."""
    raft = candidate(term=3)
    assert receive(raft, vote("b", 2), vote("c", 2)) == effects()
    assert role(raft) is Role.CANDIDATE


def test_votes_of_strangers_do_not_count() -> None:
    """§3.4: the majority is of the servers of the cluster."""
    raft = candidate()
    receive(raft, vote("x", 1), vote("y", 1))
    assert role(raft) is Role.CANDIDATE


def test_votes_that_come_after_the_election_change_nothing() -> None:
    """§3.4: once a candidate wins, it is the leader."""
    raft = followed_leader()
    assert receive(raft, vote("c", 1)) == effects()


# --- Voting ---


def test_each_server_votes_for_at_most_one_candidate_in_a_term_first_come_first_served() -> None:
    """§3.4: each server will vote for at most one candidate in a given term."""
    raft = server()
    assert receive(raft, ask("b", 1), ask("c", 1)) == effects(
        save=Save(1, "b"), replies=[("b", vote("a", 1)), ("c", refusal("a", 1))]
    )


def test_a_repeated_request_gets_the_same_vote() -> None:
    """§3.4, §3.7: the vote is for the candidate, not for the message."""
    raft = server(term=1, vote="b")
    assert receive(raft, ask("b", 1)) == effects(replies=[("b", vote("a", 1))])


def test_a_candidate_does_not_vote_for_another_in_its_own_term() -> None:
    """§3.4: it has voted for itself."""
    raft = candidate()
    assert receive(raft, ask("b", 1, last=(9, 9))) == effects(replies=[("b", refusal("a", 1))])


def test_in_a_newer_term_the_vote_is_free_again() -> None:
    """§3.4: one vote in a given term."""
    raft = server(term=1, vote="b")
    assert receive(raft, ask("c", 2)) == effects(save=Save(2, "c"), replies=[("c", vote("a", 2))])


# --- After the election ---


def test_a_new_leader_sends_heartbeats_to_all_other_servers() -> None:
    """§3.4: it sends messages to all others to establish its authority and to prevent new elections (§6.4: a no-op)."""
    raft = candidate(term=2, entries=log(1))
    entries = joined(no_op(2))
    message = append("a", 2, prev=(1, 1), entries=entries)
    assert receive(raft, vote("b", 2)) == effects(
        messages=[("b", message), ("c", message)], save=Save(2, "a", 2, entries)
    )


def test_leaders_send_periodic_heartbeats_to_all_followers() -> None:
    """§3.4: AppendEntries RPCs that carry no log entries, to maintain their authority."""
    raft = followed_leader()
    due = raft.deadline
    assert due == raft.state.now + CONFIG.heartbeat_interval_s
    assert tick(raft, due - 0.01) == effects()
    beat = append("a", 1, prev=(1, 1), commit=1, sent_at=due)
    assert tick(raft, due) == effects(messages=[("b", beat), ("c", beat)])
    assert raft.deadline == due + CONFIG.heartbeat_interval_s


@pytest.mark.parametrize("term", [2, 3])
def test_a_candidate_recognizes_a_leader_whose_term_is_at_least_as_large(term: int) -> None:
    """§3.4: then it recognizes the leader as legitimate and returns to follower state."""
    raft = candidate(term=2)
    receive(raft, append("b", term))
    assert (raft.state.role, raft.state.leader_id, raft.state.current_term) == (Role.FOLLOWER, "b", term)


def test_a_candidate_rejects_a_leader_of_a_smaller_term_and_continues() -> None:
    """§3.4: if the term in the RPC is smaller, the candidate rejects it and continues in candidate state."""
    raft = candidate(term=2)
    assert receive(raft, append("b", 1)) == effects(replies=[("b", stale_term("a", 2))])
    assert role(raft) is Role.CANDIDATE


def test_a_candidate_that_neither_wins_nor_loses_starts_a_new_election() -> None:
    """§3.4: when votes are split, each candidate times out, increments its term and asks again."""
    raft = candidate(term=2)
    request = ask("a", 3)
    assert tick(raft, raft.deadline) == effects(save=Save(3, "a"), replies=[("b", request), ("c", request)])


def test_each_candidate_restarts_its_timeout_at_the_start_of_an_election() -> None:
    """§3.4: it waits for that timeout to elapse before it starts the next election."""
    raft = server()
    tick(raft, 1.75)
    assert raft.deadline == 1.75 + TIMEOUT_S


def test_votes_of_the_last_election_do_not_carry_over() -> None:
    """§3.4: in the new term nobody has voted yet, not even the candidate, until its vote is saved."""
    raft = candidate(voters="abcde")
    receive(raft, vote("b", 1))
    second = tick(raft, raft.deadline)
    assert raft.state.votes_granted == set()
    save_done(raft, second)
    receive(raft, vote("b", 2))
    assert role(raft) is Role.CANDIDATE
    receive(raft, vote("c", 2))
    assert role(raft) is Role.LEADER


def test_a_leader_that_steps_down_waits_an_election_timeout_before_it_stands_again() -> None:
    """§3.4: a follower's timer starts when it becomes one; a leader had none."""
    raft = followed_leader()
    receive(raft, refusal("b", 9), at=20.0)
    assert raft.deadline == 20.0 + TIMEOUT_S


def test_a_leader_does_not_stand_for_election() -> None:
    """Figure 3.3: a leader leaves its state only for a server of a higher term (or for want of a quorum, §6.2)."""
    raft = followed_leader()
    for _ in range(20):
        tick(raft, raft.deadline)
        receive(raft, *(acknowledge(raft, voter) for voter in "bc"))
    assert (raft.state.role, raft.state.current_term) == (Role.LEADER, 1)


def test_a_new_leader_starts_next_index_just_after_its_own_last_entry() -> None:
    """§3.5, Figure 3.1: nextIndex is initialized to the leader's last log index + 1, matchIndex to 0."""
    raft = candidate(term=2, entries=log(1, 1, 1))
    raft.receive(vote("b", 2), raft.state.now)
    place = {name: (progress.next_index, progress.match_index) for name, progress in raft.state.progress.items()}
    assert place == {"b": (4, 0), "c": (4, 0)}


def test_a_leader_elected_again_starts_with_a_clean_slate() -> None:
    """Figure 3.1: the leader's volatile state is reinitialized after each election."""
    raft = followed_leader()
    save_done(raft, receive(raft, refusal("b", 2)))
    save_done(raft, tick(raft, raft.deadline))
    raft.receive(vote("c", 3), raft.state.now)
    assert {name: progress.match_index for name, progress in raft.state.progress.items()} == {"b": 0, "c": 0}
    assert leader().state.leader_id == "a"
