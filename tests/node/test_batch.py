"""Requests that another server hands on for its clients: each is done and answered like one that came by itself."""

from tests.node.lab import Lab
from tfraft.core.requests import Answer, AnswerStatus, ClientBatch, ClientQuery, ClientRequest, RegisterClient
from tfraft.store import codec

SET = ClientRequest(codec.encode([b"SET", b"k", b"v"]))
GET = ClientQuery(codec.encode([b"GET", b"k"]))
OTHER = ClientRequest(codec.encode([b"SET", b"k", b"w"]))


def test_a_leader_takes_the_requests_of_a_batch_in_their_order_and_answers_once_all_are_answered() -> None:
    lab = Lab().lead()
    lab.ask(ClientBatch((SET, RegisterClient(), OTHER)))
    assert [entry.data for entry in lab.node.log(2, 4)] == [SET.command, lab.node.log(3, 3)[0].data, OTHER.command]
    assert lab.answers == []
    lab.commit(4)
    ok = Answer(AnswerStatus.OK, b"+OK\r\n")
    assert lab.answers == [Answer(AnswerStatus.OK, answers=(ok, Answer(AnswerStatus.OK, b"3"), ok))]


def test_who_does_not_lead_answers_each_request_of_a_batch_that_it_does_not() -> None:
    lab = Lab()
    lab.ask(ClientBatch((SET, GET)))
    [answer] = lab.answers
    assert [one.status for one in answer.answers] == [AnswerStatus.NOT_LEADER] * 2


def test_a_batch_of_nothing_is_done_at_once() -> None:
    lab = Lab()
    lab.ask(ClientBatch(()))
    assert lab.answers == [Answer(AnswerStatus.OK)]
