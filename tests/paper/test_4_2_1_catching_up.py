"""§4.2.1: catching up new servers: without a vote first, so that they cannot hold up commits."""

from tests.servers import (
    CONFIG,
    accepted,
    acknowledge,
    append,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    leader,
    log,
    no_op,
    receive,
    refused,
    rejected,
    role,
    settle,
)
from tfraft.core.effects import Save
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer
from tfraft.core.state import Role


def adding_leader() -> Raft:
    """A leader of a, b, c with 3 entries that has just begun to add `d`, and has sent it the first probe."""
    raft = followed_leader(term=2, entries=log(1, 1))
    raft.change_membership(AddServer("d", "host:4"), "add")
    raft.take_effects()
    return raft


def test_the_leader_replicates_entries_to_a_new_server_at_once() -> None:
    """§4.2.1: the new server joins as a non-voting member; the leader replicates log entries to it."""
    raft = followed_leader(term=2, entries=log(1, 1))
    raft.change_membership(AddServer("d", "host:4"), "add")
    probe = append("a", 2, prev=(3, 2), commit=3)
    assert raft.take_effects() == effects(messages=[(name, probe) for name in "bcd"])
    whole = append("a", 2, entries=joined(log(1, 1), no_op(2)), commit=3)
    assert receive(raft, rejected("d", 2, prev=3, conflict=(1, 0))) == effects(messages=[("d", whole)])


def test_the_leader_finds_an_empty_log_with_one_rejection() -> None:
    """§4.2.1: followers can return the length of their logs, so that the leader need not go back entry by entry."""
    raft = adding_leader()
    receive(raft, rejected("d", 2, prev=3, conflict=(1, 0)))
    assert raft.state.progress["d"].next_index == 1


def test_a_server_that_is_caught_up_gets_its_vote() -> None:
    """§4.2.1: the reconfiguration happens once the new server's log is up to date."""
    raft = adding_leader()
    entries = joined(configuration_entry(2, {"a": "", "b": "", "c": "", "d": "host:4"}))
    assert receive(raft, accepted("d", 2, 3)).save == Save(2, "a", 4, entries)


def test_a_new_server_that_has_not_all_entries_of_the_round_gets_none() -> None:
    """§4.2.1: a round replicates all the entries that were in the leader's log at the start of the round."""
    raft = adding_leader()
    assert receive(raft, accepted("d", 2, 2)).save is None


def test_entries_that_came_during_a_quick_round_do_not_hold_the_server_back() -> None:
    """§4.2.1: if a round lasts less than an election timeout, what is left is few enough not to stop the cluster."""
    raft = adding_leader()
    raft.propose(b"x", "x")
    settle(raft)
    save = receive(raft, accepted("d", 2, 3)).save
    assert save is not None
    assert save.first_index == 5


def test_after_a_slow_round_another_begins_with_what_has_come_meanwhile() -> None:
    """§4.2.1: the algorithm waits a fixed number of rounds; the leader aborts if the last was slow."""
    raft = adding_leader()
    raft.propose(b"x", "x")
    settle(raft)
    now = raft.state.now + CONFIG.election_timeout_s
    assert receive(raft, accepted("d", 2, 3), at=now).save is None
    save = receive(raft, accepted("d", 2, 4), at=now + 0.5).save
    assert save is not None
    assert save.first_index == 5


def test_a_round_of_exactly_an_election_timeout_is_slow() -> None:
    """§4.2.1: less than an election timeout."""
    raft = adding_leader()
    assert receive(raft, accepted("d", 2, 3), at=raft.state.now + CONFIG.election_timeout_s).save is None


def test_a_server_whose_last_round_is_still_slow_is_given_up() -> None:
    """§4.2.1: the leader aborts the change with an error; the caller may always try again."""
    raft = adding_leader()
    for index in (4, 5):
        raft.propose(b"x", index)
        settle(raft)
        assert receive(raft, accepted("d", 2, index - 1), at=raft.state.now + 1.0).settled == []
    last = receive(raft, accepted("d", 2, 5), at=raft.state.now + 1.0)
    assert last.settled == [refused("add", "d is too slow: 3 rounds did not catch it up", "a")]
    assert sorted(raft.state.progress) == ["b", "c"]
    assert raft.state.change is None


def test_the_last_round_may_still_be_the_quick_one() -> None:
    """§4.2.1, as above: three rounds are allowed here, and the third is quick."""
    raft = adding_leader()
    for index in (4, 5):
        raft.propose(b"x", index)
        settle(raft)
        receive(raft, accepted("d", 2, index - 1), at=raft.state.now + 1.0)
    save = receive(raft, accepted("d", 2, 5)).save
    assert save is not None
    assert save.first_index == 6


def keep_followers(raft: Raft, now: float) -> None:
    """The voters answer, so that the leader goes on leading; the newcomer is silent."""
    for voter in "bc":
        raft.receive(acknowledge(raft, voter), now)
    raft.tick(now)


def test_an_unavailable_server_is_given_up_after_a_while() -> None:
    """§4.2.1: the leader should abort if the new server is unavailable: then it will never be caught up."""
    raft = adding_leader()
    start = raft.state.now
    keep_followers(raft, start + CONFIG.catch_up_timeout_s)
    assert settle(raft).settled == []
    keep_followers(raft, start + CONFIG.catch_up_timeout_s + 0.25)
    assert settle(raft).settled == [refused("add", "d made no progress for 4 s", "a")]
    assert "d" not in raft.state.progress


def test_a_server_that_makes_progress_is_not_given_up() -> None:
    """§4.2.1, as above: only silence ends it, not size."""
    raft = adding_leader()
    start = raft.state.now
    raft.receive(accepted("d", 2, 1), start + 3.0)
    keep_followers(raft, start + 3.0)
    settle(raft)
    keep_followers(raft, start + 6.0)
    assert settle(raft).settled == []
    assert raft.state.change is not None


def test_progress_is_more_entries_not_more_answers() -> None:
    """§4.2.1, as above: a server that answers and stores nothing is given up as well."""
    raft = adding_leader()
    start = raft.state.now
    raft.receive(accepted("d", 2, 1), start + 1.0)
    settle(raft)
    raft.receive(accepted("d", 2, 1), start + 4.0)
    settle(raft)
    keep_followers(raft, start + 5.25)
    assert [settled.token for settled in settle(raft).settled] == ["add"]


def test_a_server_that_is_caught_up_and_waits_for_the_leaders_first_commit_is_not_given_up() -> None:
    """§4.2.1 with raft-dev 2015: it has done its part."""
    raft = leader(term=2, entries=log(1))
    raft.change_membership(AddServer("d"), "add")
    settle(raft)
    receive(raft, accepted("d", 2, 2))
    raft.tick(raft.state.now + 0.5)
    raft.receive(accepted("b", 2, 1), raft.state.now)
    for _ in range(10):
        raft.tick(raft.state.now + CONFIG.election_timeout_s)
        raft.receive(accepted("b", 2, 1), raft.state.now)
        assert settle(raft).settled == []
    receive(raft, accepted("b", 2, 2))
    assert raft.state.change is None


def test_the_answers_of_a_new_server_confirm_no_leadership() -> None:
    """§4.2.1 with §6.2: a non-voting member is no part of any majority."""
    raft = adding_leader()
    raft.receive(accepted("d", 2, 1), raft.state.now + 1.25)
    raft.tick(raft.state.now)
    assert role(raft) is Role.FOLLOWER


def test_who_asks_for_the_leader_while_a_server_is_added_gets_its_address() -> None:
    """§6.2: the leader's address is in the configuration."""
    raft = adding_leader()
    assert raft.state.address_of("d") == "host:4"
    assert raft.state.address_of("e") == ""
