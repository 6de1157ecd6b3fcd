"""Answers: every token comes back exactly once, with the truth. The laboratory fails on a second answer."""

from tests.raftlab import Done, Lab, Read
from tests.servers import (
    accepted,
    acknowledge,
    append,
    command,
    effects,
    followed_leader,
    joined,
    leader,
    log,
    no_op,
    not_leader,
    receive,
    refusal,
    role,
    save_done,
    server,
    settle,
)
from tfraft.core.effects import Committed, Settled
from tfraft.core.entry import Entry, EntryKind
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, Answer, AnswerStatus, RemoveServer
from tfraft.core.state import Role


def deposed_with_two_writes() -> Raft:
    """A server that led term 1 and appended "x" and "y" at 2 and 3; a vote of term 2 has deposed it."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    raft.propose(b"y", "y")
    settle(raft)
    save_done(raft, receive(raft, refusal("b", 2)))
    raft.take_effects()
    return raft


def of(term: int, *commands: bytes) -> list[Entry]:
    """Commands of one term."""
    return [Entry(term, EntryKind.COMMAND, data) for data in commands]


def test_each_write_is_answered_with_its_own_entry() -> None:
    """A result that goes to the wrong client is worse than none."""
    raft = followed_leader()
    for name in ("x", "y", "z"):
        raft.propose(name.encode(), name)
    settle(raft)
    run = joined(*of(1, b"x", b"y"))
    assert receive(raft, accepted("b", 1, 3)).committed == Committed(2, run, ["x", "y"])
    assert receive(raft, accepted("b", 1, 4)).committed == Committed(4, joined(*of(1, b"z")), ["z"])


def test_a_write_that_survives_its_leader_is_answered_as_done() -> None:
    """Step-down is no answer: the new leader has both entries, and commits them."""
    raft = deposed_with_two_writes()
    turn = receive(raft, append("b", 2, prev=(3, 1), entries=joined(no_op(2)), commit=4))
    assert turn.committed == Committed(2, joined(*of(1, b"x", b"y"), no_op(2)), ["x", "y", None])
    assert turn.settled == []


def test_a_write_that_was_superseded_is_answered_with_not_leader() -> None:
    """Another leader's entry is committed in its place: it was not executed, and never will be."""
    raft = deposed_with_two_writes()
    turn = receive(raft, append("b", 2, prev=(2, 1), entries=joined(no_op(2)), commit=3))
    assert turn.committed == Committed(2, joined(*of(1, b"x"), no_op(2)), ["x", None])
    assert turn.settled == [not_leader("y", "b")]


def test_a_write_beyond_what_is_committed_goes_on_waiting() -> None:
    """It is of the term that has just been committed: it may well be next."""
    raft = deposed_with_two_writes()
    turn = receive(raft, append("b", 2, prev=(3, 1), commit=2))
    assert turn.committed == Committed(2, joined(*of(1, b"x")), ["x"])
    assert turn.settled == []
    assert list(raft.state.orphans.values()) == ["y"]


def test_a_write_that_can_never_come_back_is_answered_though_its_index_is_empty() -> None:
    """An entry of term 2 is committed before it: every later leader has that one, and terms never fall along a log.

    In a quiet cluster nothing might ever be committed at its own index; nobody must wait for that."""
    raft = deposed_with_two_writes()
    turn = receive(raft, append("b", 2, prev=(1, 1), entries=joined(no_op(2)), commit=2))
    assert turn.committed == Committed(2, joined(no_op(2)), [None])
    assert turn.settled == [not_leader("x", "b"), not_leader("y", "b")]


def test_a_write_that_was_overwritten_is_not_refused_before_the_other_is_committed() -> None:
    """Until then the entry may still come back: by a leader of a later term who has it."""
    raft = deposed_with_two_writes()
    receive(raft, append("b", 2, prev=(2, 1), entries=joined(no_op(2)), commit=1))
    assert raft.state.log.term_at(3) == 2
    back = joined(Entry(1, EntryKind.COMMAND, b"y"), no_op(3))
    turn = receive(raft, append("c", 3, prev=(2, 1), entries=back, commit=4))
    assert turn.settled == []
    assert turn.committed == Committed(2, joined(*of(1, b"x"), back), ["x", "y", None])


def test_writes_of_two_leaderships_at_one_index_are_both_answered() -> None:
    """The same server led twice, and both times it appended something at index 4."""
    lab = Lab()
    lab.elect("a")
    for index in (2, 3, 4):
        lab.propose("a", f"old {index}")
    lab.letters.clear()
    lab.now += 10.0
    lab.tick("a")
    lab.time_out("b")
    lab.deliver(*lab.between("b", "c"))
    lab.deliver(*lab.between("c", "b"))
    lab.deliver(*lab.between("b", "a"))
    assert lab.raft("a").state.log.last_term == 2, "b has overwritten the old entries"
    lab.letters.clear()
    lab.crash("b")
    lab.now += 10.0
    lab.elect("a")
    lab.propose("a", "new 4")
    lab.deliver_all()
    assert lab.outcomes["new 4"] == Done(4)
    old = Answer(AnswerStatus.NOT_LEADER, leader_hint="a")
    assert [lab.outcomes[f"old {index}"] for index in (2, 3, 4)] == [old] * 3


def test_a_leader_elected_again_answers_its_own_old_writes() -> None:
    """The entries of the first leadership are in the log of the second, and are committed with it."""
    lab = Lab()
    lab.elect("a")
    lab.propose("a", "x")
    lab.letters.clear()
    lab.now += 10.0
    lab.tick("a")
    assert lab.leaders == []
    assert "x" not in lab.outcomes
    lab.elect("a")
    assert lab.outcomes["x"] == Done(2)


def test_old_and_new_writes_of_a_leader_elected_again_are_answered_in_one_turn() -> None:
    """As above; the places of both are right."""
    lab = Lab()
    lab.elect("a")
    lab.propose("a", "old")
    lab.letters.clear()
    lab.now += 10.0
    lab.tick("a")
    lab.time_out("a")
    lab.deliver(*lab.between("a", "b"))
    lab.deliver(*lab.between("b", "a"))
    lab.propose("a", "new")
    lab.deliver_all()
    assert lab.outcomes == {"old": Done(2), "new": Done(4)}


def test_a_leader_superseded_while_its_followers_have_some_of_its_writes_answers_all() -> None:
    """Proposals lost or left hanging at a change of leaders (hashicorp 487, there during a transfer)."""
    lab = Lab()
    lab.elect("a")
    lab.propose("a", "kept")
    lab.deliver(*lab.between("a", "b"))
    lab.letters.clear()
    lab.partition("a", "bc")
    for number in range(3):
        lab.propose("a", f"lost {number}")
    lab.now += 10.0
    lab.elect("b")
    for number in range(3):
        lab.propose("b", f"new {number}")
        lab.deliver_all()
    lab.heal()
    lab.heartbeat("b")
    lab.heartbeat("b")
    assert lab.outcomes["kept"] == Done(2)
    for number in range(3):
        lost = lab.outcomes[f"lost {number}"]
        assert isinstance(lost, Answer)
        assert lost.status is AnswerStatus.NOT_LEADER
        assert lab.outcomes[f"new {number}"] == Done(4 + number)
    assert lab.asked.keys() == lab.outcomes.keys()


def test_every_kind_of_request_is_answered_when_a_leader_is_deposed() -> None:
    """Nobody waits for a server that cannot answer any more; writes wait for what is decided."""
    raft = followed_leader()
    raft.query("open", raft.state.now)
    raft.take_effects()
    raft.query("waiting", raft.state.now)
    raft.change_membership(AddServer("d"), "change")
    raft.propose(b"x", "write")
    settle(raft)
    turn = receive(raft, append("b", 2, prev=(1, 1), entries=joined(no_op(2)), commit=2))
    settled = [not_leader(token, "b") for token in ("waiting", "open", "change", "write")]
    assert turn.settled == settled


def test_a_leader_elected_again_owes_nothing_to_those_it_has_sent_away() -> None:
    """As above, and once only: the second leadership begins with an empty waiting room."""
    lab = Lab("abc", "d")
    lab.elect("a")
    lab.query("a", "open")
    lab.query("a", "waiting")
    lab.add_server("a", "d")
    lab.letters.clear()
    lab.now += 10.0
    lab.tick("a")
    assert sorted(lab.outcomes) == ["add d", "open", "waiting"]
    lab.elect("a")
    lab.query("a", "fresh")
    lab.run(5.0)
    assert lab.outcomes["fresh"] == Read(2)
    assert lab.raft("a").state.configuration.ids == ("a", "b", "c")


def test_a_removal_that_waits_is_answered_when_a_leader_is_deposed() -> None:
    """As above: it is not in the log, so it will not happen."""
    raft = leader(term=2)
    raft.change_membership(RemoveServer("c"), "remove")
    assert raft.take_effects().save is None, "nothing of term 2 is committed yet"
    assert receive(raft, append("b", 3)).settled == [not_leader("remove", "b")]


def test_a_server_that_stops_answers_everybody_who_waits() -> None:
    """The node is the only one that can: writes may yet be committed by others, the rest ends here."""
    raft = followed_leader()
    raft.propose(b"x", "write")
    settle(raft)
    raft.query("read", raft.state.now)
    settle(raft)
    raft.change_membership(AddServer("d"), "change")
    unknown = Answer(AnswerStatus.TIMEOUT, reason="the node stopped before the entry was committed")
    assert raft.halt() == [not_leader("read"), not_leader("change"), Settled("write", unknown)]
    assert role(raft) is Role.FOLLOWER


def test_a_deposed_leader_that_stops_answers_the_writes_of_its_leadership() -> None:
    """As above."""
    raft = deposed_with_two_writes()
    assert [(settled.token, settled.answer.status) for settled in raft.halt()] == [
        ("x", AnswerStatus.TIMEOUT),
        ("y", AnswerStatus.TIMEOUT),
    ]
    assert raft.state.orphans == {}


def test_a_server_nobody_waits_at_stops_in_silence() -> None:
    """As above."""
    assert server().halt() == []


def test_what_others_proposed_is_applied_and_answers_nobody() -> None:
    """A follower has no tokens; the list says so by being empty."""
    raft = server(term=1)
    turn = receive(raft, append("b", 1, entries=log(1, 1), commit=2))
    assert turn.committed == Committed(1, joined(command(1, 1), command(2, 1)), [])


def test_a_token_may_be_anything() -> None:
    """Raft carries it and never looks inside: here one that cannot be hashed, and one that is false."""
    raft = followed_leader()
    unhashable = ["no hash"]
    raft.propose(b"x", unhashable)
    raft.propose(b"y", 0)
    raft.query(unhashable, raft.state.now)
    settle(raft)
    turn = receive(raft, acknowledge(raft, "b"))
    assert turn.committed is not None
    assert turn.committed.tokens == [unhashable, 0]
    assert [reads.tokens for reads in turn.reads] == [[unhashable]]


def test_no_turn_gives_anything_twice() -> None:
    """Each effect leaves once."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    raft.query("read", raft.state.now)
    settle(raft)
    receive(raft, acknowledge(raft, "b"))
    assert raft.take_effects() == effects()
