"""Membership: histories that have broken other Raft systems."""

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    accepted,
    acknowledge,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    no_op,
    receive,
    refused,
    rejected,
    role,
    server,
    settle,
)
from tfraft.core.base import NO_BASE
from tfraft.core.configuration import Configuration
from tfraft.core.requests import AddServer, Answer, AnswerStatus, RemoveServer
from tfraft.core.state import Role


def answer(lab: Lab, token: str) -> Answer:
    """The answer to a request that ended without an entry."""
    outcome = lab.outcomes[token]
    assert isinstance(outcome, Answer)
    return outcome


def raft_dev_2015() -> Lab:
    """Four servers. The leader of term 1 has put b's removal in its own log only; b leads term 2, of all four."""
    lab = Lab("abcd")
    lab.elect("a")
    lab.partition("a", "bcd")
    lab.remove_server("a", "b")
    assert lab.raft("a").state.configuration.ids == ("a", "c", "d")
    lab.now += 10.0
    lab.time_out("b")
    for _ in range(2):
        lab.deliver(*lab.between("b"))
        lab.deliver(*lab.between(receiver="b"))
        if lab.leaders[-1:] == ["b"]:
            break
    return lab


def test_two_operators_who_remove_different_servers_of_four_do_not_split_the_cluster() -> None:
    """raft-dev, July 2015: b may remove a only after an entry of its own term is committed by a majority of the four.

    Without that, b commits {b, c, d} with c alone, and a, elected by d in {a, c, d}, overwrites it."""
    lab = raft_dev_2015()
    lab.remove_server("b", "a")
    lab.deliver(*lab.between("b", "c"))
    lab.deliver(*lab.between("c", "b"))
    assert lab.raft("b").state.configuration.ids == ("a", "b", "c", "d"), "b and c are no majority of four"
    assert "remove a" not in lab.outcomes
    lab.letters.clear()
    lab.heal()
    lab.now += 10.0
    lab.time_out("a")
    lab.deliver_all()
    lab.run(10.0)
    assert len(lab.leaders) == 1


def test_the_second_operator_wins_once_the_term_is_committed() -> None:
    """raft-dev, July 2015, as above: then d has an entry of term 2, and a's log is not up to date any more."""
    lab = raft_dev_2015()
    lab.remove_server("b", "a")
    lab.deliver_all()
    assert lab.outcomes["remove a"] == Done(3)
    lab.heal()
    lab.now += 0.5
    lab.time_out("a")
    lab.deliver_all()
    assert lab.leaders == ["b"]
    assert {lab.raft(name).state.configuration.ids for name in "bcd"} == {("b", "c", "d")}


def test_two_changes_are_never_in_flight() -> None:
    """Two uncommitted configurations may have majorities that do not meet."""
    lab = Lab("abcde")
    lab.elect("a")
    lab.remove_server("a", "d")
    lab.remove_server("a", "e")
    assert answer(lab, "remove e").status is AnswerStatus.REFUSED
    assert [index for index, _ in lab.raft("a").state.configurations] == [0, 2]
    lab.deliver_all()
    lab.remove_server("a", "e", "again")
    lab.deliver_all()
    assert lab.outcomes["again"] == Done(3)


def test_two_changes_in_one_turn_are_one() -> None:
    """As above, before the first has reached the log."""
    raft = followed_leader(voters="abcde")
    raft.change_membership(RemoveServer("d"), "first")
    raft.change_membership(RemoveServer("e"), "second")
    turn = raft.take_effects()
    assert turn.settled == [refused("second", "another change is in progress: that of d", "a")]
    assert turn.save is not None
    assert turn.save.entries == joined(configuration_entry(1, Configuration.of("abce", removed="d")))


def test_a_configuration_counts_from_append_and_not_from_apply() -> None:
    """Who switches when it applies counts the entry itself with the old majority: here a alone is none of three."""
    raft = followed_leader(voters="ab")
    raft.change_membership(AddServer("d"), "add")
    raft.take_effects()
    receive(raft, accepted("d", 1, 1))
    raft.saved(1, 2)
    assert raft.take_effects().committed is None
    assert receive(raft, accepted("d", 1, 2)).committed is not None


def test_a_removed_server_counts_no_more_from_append() -> None:
    """As above, the other way round: the copy of the removed server commits nothing, its answers keep no leader."""
    raft = followed_leader(voters="abcd")
    raft.change_membership(RemoveServer("d"), "remove")
    settle(raft)
    raft.query("read", raft.state.now)
    raft.take_effects()
    turn = receive(raft, accepted("d", 1, 2, read_round=1))
    assert (turn.committed, turn.reads) == (None, [])


def test_a_leader_that_removes_itself_leads_until_the_change_is_committed_and_no_longer() -> None:
    """§4.2.2; the TypeScript original went on leading."""
    lab = Lab()
    lab.elect("a")
    lab.remove_server("a", "a")
    assert lab.leaders == ["a"]
    lab.deliver(*lab.between("a", "b"))
    lab.deliver(*lab.between("b", "a"))
    assert lab.leaders == ["a"], "it does not count itself: b alone is no majority of b and c"
    lab.deliver(*lab.between("a", "c"))
    lab.deliver(*lab.between("c", "a"))
    assert lab.leaders == []
    assert lab.outcomes["remove a"] == Done(2)
    lab.run(10.0)
    assert lab.leaders == ["b"]


def test_a_leader_that_appended_its_own_removal_and_crashed_leaves_no_cluster_stuck() -> None:
    """Found in our own first sketch: only a's log is long enough to win, and a did not stand: nobody led any more."""
    lab = Lab("ab")
    lab.elect("a")
    lab.remove_server("a", "a")
    lab.crash("a")
    lab.letters.clear()
    lab.restart("a")
    lab.run(30.0)
    assert lab.leaders == ["b"]
    assert lab.raft("b").state.configuration.ids == ("b",)


def test_a_removal_that_only_the_crashed_leader_knew_is_undone_by_the_next() -> None:
    """As above with three: b and c elect one of them, and the entry is overwritten."""
    lab = Lab()
    lab.elect("a")
    lab.remove_server("a", "a")
    lab.letters.clear()
    lab.crash("a")
    lab.now += 10.0
    lab.elect("b")
    lab.restart("a")
    lab.heartbeat("b")
    assert lab.raft("a").state.configuration.ids == ("a", "b", "c")
    assert "remove a" not in lab.outcomes, "the server that was asked has crashed; nobody can answer"


def test_a_reply_of_an_untracked_server_changes_nothing() -> None:
    """Found in our own first sketch: it crashed the leader."""
    raft = followed_leader()
    before = dict(raft.state.progress)
    assert receive(raft, accepted("z", 1, 9), rejected("z", 1, prev=1, conflict=(1, 0))) == effects()
    assert raft.state.progress == before


def test_a_late_reply_of_a_removed_server_changes_nothing() -> None:
    """As above: it was tracked when the request was sent."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("c"), "remove")
    settle(raft)
    assert receive(raft, accepted("c", 1, 2)) == effects()
    assert role(raft) is Role.LEADER


def test_a_late_reply_of_a_server_that_was_given_up_changes_nothing() -> None:
    """As above."""
    raft = followed_leader()
    raft.change_membership(AddServer("d"), "add")
    settle(raft)
    for voter in "bc":
        raft.receive(acknowledge(raft, voter), 100.0)
    assert settle(raft).settled == [refused("add", "d made no progress for 4 s", "a")]
    assert receive(raft, accepted("d", 1, 1)) == effects()
    assert raft.state.configuration == Configuration.of("abc")


def test_a_removal_that_leaves_no_quorum_alive_is_refused() -> None:
    """Removing a live server of three while another is dead would stop the cluster for ever."""
    lab = Lab()
    lab.elect("a")
    lab.crash("c")
    for _ in range(8):
        lab.heartbeat("a")
    lab.remove_server("a", "b")
    assert answer(lab, "remove b") == Answer(
        AnswerStatus.REFUSED, leader_hint="a", reason="no quorum would be left that answers"
    )
    lab.remove_server("a", "c")
    lab.deliver_all()
    assert lab.outcomes["remove c"] == Done(2)


def test_a_server_counts_as_alive_for_an_election_timeout() -> None:
    """As above: one heartbeat that is late is no death."""
    raft = followed_leader()
    heard = raft.state.now
    raft.receive(acknowledge(raft, "b"), heard + CONFIG.election_timeout_s)
    raft.change_membership(RemoveServer("b"), "too early")
    assert raft.take_effects().settled == []
    raft = followed_leader()
    raft.receive(acknowledge(raft, "b"), heard + CONFIG.election_timeout_s + 0.01)
    raft.change_membership(RemoveServer("b"), "dead")
    reason = "no quorum would be left that answers"
    assert raft.take_effects().settled == [refused("dead", reason, "a")]


def test_the_last_server_cannot_be_removed() -> None:
    """As above: nobody would be left at all."""
    lab = Lab("a")
    lab.elect("a")
    lab.remove_server("a", "a")
    assert answer(lab, "remove a").status is AnswerStatus.REFUSED
    lab.remove_server("a", "z")
    assert answer(lab, "remove z").reason == "z is not a member"


def test_a_server_that_cannot_be_reached_never_becomes_a_voter() -> None:
    """Added at once, it would raise the majority; the next crash would stop the cluster."""
    lab = Lab("ab")
    lab.elect("a")
    lab.add_server("a", "unreachable")
    lab.run(10.0)
    assert answer(lab, "add unreachable").status is AnswerStatus.REFUSED
    assert lab.raft("a").state.configuration.ids == ("a", "b")
    assert lab.leaders == ["a"]


def test_a_change_that_is_truncated_is_answered_with_not_leader() -> None:
    """A membership change is answered like any entry: by what is committed at its index."""
    lab = Lab("abcd")
    lab.elect("a")
    lab.partition("a", "bcd")
    lab.remove_server("a", "d")
    lab.now += 10.0
    lab.elect("b")
    lab.heal()
    lab.heartbeat("b")
    lab.heartbeat("b")
    assert answer(lab, "remove d").status is AnswerStatus.NOT_LEADER
    assert lab.raft("a").state.configuration.ids == ("a", "b", "c", "d")


def test_a_server_restarts_into_the_configuration_of_its_log() -> None:
    """Configurations kept in memory only come back wrong: a server of four would take two for a majority."""
    entries = joined(no_op(1), configuration_entry(1, "abcd"), configuration_entry(1, "abcde"))
    raft = server(voters="abc", term=1, entries=entries)
    assert raft.state.configurations == [
        (0, Configuration.of("abc")),
        (2, Configuration.of("abcd")),
        (3, Configuration.of("abcde")),
    ]


def test_a_server_that_was_added_leads_like_any_other() -> None:
    """From an empty disk to leadership: caught up, voted in, elected."""
    lab = Lab("ab", "d")
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.add_server("a", "d")
    lab.deliver_all()
    assert lab.outcomes["add d"] == Done(3)
    lab.crash("a")
    lab.now += 10.0
    lab.elect("d")
    assert lab.commands("d") == ["x"]
    assert lab.machines["d"].disk.base == NO_BASE, "all that it knows came with the log"
