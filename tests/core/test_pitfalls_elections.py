"""Elections: histories that have broken other Raft systems. The laboratory checks every invariant after every turn."""

import inspect

import pytest

from tests.raftlab import Done, Lab
from tests.servers import (
    append,
    ask,
    candidate,
    configuration_entry,
    effects,
    joined,
    log,
    no_op,
    receive,
    refusal,
    role,
    save_done,
    server,
    stale_term,
    vote,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.messages import Message, RequestVote
from tfraft.core.raft import Raft
from tfraft.core.state import Role


def test_a_voter_that_crashes_before_its_vote_is_saved_has_not_voted() -> None:
    """PySyncObj 84, 202: the vote left before it was on disk; after a restart a second candidate got one, too."""
    lab = Lab()
    lab.machines["b"].slow_disk = True
    lab.time_out("a")
    lab.deliver(*lab.between("a", "b"))
    assert lab.between("b") == [], "the vote waits for the disk"
    lab.crash("b")
    lab.restart("b")
    lab.time_out("c")
    lab.deliver(*lab.between("c", "b"))
    lab.save("b")
    lab.deliver_all()
    assert lab.leaders == ["c"]
    assert lab.invariants.leaders == {1: "c"}


def test_a_voter_that_crashes_after_its_vote_is_saved_votes_for_nobody_else() -> None:
    """PySyncObj 84, 202, the other way round: the vote was sent, and the restarted server remembers it."""
    lab = Lab()
    lab.time_out("a")
    lab.deliver(*lab.between("a", "b"))
    lab.crash("b")
    lab.restart("b")
    lab.time_out("c")
    lab.deliver(*lab.between("c", "b"))
    lab.deliver_all()
    assert lab.invariants.leaders == {1: "a"}


def test_a_term_that_is_not_on_disk_is_not_answered_with() -> None:
    """PySyncObj 84: a server that forgot its term after a crash accepted the entries of a deposed leader."""
    raft = server(term=1, entries=log(1))
    assert receive(raft, ask("b", 7)) == effects(save=Save(7, None), replies=[("b", refusal("a", 7))])


def test_a_candidate_that_crashes_before_its_own_vote_is_saved_has_asked_nobody() -> None:
    """A bug of our own first sketch: a vote counted before it was durable allowed two leaders in one term."""
    lab = Lab()
    lab.machines["a"].slow_disk = True
    lab.time_out("a")
    assert lab.letters == []
    lab.crash("a")
    lab.restart("a")
    lab.time_out("b")
    lab.deliver(*lab.between("b", "a"))
    lab.save("a")
    lab.deliver_all()
    assert lab.invariants.leaders == {1: "b"}


def test_a_late_save_of_an_older_term_counts_no_vote_of_the_newer() -> None:
    """As above: the disk finishes the vote of term 1 when the candidate stands in term 2 already."""
    raft = server(voters="a")
    raft.tick(raft.deadline)
    first = raft.take_effects()
    raft.tick(raft.deadline)
    assert raft.take_effects() == effects()
    save_done(raft, first)
    assert role(raft) is Role.CANDIDATE
    save_done(raft, raft.take_effects())
    assert role(raft) is Role.LEADER


def test_a_late_save_of_an_older_vote_elects_nobody_who_has_followed_since() -> None:
    """As above: the role may have changed while the disk was busy."""
    raft = server()
    raft.tick(raft.deadline)
    first = raft.take_effects()
    receive(raft, append("b", 1))
    save_done(raft, first)
    assert role(raft) is Role.FOLLOWER
    assert raft.state.votes_granted == set()


def test_a_vote_given_during_a_save_waits_for_the_next() -> None:
    """PySyncObj 84: the save under way holds the term and no vote; its end says nothing about the vote given since."""
    raft = server(term=1, entries=log(1))
    first = receive(raft, ask("b", 2))
    assert first.save == Save(2, None)
    assert receive(raft, ask("c", 2, last=(1, 1))) == effects()
    save_done(raft, first)
    assert raft.take_effects() == effects(save=Save(2, "c"), replies=[("c", vote("a", 2))])


def test_answers_of_an_older_term_are_not_sent_by_a_candidate_of_the_next() -> None:
    """What a busy disk held back is of a term that this server has left."""
    raft = server(term=1)
    first = receive(raft, append("b", 1, entries=log(1)))
    receive(raft, append("b", 1, prev=(1, 1), entries=log(1, first=2)))
    raft.tick(raft.deadline)
    save_done(raft, first)
    request = ask("a", 2, last=(2, 1))
    assert raft.take_effects().replies == [("b", request), ("c", request)]


def test_a_save_never_holds_entries_of_a_term_that_it_does_not_hold() -> None:
    """openraft io_ordering: the term was written after entries of it; unsynced writes were lost in between."""
    raft = server(term=1)
    first = receive(raft, append("b", 1, entries=log(1)))
    receive(raft, append("c", 5, prev=(1, 1), entries=log(5, first=2)))
    save_done(raft, first)
    assert raft.take_effects().save == Save(5, None, 2, log(5, first=2))


def test_two_request_votes_between_two_turns_get_one_vote() -> None:
    """The TypeScript original: a check and its set with a suspension between; two requests passed the check."""
    raft = server()
    turn = receive(raft, ask("b", 1), ask("c", 1), ask("b", 1))
    assert turn.replies == [("b", vote("a", 1)), ("c", refusal("a", 1)), ("b", vote("a", 1))]
    assert turn.save == Save(1, "b")


def test_no_input_of_raft_can_be_suspended() -> None:
    """As above: the cure is that there is nothing to wait for."""
    inputs = [member for _, member in inspect.getmembers(Raft, inspect.isfunction)]
    assert len(inputs) > 8
    assert not any(map(inspect.iscoroutinefunction, inputs))


def test_a_vote_that_is_repeated_is_one_vote() -> None:
    """PySyncObj counted votes without identity: two copies of one reply made a leader of five servers."""
    raft = candidate(voters="abcde")
    receive(raft, vote("b", 1), vote("b", 1), vote("b", 1))
    assert role(raft) is Role.CANDIDATE


@pytest.mark.parametrize(("last", "granted"), [((9, 1), False), ((1, 3), True)])
def test_logs_are_compared_by_term_before_index(last: tuple[int, int], granted: bool) -> None:
    """openraft a48a3282: compared by index first, a longer log of an older term wins and erases what is committed."""
    raft = server(term=3, entries=log(1, 2))
    (_, reply), *_ = receive(raft, ask("b", 4, last=last)).replies
    assert reply == (vote("a", 4) if granted else refusal("a", 4))


def test_a_learner_that_does_not_know_of_its_promotion_votes() -> None:
    """etcd campaign_learner_must_vote: the new voter's vote is needed, and it has not got its own entry yet."""
    voters = Base(configuration=Configuration.of("ab"))
    entries = joined(no_op(1), configuration_entry(1, "abd"))
    lab = Lab(
        "ab",
        "d",
        disks={
            "a": Saved(1, "a", voters, entries),
            "b": Saved(1, "a", voters, entries),
            "d": Saved(1, entries=joined(no_op(1))),
        },
    )
    lab.crash("b")
    lab.time_out("a")
    lab.deliver_all()
    assert lab.leaders == ["a"]
    assert lab.raft("d").state.configuration == Configuration.of("abd")


def test_a_lower_term_is_answered_so_that_nobody_is_stranded() -> None:
    """etcd raft.go:1133: a server of a higher term that stays silent can neither follow nor be elected."""
    lab = Lab()
    lab.elect("a")
    lab.partition("ab", "c")
    for _ in range(5):
        lab.time_out("c")
    lab.letters.clear()
    lab.heal()
    lab.propose("a", "x")
    lab.run(10.0)
    assert len(lab.leaders) == 1
    assert {tuple(lab.commands(name)) for name in "abc"} == {("x",)}
    assert {lab.raft(name).state.current_term for name in "abc"} == {lab.raft("c").state.current_term}


@pytest.mark.parametrize(
    ("request_of_term_4", "reply"),
    [
        (ask("b", 4, last=(9, 9)), refusal("a", 5)),
        (append("b", 4, entries=log(4)), stale_term("a", 5)),
    ],
    ids=["RequestVote", "AppendEntries"],
)
def test_every_request_is_answered_and_with_the_current_term(request_of_term_4: Message, reply: Message) -> None:
    """As above, for one server."""
    assert receive(server(term=5), request_of_term_4) == effects(replies=[("b", reply)])


def test_after_healing_a_connected_quorum_elects_within_a_bound() -> None:
    """etcd 8501, openraft 1796: terms that run apart must not keep a quorum without a leader."""
    lab = Lab("abcde")
    lab.run(3.0)
    lab.partition("ab", "c", "d", "e")
    lab.run(30.0)
    assert lab.leaders == []
    lab.heal()
    lab.run(6.0)
    assert len(lab.leaders) == 1


def test_candidates_with_old_logs_do_not_hold_back_the_one_that_can_win() -> None:
    """Figure 3.1: their requests do not reset its timer, so it stands within one timeout of its own."""
    voters = Base(configuration=Configuration.of("abcde"))
    old, new = Saved(1, None, voters, log(1)), Saved(1, None, voters, log(1, 1, 1))
    lab = Lab("abcde", disks={"a": old, "b": old, "c": old, "d": old, "e": new})
    lab.crash("d")
    lab.crash("c")
    deadline = lab.raft("e").deadline
    lab.run(deadline)
    assert lab.leaders == ["e"]


def test_requests_for_votes_do_not_outlive_the_candidacy() -> None:
    """What they say of the log may be wrong by the time the disk is done: the leader has overwritten it."""
    raft = server(term=1, entries=log(1, 1))
    first = receive(raft, ask("c", 2, last=(9, 1)))
    raft.tick(5.0)
    assert raft.take_effects() == effects()
    receive(raft, append("b", 3, entries=log(3)))
    save_done(raft, first)
    assert [reply for _, reply in raft.take_effects().replies if isinstance(reply, RequestVote)] == []


def test_all_nodes_restart_together_and_no_committed_entry_is_overwritten() -> None:
    """PySyncObj 84, 201, 202: after a restart of all, an election could be won with an empty memory of the past."""
    for winner in "abc":
        lab = Lab()
        lab.elect("a")
        tokens = [lab.propose("a", f"x{number}") for number in range(5)]
        lab.deliver(*lab.between("a", "b"))
        lab.deliver(*lab.between("b", "a"))
        assert all(isinstance(lab.outcomes[token], Done) for token in tokens)
        for name in "abc":
            lab.crash(name)
        lab.letters.clear()
        for name in "abc":
            lab.restart(name)
        lab.now += 10.0
        lab.time_out(winner)
        lab.deliver_all()
        lab.run(10.0)
        after = lab.propose(lab.leaders[-1], "after")
        lab.run(1.0)
        assert isinstance(lab.outcomes[after], Done)
        assert {tuple(lab.commands(name)) for name in "abc"} == {(*tokens, "after")}
