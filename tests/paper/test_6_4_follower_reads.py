"""§6.4: followers could help offload the processing of read-only queries; and reads that may be stale by a bound."""

from dataclasses import replace

import pytest

from tests.raftlab import Lab, Read
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    accepted,
    append,
    effects,
    followed_leader,
    follower_of,
    joined,
    leader,
    no_op,
    not_leader,
    receive,
    refusal,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.effects import ConfirmedReads
from tfraft.core.messages import AppendEntries, ReadIndex, ReadIndexReply
from tfraft.core.raft import Raft
from tfraft.core.requests import AnswerStatus, Consistency
from tfraft.core.state import Role

# --- Reads at a follower ---


def asking_follower() -> tuple[Raft, int]:
    """A follower that has asked its leader `b` for an index to read at, and the number of its question."""
    raft = follower_of("b")
    settle(raft)
    return raft, asked(raft, "read")


def asked(raft: Raft, token: str) -> int:
    """The number under which a follower asks for an index, for a read that comes now."""
    raft.query(token, raft.state.now, Consistency.FOLLOWER)
    return number_in(raft)


def number_in(raft: Raft) -> int:
    """The number of the question that leaves with this turn."""
    ((leader_id, request),) = raft.take_effects().messages
    assert isinstance(request, ReadIndex)
    assert (leader_id, request.term, request.server_id) == ("b", 1, "a")
    return request.number


def test_a_follower_asks_the_leader_for_a_read_index() -> None:
    """§6.4: the follower issues a request to the leader that just asks for a current readIndex."""
    raft, number = asking_follower()
    turn = receive(raft, ReadIndexReply(1, "b", number, 0))
    assert turn == effects(reads=[ConfirmedReads(0, ["read"])])


def test_the_follower_waits_until_it_has_applied_so_far() -> None:
    """§6.4: it waits for its state machine to advance at least as far as the readIndex."""
    raft, number = asking_follower()
    assert receive(raft, ReadIndexReply(1, "b", number, 1)).reads == []
    turn = receive(raft, append("b", 1, entries=joined(no_op(1)), commit=1))
    assert turn.committed is not None
    assert turn.reads == [ConfirmedReads(1, ["read"])]


def test_a_read_that_waits_for_its_index_survives_a_change_of_leaders() -> None:
    """§6.4: the index is committed, whoever leads; it will be applied here."""
    raft, number = asking_follower()
    receive(raft, ReadIndexReply(1, "b", number, 1))
    turn = receive(raft, append("c", 2, entries=joined(no_op(1), no_op(2)), commit=2))
    assert turn.reads == [ConfirmedReads(1, ["read"])]


def test_the_leader_answers_once_a_majority_has_confirmed_it() -> None:
    """§6.4: the leader executes its usual steps: heartbeats, and the commit index of before them."""
    raft = followed_leader()
    assert [type(m) for _, m in receive(raft, ReadIndex(1, "c", 7)).messages] == [AppendEntries] * 2
    turn = receive(raft, accepted("b", 1, 1, read_round=1))
    assert turn == effects(messages=[("c", ReadIndexReply(1, "a", 7, 1))])


def test_reads_of_followers_share_the_round_with_reads_of_the_leader() -> None:
    """§6.4: one round of heartbeats for any number of queries."""
    raft = followed_leader()
    raft.query("own", raft.state.now)
    receive(raft, ReadIndex(1, "b", 3), ReadIndex(1, "c", 7))
    turn = receive(raft, accepted("b", 1, 1, read_round=1))
    assert turn.messages == [("b", ReadIndexReply(1, "a", 3, 1)), ("c", ReadIndexReply(1, "a", 7, 1))]
    assert turn.reads == [ConfirmedReads(1, ["own"])]


def test_a_leader_that_has_committed_nothing_of_its_term_lets_followers_wait() -> None:
    """§6.4: as its own reads."""
    raft = leader(term=2)
    assert receive(raft, ReadIndex(2, "c", 7)).messages == []
    receive(raft, accepted("b", 2, 1))
    assert receive(raft, accepted("b", 2, 1, read_round=1)).messages == [("c", ReadIndexReply(2, "a", 7, 1))]


def test_who_does_not_lead_answers_no_read_index() -> None:
    """§6.4: the follower will ask somebody else; a newer term is taken on."""
    raft = follower_of("b")
    settle(raft)
    assert receive(raft, ReadIndex(1, "c", 7)) == effects()
    deposed = followed_leader()
    assert receive(deposed, ReadIndex(2, "c", 7)).messages == []
    assert deposed.state.role is Role.FOLLOWER


def test_reads_that_followers_wait_for_are_forgotten_by_a_leader_that_is_deposed() -> None:
    """§6.4: nobody waits at this server: the follower asks the next leader by itself."""
    raft = followed_leader()
    receive(raft, ReadIndex(1, "c", 7))
    receive(raft, ReadIndex(1, "b", 8))
    assert receive(raft, refusal("b", 2)).settled == []
    assert (raft.state.reads_waiting, raft.state.open_round) == ([], None)


def test_a_leader_with_too_many_reads_is_silent() -> None:
    """The follower asks again with its next heartbeat interval."""
    raft = leader(config=replace(CONFIG, max_waiting=1))
    receive(raft, ReadIndex(1, "c", 7), ReadIndex(1, "b", 8))
    assert len(raft.state.reads_waiting) == 1


def test_a_question_that_is_lost_is_asked_again() -> None:
    """§3.7: after a heartbeat interval, under its number: an answer to any copy will do for who waited before it.

    It could be too low for who has come since; they wait for the next question."""
    raft, number = asking_follower()
    raft.query("second", raft.state.now, Consistency.FOLLOWER)
    assert raft.take_effects() == effects(), "one question at a time"
    assert raft.deadline == raft.state.now + CONFIG.heartbeat_interval_s
    raft.tick(raft.deadline)
    assert number_in(raft) == number
    turn = receive(raft, ReadIndexReply(1, "b", number, 0))
    assert turn.reads == [ConfirmedReads(0, ["read"])]
    assert turn.messages == [("b", ReadIndex(1, "a", number + 1))]
    assert receive(raft, ReadIndexReply(1, "b", number + 1, 0)).reads == [ConfirmedReads(0, ["second"])]


def test_an_answer_is_used_once() -> None:
    """§6.4: doubled, it says nothing about reads that came after the question."""
    raft, number = asking_follower()
    receive(raft, ReadIndexReply(1, "b", number, 0))
    asked(raft, "second")
    assert receive(raft, ReadIndexReply(1, "b", number, 0)) == effects()


def test_a_new_leader_is_asked_at_once_or_after_a_heartbeat() -> None:
    """§6.4: the reads wait; nobody has to ask again."""
    raft, _ = asking_follower()
    receive(raft, append("c", 2))
    turn = tick(raft, raft.deadline)
    assert [(name, type(m)) for name, m in turn.messages] == [("c", ReadIndex)]


def test_without_a_leader_reads_go_elsewhere() -> None:
    """§6.2: nobody waits for an election: neither who has asked already, nor who was about to, nor who comes now."""
    raft, _ = asking_follower()
    raft.query("second", raft.state.now, Consistency.FOLLOWER)
    turn = tick(raft, raft.state.election_deadline)
    assert turn.settled == [not_leader("second"), not_leader("read")]
    raft.query("third", raft.state.now, Consistency.FOLLOWER)
    assert raft.take_effects().settled == [not_leader("third")]


def test_an_answer_of_a_newer_term_is_taken_and_so_is_the_term() -> None:
    """§3.3: terms are exchanged with every message; the index is committed in any term."""
    raft, number = asking_follower()
    turn = receive(raft, ReadIndexReply(2, "c", number, 0))
    assert turn.reads == [ConfirmedReads(0, ["read"])]
    assert raft.state.current_term == 2


def test_a_leader_answers_a_follower_read_by_itself() -> None:
    """§6.4: it is the one to ask."""
    raft = followed_leader()
    raft.query("read", raft.state.now, Consistency.FOLLOWER)
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 1, read_round=1)).reads == [ConfirmedReads(1, ["read"])]


def test_too_many_reads_are_refused_at_once() -> None:
    """A bound on what waits, at the leader as at followers."""
    raft = leader(config=replace(CONFIG, max_waiting=2))
    for number in range(3):
        raft.query(number, raft.state.now)
    (end,) = raft.take_effects().settled
    assert (end.token, end.answer.status, end.answer.reason) == (2, AnswerStatus.OVERLOADED, "2 reads wait already")


def test_a_server_that_stops_answers_its_follower_reads() -> None:
    """Nobody waits for ever: neither who waits for an index, nor who waits for it to be applied."""
    raft, number = asking_follower()
    receive(raft, ReadIndexReply(1, "b", number, 9))
    asked(raft, "second")
    raft.query("third", raft.state.now, Consistency.FOLLOWER)
    assert sorted(end.token for end in raft.halt()) == ["read", "second", "third"]


def test_a_follower_read_sees_every_write_that_was_answered_before_it() -> None:
    """§6.4: linearizability, on every server."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    for number, name in enumerate("bcbca"):
        lab.propose("a", f"write {number}")
        lab.deliver_all()
        lab.query(name, f"read {number}", Consistency.FOLLOWER)
        lab.deliver_all()
        lab.heartbeat("a")
        assert lab.outcomes[f"read {number}"] == Read(number + 2)


# --- Reads that may be stale ---


def test_a_follower_is_as_stale_as_the_last_message_after_which_it_had_everything() -> None:
    """§6.4: by the leader's clock, which AppendEntries carries; ours is an hour ahead."""
    raft = server(term=1, now=3600.0)
    entries = joined(no_op(1))
    save_done(raft, receive(raft, append("b", 1, entries=entries, commit=1, sent_at=10.0), at=3610.0))
    raft.take_effects()
    raft.query("fresh", 3610.5, Consistency.STALE, 0.5)
    raft.query("too old", 3610.75, Consistency.STALE, 0.5)
    turn = raft.take_effects()
    assert turn.reads == [ConfirmedReads(0, ["fresh"])]
    assert turn.settled == [not_leader("too old", "b", "the state of a is 0.75 s old")]


def test_a_message_that_brings_less_than_everything_makes_nobody_fresh() -> None:
    """§6.4: the leader has committed more than it could send."""
    raft = server(term=1)
    receive(raft, append("b", 1, entries=joined(no_op(1)), commit=2, sent_at=1.0), at=1.0)
    raft.query("read", 1.0, Consistency.STALE, 100.0)
    assert raft.take_effects().settled == [not_leader("read", "b", "the state of a is of unknown age")]


def test_the_fastest_message_tells_the_difference_of_the_clocks() -> None:
    """§6.4: a slow one only looks as if our clock were further ahead."""
    raft = server(term=1)
    save_done(raft, receive(raft, append("b", 1, entries=joined(no_op(1)), commit=1, sent_at=10.0), at=10.0))
    receive(raft, append("b", 1, prev=(1, 1), commit=1, sent_at=10.25), at=11.25)
    raft.query("read", 11.25, Consistency.STALE, 0.75)
    assert raft.take_effects().settled == [not_leader("read", "b", "the state of a is 1 s old")]


def test_what_was_learned_of_one_leaders_clock_says_nothing_of_the_next() -> None:
    """§6.4: two machines, two clocks."""
    raft = server(term=1)
    save_done(raft, receive(raft, append("b", 1, entries=joined(no_op(1)), commit=1, sent_at=1_000.0), at=1.0))
    receive(raft, append("c", 2, prev=(1, 1), sent_at=5.0), at=1.5)
    raft.query("read", 1.5, Consistency.STALE, 100.0)
    assert raft.take_effects().settled == [not_leader("read", "c", "the state of a is of unknown age")]


def test_a_leader_is_as_stale_as_what_a_majority_has_answered() -> None:
    """§6.4: since then another may lead."""
    raft = followed_leader()
    start = raft.state.now
    receive(raft, accepted("b", 1, 1, sent_at=start + 0.25), at=start + 0.5)
    raft.query("fresh", start + 0.75, Consistency.STALE, 0.5)
    assert raft.take_effects().reads == [ConfirmedReads(0, ["fresh"])]
    raft.query("too old", start + 0.75, Consistency.STALE, 0.25)
    assert raft.take_effects().settled == [not_leader("too old", "a", "the state of a is 0.5 s old")]


@pytest.mark.parametrize("max_staleness_s", [0.0, 1e9])
def test_a_server_that_has_heard_of_nobody_knows_nothing_of_its_age(max_staleness_s: float) -> None:
    """§6.4: no bound is known, so none is kept."""
    raft = server(term=1)
    raft.query("read", 5.0, Consistency.STALE, max_staleness_s)
    assert raft.take_effects().settled == [not_leader("read", "", "the state of a is of unknown age")]


def test_a_new_leader_knows_nothing_of_its_age() -> None:
    """§3.6.2: before an entry of its own term is committed."""
    raft = leader(term=2)
    raft.query("read", raft.state.now, Consistency.STALE, 1e9)
    assert raft.take_effects().settled == [not_leader("read", "a", "the state of a is of unknown age")]


def test_a_stale_read_needs_no_message() -> None:
    """§6.4: that is the point."""
    lab = Lab(config=PRE_VOTE)
    lab.elect("a")
    lab.heartbeat("a")
    for name in "abc":
        lab.query(name, f"read at {name}", Consistency.STALE, 0.25)
        assert lab.outcomes[f"read at {name}"] == Read(0)
    assert lab.letters == []
