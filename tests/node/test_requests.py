"""What clients ask of a node: writes in a session (§6.3), and reads that may miss something or nothing (§6.4)."""

from dataclasses import replace

from tests.node.lab import CONFIG, NOW_S, Lab, heartbeat
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    ReadIndex,
    ReadIndexReply,
)
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    Consistency,
    RegisterClient,
)
from tfraft.store import codec
from tfraft.store.envelope import Command

SET = ClientRequest(codec.encode([b"SET", b"k", b"v"]))
GET = ClientQuery(codec.encode([b"GET", b"k"]))


# --- Sessions (§6.3) ---


def in_session(sequence_num: int, value: bytes = b"v") -> ClientRequest:
    """A write of the session that the entry at index 2 has opened."""
    return ClientRequest(codec.encode([b"SSET", b"k", value]), 2, sequence_num, sequence_num)


def registered() -> Lab:
    """A leader at which a client has opened session 2."""
    lab = Lab().lead()
    lab.ask(RegisterClient())
    lab.commit(2)
    return lab


def test_the_number_of_a_session_is_the_index_of_its_entry() -> None:
    """§6.3: unique in the cluster, without anybody who gives out numbers."""
    lab = Lab().lead()
    lab.ask(RegisterClient())
    assert lab.answers == []
    lab.commit(2)
    assert lab.answers == [Answer(AnswerStatus.OK, b"2")]


def test_a_request_that_comes_twice_in_a_session_is_executed_once_and_answered_twice_alike() -> None:
    """§6.3: the second gets the response of the first."""
    lab = registered()
    for index in (3, 4):
        lab.ask(in_session(1))
        lab.commit(index)
    assert lab.answers[1:] == [Answer(AnswerStatus.OK, b":1\r\n")] * 2


def test_a_request_of_a_session_that_never_was_is_refused_as_expired() -> None:
    """§6.3: it may have been executed before its session ended, so it is never executed now."""
    lab = Lab().lead()
    lab.ask(ClientRequest(SET.command, client_id=99, sequence_num=1, lowest_unanswered=1))
    lab.commit(2)
    reason = "there is no session 99: it has expired, or never was"
    assert lab.answers == [Answer(AnswerStatus.SESSION_EXPIRED, reason=reason)]
    lab.ask(GET)
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2, read_round=1))
    assert lab.answers[-1].response == b"_\r\n"


def test_the_time_of_an_entry_is_that_of_the_server_that_proposed_it() -> None:
    """§6.3: no replica looks at a clock when it decides whether a session has expired."""
    lab = Lab().lead()
    lab.ask(SET)
    [entry] = lab.disk.saves[0][0].entries
    assert Command.decode(entry.data) == Command(int(NOW_S * 1000), SET.command)


# --- Reads (§6.4) ---


def test_a_lease_read_is_answered_at_once_where_leases_are_allowed() -> None:
    """§6.4.1: nobody is asked while a majority has promised not to vote."""
    lab = Lab(config=replace(CONFIG, lease_reads=True)).lead()
    lab.loop.advance(lab.loop.now + 0.2)
    sent_at = lab.node.raft.state.now
    lab.receive(AppendEntriesReply(1, "b", True, match_index=1, sent_at=sent_at))
    lab.ask(replace(GET, consistency=Consistency.LEASE))
    assert lab.answers == [Answer(AnswerStatus.OK, b"_\r\n")]


def test_a_follower_answers_a_read_once_the_leader_has_named_an_index() -> None:
    """§6.4: then it has applied all that was answered before."""
    lab = Lab()
    lab.receive(heartbeat())
    lab.saved()
    lab.sent_now()
    lab.ask(replace(GET, consistency=Consistency.FOLLOWER))
    [(to, asked)] = lab.sent_now()
    assert isinstance(asked, ReadIndex)
    assert (to, lab.answers) == ("b@b:1", [])
    lab.receive(ReadIndexReply(1, "b", asked.number, read_index=0))
    assert lab.answers == [Answer(AnswerStatus.OK, b"_\r\n")]


def test_a_stale_read_is_answered_as_long_as_the_state_is_fresh_enough() -> None:
    lab = Lab()
    lab.receive(AppendEntries(1, "b", 0, 0, Entries.of(Entry(1, EntryKind.NO_OP)), 1, sent_at=100.0))
    lab.loop.advance(lab.loop.now + 0.5)
    lab.ask(replace(GET, consistency=Consistency.STALE, max_staleness_s=0.6))
    lab.ask(replace(GET, consistency=Consistency.STALE, max_staleness_s=0.4))
    assert [answer.status for answer in lab.answers] == [AnswerStatus.OK, AnswerStatus.NOT_LEADER]
    assert "the state of a is 0.5 s old" in lab.answers[1].reason
