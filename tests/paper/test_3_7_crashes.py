"""§3.7: follower and candidate crashes: requests come again, and the same request twice does no harm."""

from tests.raftlab import Done, Lab
from tests.servers import (
    accepted,
    append,
    ask,
    effects,
    followed_leader,
    follower_of,
    joined,
    leader,
    log,
    no_op,
    receive,
    refusal,
    rejected,
    save_done,
    server,
    settle,
    stale_term,
    tick,
    vote,
)
from tfraft.core.effects import Save
from tfraft.core.entry import Entry, EntryKind


def test_requests_to_a_crashed_follower_are_retried_indefinitely() -> None:
    """§3.7: if the crashed server restarts, then the RPC will complete successfully."""
    lab = Lab()
    lab.elect("a")
    lab.crash("c")
    tokens = [lab.propose("a", f"x{number}") for number in range(3)]
    for _ in range(10):
        lab.heartbeat("a")
    lab.restart("c")
    lab.heartbeat("a")
    lab.heartbeat("a")
    assert lab.commands("c") == tokens


def test_a_server_that_crashed_before_responding_gets_the_same_rpc_again_and_answers_the_same() -> None:
    """§3.7: AppendEntries is idempotent: entries that are present already are ignored in the new request."""
    request = append("b", 1, entries=log(1, 1))
    before = server(term=1)
    first = receive(before, request)
    assert first.save == Save(1, None, 1, log(1, 1))
    after = server(term=1, entries=log(1, 1))
    assert receive(after, request) == effects(replies=first.replies)


def test_a_vote_that_was_saved_and_not_sent_is_sent_after_the_restart() -> None:
    """§3.7: RequestVote is idempotent as well."""
    first = receive(server(), ask("b", 1))
    after = server(term=1, vote="b")
    assert receive(after, ask("b", 1)) == effects(replies=first.replies)


def test_the_same_append_entries_twice_in_one_turn_is_stored_once() -> None:
    """§3.7, as above."""
    raft = server(term=1)
    request = append("b", 1, entries=log(1, 1), commit=1)
    twice = receive(raft, request, request)
    assert twice.save == Save(1, None, 1, log(1, 1))
    assert twice.replies == [("b", accepted("a", 1, 2, prev=0))] * 2


def test_a_candidate_asks_again_in_its_next_election_not_before() -> None:
    """§3.7: a lost request is made good by the next election; a term has one."""
    raft = server()
    save_done(raft, tick(raft, raft.deadline))
    raft.take_effects()
    assert tick(raft, raft.deadline - 0.01) == effects()


def test_a_lost_append_entries_is_sent_again_with_the_next_heartbeat() -> None:
    """§3.7: Raft handles these failures by retrying."""
    raft = leader()
    request = append("a", 1, entries=joined(no_op(1)), sent_at=raft.deadline)
    assert tick(raft, raft.deadline).messages == [("b", request), ("c", request)]


def test_a_lost_reply_costs_one_heartbeat() -> None:
    """§3.7: the answer to a heartbeat says as much as the answer that was lost."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    settle(raft)
    beat = tick(raft, raft.deadline)
    assert ("b", append("a", 1, prev=(2, 1), commit=1, sent_at=raft.state.now)) in beat.messages
    committed = receive(raft, accepted("b", 1, 2)).committed
    assert committed is not None
    assert committed.tokens == ["who"]


def test_a_request_that_was_lost_while_pipelining_is_sent_again() -> None:
    """§10.2.2: if an RPC is lost, the next one fails the consistency check, and nextIndex goes back."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    settle(raft)
    beat = tick(raft, raft.deadline).messages[0]
    now = raft.state.now
    assert beat == ("b", append("a", 1, prev=(2, 1), commit=1, sent_at=now))
    again = append("a", 1, prev=(1, 1), entries=joined(Entry(1, EntryKind.COMMAND, b"x")), commit=1, sent_at=now)
    assert receive(raft, rejected("b", 1, prev=2, conflict=(2, 0))).messages == [("b", again)]


def test_a_leader_that_restarts_is_a_follower_of_its_own_term_and_votes_no_second_time() -> None:
    """§3.4, §3.8: it has voted for itself, and knows it from its disk."""
    raft = server(term=4, vote="a", entries=log(1, 4))
    assert receive(raft, ask("b", 4, last=(9, 4))) == effects(replies=[("b", refusal("a", 4))])


def test_a_leader_that_restarts_does_not_lead_by_votes_that_come_late() -> None:
    """§3.4: a vote was given to a candidate; after the crash there is none."""
    raft = server(term=4, vote="a", entries=log(1, 4))
    assert receive(raft, vote("b", 4), vote("c", 4), accepted("b", 4, 2)) == effects()
    assert tick(raft, 0.1) == effects()


def test_followers_crash_one_after_the_other_and_no_command_is_lost() -> None:
    """§3.7: the cluster works as long as a majority does."""
    lab = Lab()
    lab.elect("a")
    for number, name in enumerate("bcbcbc"):
        lab.crash(name)
        token = lab.propose("a", f"x{number}")
        lab.deliver_all()
        assert isinstance(lab.outcomes[token], Done)
        lab.restart(name)
        lab.heartbeat("a")
    lab.heartbeat("a")
    assert {tuple(lab.commands(name)) for name in "abc"} == {tuple(f"x{number}" for number in range(6))}


def test_a_follower_ignores_what_it_was_told_before_it_answered_a_newer_leader() -> None:
    """§3.7 with §3.3: a request that was retried for long may come in a later term; then it is too late."""
    raft = follower_of("b", term=2)
    settle(raft)
    receive(raft, append("c", 3, entries=log(3)))
    reply = stale_term("a", 3)
    raft.saved(3, 1)
    raft.take_effects()
    assert receive(raft, append("b", 2, entries=log(2, 2))) == effects(replies=[("b", reply)])
