"""§4.2.3: disruptive servers: one that was removed, or cut off, cannot depose a working leader."""

import pytest

from tests.raftlab import Lab
from tests.servers import (
    append,
    ask,
    effects,
    followed_leader,
    follower_of,
    receive,
    refusal,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.state import Role


def test_a_server_that_hears_from_a_leader_neither_votes_nor_takes_on_the_term() -> None:
    """§4.2.3: within the minimum election timeout of hearing from a current leader, it does not update its term."""
    raft = follower_of("b", term=3)
    settle(raft)
    assert receive(raft, ask("c", 9, last=(9, 9)), at=0.75) == effects(replies=[("c", refusal("a", 3))])


@pytest.mark.parametrize(("at", "granted"), [(0.99, False), (1.0, True)])
def test_the_minimum_election_timeout_is_what_counts(at: float, granted: bool) -> None:
    """§4.2.3: after it the leader may have failed, and elections must be possible (§3.4)."""
    raft = follower_of("b", term=3)
    settle(raft)
    assert receive(raft, ask("c", 4), at=at).replies == [("c", (vote("a", 4) if granted else refusal("a", 3)))]


def test_a_leader_is_not_deposed_by_a_request_vote() -> None:
    """§4.2.3: a leader that is able to get heartbeats to its cluster is not deposed by larger term numbers."""
    raft = followed_leader(term=3)
    assert receive(raft, ask("z", 9, last=(9, 9))) == effects(replies=[("z", refusal("a", 3))])
    assert role(raft) is Role.LEADER


def test_a_candidate_hears_no_leader() -> None:
    """§4.2.3: an election goes on as ever where there is no leader."""
    raft = follower_of("b", term=3)
    settle(raft)
    save_done(raft, tick(raft, raft.deadline))
    assert receive(raft, ask("c", 5)).replies[-1] == ("c", vote("a", 5))


def test_a_request_of_a_deposed_leader_does_not_make_a_server_deaf() -> None:
    """§4.2.3: of a *current* leader: what an old one says is rejected and counts for nothing."""
    raft = server(term=3)
    receive(raft, append("b", 2), at=1.0)
    assert receive(raft, ask("c", 4), at=1.25).replies == [("c", vote("a", 4))]


def test_a_removed_server_that_does_not_know_it_cannot_depose_the_leader() -> None:
    """§4.2.3: it gets no heartbeats, times out, and asks with ever newer terms; the others' term does not grow."""
    lab = Lab("abcd")
    lab.elect("a")
    lab.partition("abc", "d")
    lab.remove_server("a", "d")
    lab.run(20.0)
    lab.heal()
    for _ in range(20):
        lab.run(1.0)
    assert lab.leaders == ["a"]
    assert {lab.raft(name).state.current_term for name in "abc"} == {1}
    assert lab.raft("d").state.current_term > 5
