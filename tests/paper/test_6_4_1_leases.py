"""§6.4.1: using clocks to reduce messaging for read-only queries: opt-in, with a bound on how clocks drift."""

from dataclasses import replace

import pytest

from tests.raftlab import Lab, Read
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    accepted,
    append,
    ask,
    effects,
    followed_leader,
    leader,
    receive,
    refusal,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.config import RaftConfig
from tfraft.core.effects import ConfirmedReads
from tfraft.core.raft import Raft
from tfraft.core.requests import Consistency, TransferLeadership
from tfraft.errors import SettingError

LEASES = replace(CONFIG, lease_reads=True, clock_drift_bound=1.25)
"""A lease is 1 s / 1.25 = 0.8 s long."""


def answered(raft: Raft, now: float) -> bool:
    """Whether a read that comes now is answered by the lease, without a message."""
    raft.query("read", now, Consistency.LEASE)
    turn = raft.take_effects()
    assert bool(turn.reads) != bool(turn.messages), "at once, or by a round of heartbeats"
    return turn.reads == [ConfirmedReads(raft.state.commit_index, ["read"])]


def test_leases_are_off_unless_somebody_turns_them_on() -> None:
    """§6.4.1: we do not recommend it unless it is necessary to meet performance requirements."""
    assert not RaftConfig().lease_reads
    raft = followed_leader()
    assert not answered(raft, raft.state.now)


def test_a_lease_begins_when_the_heartbeats_that_a_majority_answers_were_sent() -> None:
    """§6.4.1: the leader extends its lease from the start of the round, divided by the bound on clock drift."""
    start = followed_leader().state.now
    for later, expected in [(0.79, True), (0.8, False)]:
        raft = followed_leader(config=LEASES)
        receive(raft, accepted("b", 1, 1, sent_at=start), at=start + 0.5)
        assert answered(raft, start + later) == expected


def test_one_answer_of_two_is_enough_and_of_four_is_not() -> None:
    """§6.4.1: acknowledgments from a majority."""
    for voters, expected in [("abc", True), ("abcde", False)]:
        raft = followed_leader(voters=voters, config=LEASES)
        start = raft.state.now
        receive(raft, accepted("b", 1, 1, sent_at=start + 0.5), at=start + 0.75)
        assert answered(raft, start + 1.25) == expected


def test_old_answers_shorten_no_lease() -> None:
    """§6.4.1: answers overtake each other."""
    raft = followed_leader(config=LEASES)
    start = raft.state.now
    receive(raft, accepted("b", 1, 1, sent_at=start + 0.5), accepted("b", 1, 1, sent_at=start), at=start + 0.75)
    assert answered(raft, start + 1.25)


def test_a_leader_without_an_entry_of_its_own_term_has_no_lease() -> None:
    """§6.4: it does not know yet what is committed."""
    raft = leader(config=LEASES)
    receive(raft, accepted("b", 1, 0), accepted("c", 1, 0))
    raft.query("read", raft.state.now, Consistency.LEASE)
    assert raft.take_effects() == effects()


def test_a_server_alone_needs_no_lease() -> None:
    """§6.4.1: it is its own majority, now."""
    raft = followed_leader(voters="a", config=LEASES)
    raft.query("read", raft.state.now + 60.0, Consistency.LEASE)
    assert raft.take_effects().reads == [ConfirmedReads(1, ["read"])]


def test_who_may_have_elected_another_by_order_of_the_leader_gives_no_lease() -> None:
    """§6.4.1 with §3.10: the leader's lease would not be valid once it has told another to start an election."""
    raft = followed_leader(config=LEASES)
    assert answered(raft, raft.state.now)
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    raft.take_effects()
    assert not answered(raft, raft.state.now)


def test_after_a_transfer_that_failed_there_is_no_lease_in_this_term() -> None:
    """§6.4.1 with §3.10: TimeoutNow may still be on its way."""
    raft = followed_leader(config=LEASES)
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    raft.take_effects()
    now = raft.state.now + 1.0
    receive(raft, accepted("b", 1, 1, sent_at=now), accepted("c", 1, 1, sent_at=now), at=now)
    tick(raft, now)
    assert raft.state.transfer is None
    assert not answered(raft, now)


def test_in_the_next_term_there_is_one_again() -> None:
    """§6.4.1, as above: TimeoutNow is of one term."""
    raft = followed_leader(config=LEASES)
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    settle(raft)
    save_done(raft, receive(raft, refusal("c", 2)))
    tick(raft, raft.state.election_deadline - 0.1)
    save_done(raft, tick(raft, raft.state.election_deadline))
    save_done(raft, receive(raft, vote("b", 3)))
    receive(raft, accepted("b", 3, 2, sent_at=raft.state.now))
    assert raft.state.has_committed_in_term
    assert answered(raft, raft.state.now)


def test_a_server_that_has_restarted_votes_for_nobody_for_an_election_timeout() -> None:
    """§6.4.1: it may have answered a leader just before it stopped, and that leader counts on it."""
    raft = server(config=LEASES, now=10.0)
    assert receive(raft, ask("b", 1), at=10.75).replies == [("b", refusal("a", 0))]
    assert receive(raft, ask("b", 1), at=11.0).replies == [("b", vote("a", 1))]
    assert receive(server(now=10.0), ask("b", 1), at=10.0).replies == [("b", vote("a", 1))], "no leases, no waiting"


def test_a_lease_is_shorter_than_any_election() -> None:
    """§6.4.1: followers wait for an election timeout from when they heard; the lease is over before."""
    lab = Lab(config=replace(PRE_VOTE, lease_reads=True))
    lab.elect("a")
    lab.heartbeat("a")
    lab.partition("a", "bc")
    lab.query("a", "in time", Consistency.LEASE)
    assert lab.outcomes["in time"] == Read(1)
    lab.now += 1.0
    lab.time_out("b")
    lab.deliver_all()
    assert lab.leaders[-1] == "b"
    lab.propose("b", "x")
    lab.deliver_all()
    lab.query("a", "too late", Consistency.LEASE)
    assert "too late" not in lab.outcomes


def test_a_message_that_took_long_gives_a_short_lease() -> None:
    """§6.4.1: what counts is when it was sent: the follower has promised nothing about the time since."""
    raft = followed_leader(config=LEASES)
    start = raft.state.now
    receive(raft, accepted("b", 1, 1, sent_at=start), at=start + 0.75)
    assert not answered(raft, start + 0.9)


@pytest.mark.parametrize("bound", [0.9, 0.0, -1.0])
def test_a_bound_on_drift_below_one_is_refused(bound: float) -> None:
    """§6.4.1: a lease longer than the election timeout would protect nobody."""
    with pytest.raises(SettingError, match="a factor of at least 1"):
        RaftConfig(clock_drift_bound=bound)


def test_append_entries_carries_the_leaders_clock_and_the_answer_brings_it_back() -> None:
    """§6.4.1: the round that an answer belongs to need not be remembered."""
    raft = server(term=1)
    turn = receive(raft, append("b", 1, sent_at=77.5))
    assert turn.replies == [("b", accepted("a", 1, 0, sent_at=77.5))]
