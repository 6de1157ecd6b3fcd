"""§3.8: what must be on disk, and before what."""

from tests.raftlab import Done, Lab
from tests.servers import (
    TIMEOUT_S,
    accepted,
    append,
    ask,
    effects,
    follower_of,
    joined,
    log,
    no_op,
    receive,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.effects import Committed, Effects, Save
from tfraft.core.state import Role


def test_a_server_persists_its_current_term_and_vote_before_its_vote_leaves() -> None:
    """§3.8: this prevents the server from voting twice in the same term."""
    raft = server()
    assert receive(raft, ask("b", 1)) == effects(save=Save(1, "b"), replies=[("b", vote("a", 1))])


def test_a_vote_in_a_term_that_is_known_already_is_persisted_as_well() -> None:
    """§3.8, as above: the vote alone is worth a save."""
    raft = server(term=1)
    assert receive(raft, ask("b", 1)) == effects(save=Save(1, "b"), replies=[("b", vote("a", 1))])


def test_replies_are_carried_out_after_the_save() -> None:
    """§3.8: the order of the fields of Effects is the order of the world."""
    order = ("messages", "save", "replies", "repaired", "pieces", "installed", "committed", "reads", "settled")
    assert Effects.__match_args__ == order


def test_a_new_term_is_persisted_even_where_no_vote_is_given() -> None:
    """§3.8: so that the server cannot replace newer entries with those of a deposed leader."""
    raft = server(term=1, entries=log(1))
    assert receive(raft, ask("b", 2)).save == Save(2, None)


def test_a_candidate_persists_term_and_vote_before_it_asks() -> None:
    """§3.8: each server persists its current term and vote before it asks others for theirs."""
    raft = server()
    assert tick(raft, TIMEOUT_S).save == Save(1, "a")


def test_new_entries_are_persisted_before_they_are_acknowledged() -> None:
    """§3.8: each server also persists new log entries before they count towards their commitment."""
    raft = follower_of("b")
    assert receive(raft, append("b", 1, entries=log(1, 1))) == effects(
        save=Save(1, None, 1, log(1, 1)), replies=[("b", accepted("a", 1, 2, prev=0))]
    )


def test_what_comes_during_a_save_is_acknowledged_after_the_next() -> None:
    """§3.8, as above: one save at a time, and no promise about what it does not hold."""
    raft = follower_of("b")
    first = receive(raft, append("b", 1, entries=log(1)))
    assert receive(raft, append("b", 1, prev=(1, 1), entries=log(1, first=2))) == effects()
    save_done(raft, first)
    assert raft.take_effects() == effects(
        save=Save(1, None, 2, log(1, first=2)), replies=[("b", accepted("a", 1, 2, prev=1))]
    )


def test_an_entry_that_is_being_saved_is_not_acknowledged_when_it_comes_again() -> None:
    """§3.8, as above: that it is in memory is not enough."""
    raft = follower_of("b")
    request = append("b", 1, entries=log(1))
    first = receive(raft, request)
    assert receive(raft, request) == effects()
    save_done(raft, first)
    assert raft.take_effects() == effects(replies=[("b", accepted("a", 1, 1, prev=0))])


def test_a_heartbeat_is_answered_at_once_when_the_disk_is_idle() -> None:
    """§3.8: what changes nothing that is persisted waits for nothing."""
    raft = follower_of("b")
    assert receive(raft, append("b", 1)) == effects(replies=[("b", accepted("a", 1, 0))])


def test_nothing_is_saved_twice() -> None:
    """§3.8: what is on disk is on disk."""
    raft = server()
    save_done(raft, receive(raft, ask("b", 1)))
    assert raft.take_effects() == effects()
    assert receive(raft, ask("b", 1)).save is None


def test_a_server_that_restarts_recovers_term_vote_and_log() -> None:
    """§3.8: and nothing else is needed."""
    raft = server(term=4, vote="c", entries=log(1, 4))
    assert (raft.state.current_term, raft.state.voted_for) == (4, "c")
    assert raft.state.log.read(1, 9) == log(1, 4)
    assert raft.take_effects() == effects()


def test_the_commit_index_is_zero_after_a_restart_and_recovered_from_the_leader() -> None:
    """§3.8: the commit index can safely be reinitialized to zero; even the last applied, with the state machine."""
    raft = server(term=1, entries=log(1, 1))
    assert (raft.state.commit_index, raft.state.last_applied) == (0, 0)
    assert receive(raft, append("b", 1, prev=(2, 1), commit=2)).committed == Committed(1, log(1, 1), [])


def test_the_leaders_own_vote_counts_once_it_is_saved() -> None:
    """§3.8: a vote that a crash could take back is no vote."""
    raft = server()
    first = tick(raft, TIMEOUT_S)
    receive(raft, vote("b", 1))
    assert role(raft) is Role.CANDIDATE
    save_done(raft, first)
    assert role(raft) is Role.LEADER


def test_the_leaders_own_copy_counts_once_it_is_saved() -> None:
    """§3.8, §10.2.1: a leader may not count its own entry for commitment before it has been written to disk."""
    raft = server(voters="ab")
    save_done(raft, tick(raft, TIMEOUT_S))
    first = receive(raft, vote("b", 1))
    assert receive(raft, accepted("b", 1, 1)).committed is None
    save_done(raft, first)
    assert raft.take_effects().committed == Committed(1, joined(no_op(1)), [])


def test_a_crash_of_all_servers_loses_nothing_that_was_answered() -> None:
    """§3.8: the cluster survives it, since every commit was on a majority of disks."""
    lab = Lab()
    lab.elect("a")
    token = lab.propose("a", "x")
    lab.deliver_all()
    for name in "abc":
        lab.crash(name)
    lab.letters.clear()
    for name in "abc":
        lab.restart(name)
    lab.elect("b")
    lab.heartbeat("b")
    assert lab.outcomes[token] == Done(2)
    assert {tuple(lab.commands(name)) for name in "abc"} == {("x",)}


def test_only_the_changed_part_of_the_log_is_saved() -> None:
    """§3.8: a save names the index from which the log has changed."""
    raft = server(term=1, entries=log(1, 1, 1))
    assert receive(raft, append("b", 1, prev=(3, 1), entries=log(1, first=4))).save == Save(1, None, 4, log(1, first=4))
    raft.saved(1, 4)
    assert settle(raft).save is None
