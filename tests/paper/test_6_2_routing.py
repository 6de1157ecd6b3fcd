"""§6.2: routing requests to the leader; and a leader that has lost its cluster."""

import pytest

from tests.servers import (
    CONFIG,
    accepted,
    acknowledge,
    append,
    effects,
    followed_leader,
    follower_of,
    leader,
    not_leader,
    receive,
    refusal,
    role,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.raft import Raft
from tfraft.core.state import Role


def beat(raft: Raft, *answering: str) -> None:
    """One heartbeat, which these servers answer."""
    raft.tick(raft.deadline)
    raft.take_effects()
    for name in answering:
        raft.receive(acknowledge(raft, name), raft.state.now)
    raft.take_effects()


def test_a_leader_steps_down_if_an_election_timeout_passes_without_answers_of_a_majority() -> None:
    """§6.2: a leader steps down if an election timeout elapses without a successful round of heartbeats."""
    raft = followed_leader()
    for _ in range(5):
        assert role(raft) is Role.LEADER
        beat(raft)
    assert (raft.state.role, raft.state.leader_id, raft.state.current_term) == (Role.FOLLOWER, None, 1)


def test_a_leader_that_hears_a_majority_goes_on() -> None:
    """§6.2: one of two others is enough."""
    raft = followed_leader()
    for _ in range(40):
        beat(raft, "b")
    assert role(raft) is Role.LEADER


def test_the_majority_may_be_another_at_each_heartbeat() -> None:
    """§6.2: what counts is that a majority has been heard within the last election timeout."""
    raft = followed_leader()
    for number in range(40):
        beat(raft, "bc"[number % 2])
    assert role(raft) is Role.LEADER


def test_two_of_five_do_not_keep_a_leader() -> None:
    """§6.2: a majority of the full cluster."""
    raft = followed_leader(voters="abcde")
    for _ in range(5):
        beat(raft, "b")
    assert role(raft) is Role.FOLLOWER


def test_a_new_leader_has_an_election_timeout_to_be_answered() -> None:
    """§6.2: the votes were answers, too."""
    raft = leader()
    raft.tick(raft.state.now + CONFIG.election_timeout_s)
    assert role(raft) is Role.LEADER
    raft.tick(raft.state.now + 0.01)
    assert role(raft) is Role.FOLLOWER


def test_a_leader_alone_in_its_cluster_goes_on() -> None:
    """§6.2: it is a majority by itself."""
    raft = server(voters="a")
    save_done(raft, tick(raft, raft.deadline))
    settle(raft)
    for _ in range(40):
        beat(raft)
    assert role(raft) is Role.LEADER


def test_a_leader_whose_disk_hangs_steps_down() -> None:
    """§6.2, extended: it cannot commit, but its heartbeats would keep the others from electing one that can."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    assert raft.take_effects().save is not None
    for _ in range(4):
        beat(raft, "b", "c")
    assert role(raft) is Role.LEADER
    beat(raft, "b", "c")
    assert role(raft) is Role.FOLLOWER


def test_a_leader_whose_disk_hangs_steps_down_though_reads_keep_coming() -> None:
    """§6.2, as above: a round of reads is a heartbeat, too, and must not put off the look at the disk."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    assert raft.take_effects().save is not None
    start = raft.state.now
    for step in range(1, 12):
        raft.tick(start + step * 0.125)
        raft.query(step, raft.state.now)
        raft.take_effects()
        receive(raft, acknowledge(raft, "b"), acknowledge(raft, "c"))
    assert role(raft) is Role.FOLLOWER


def test_who_waits_for_a_read_is_sent_away_when_the_leader_steps_down() -> None:
    """§6.2: it must not delay client requests indefinitely; the client tries another server."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    raft.query("second", raft.state.now)
    raft.take_effects()
    assert tick(raft, raft.state.now + 1.25).settled == [not_leader("second"), not_leader("read")]


def test_who_waits_for_a_write_goes_on_waiting_when_the_leader_steps_down() -> None:
    """§6.2, §3.6.2: the entry may still be committed, by this server or another; NOT_LEADER would be a lie."""
    raft = followed_leader()
    raft.propose(b"x", "write")
    settle(raft)
    assert receive(raft, refusal("b", 2)).settled == []


@pytest.mark.parametrize("leader_id", ["b", "c"])
def test_a_server_that_is_not_the_leader_returns_the_leader_if_known(leader_id: str) -> None:
    """§6.2: it rejects the request and returns the leader's id to the client."""
    raft = follower_of(leader_id)
    settle(raft)
    raft.propose(b"x", "write")
    raft.query("read", raft.state.now)
    assert raft.take_effects() == effects(settled=[not_leader("write", leader_id), not_leader("read", leader_id)])


def test_a_leader_that_lost_its_term_knows_no_leader_until_it_hears_one() -> None:
    """§6.2: a wrong hint would send the client in circles."""
    raft = followed_leader()
    save_done(raft, receive(raft, refusal("b", 2)))
    raft.query("early", raft.state.now)
    assert raft.take_effects().settled == [not_leader("early")]
    receive(raft, append("c", 2))
    raft.query("late", raft.state.now)
    assert raft.take_effects().settled == [not_leader("late", "c")]


def test_a_candidate_knows_no_leader() -> None:
    """§6.2, as above: it stands because it has not heard the one it knew."""
    raft = follower_of("b")
    settle(raft)
    save_done(raft, tick(raft, raft.deadline))
    raft.query("read", raft.state.now)
    assert raft.take_effects().settled == [not_leader("read")]


def test_a_deposed_leader_points_to_the_one_that_deposed_it() -> None:
    """§6.2, as above: what it has learned from AppendEntries it tells those who waited."""
    raft = followed_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    assert receive(raft, append("c", 2)).settled == [not_leader("read", "c")]


def test_a_rejection_of_the_same_term_is_an_answer_like_any_other() -> None:
    """§6.2: the follower is alive and follows; its log is another matter."""
    raft = followed_leader()
    for _ in range(10):
        raft.tick(raft.deadline)
        raft.take_effects()
        raft.receive(accepted("c", 1, 0), raft.state.now)
        raft.take_effects()
    assert role(raft) is Role.LEADER
