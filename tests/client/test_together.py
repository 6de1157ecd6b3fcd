"""Many requests that are sent together: in order, each executed once (§6.3), and each with a fate of its own."""

import asyncio

import pytest

from tests.adapters.network.recorder import eventually
from tests.client.lab import ADD, GET, NEW, NOT_LEADER, OLD, OVERLOADED, REFUSED, Leader, with_client
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.client.fate import as_one, own_answers
from tfraft.client.pipeline import MOST_BYTES, MOST_TOGETHER, together
from tfraft.client.prepare import Prepared
from tfraft.client.routing import ClusterClient
from tfraft.core.requests import Answer, AnswerStatus, ClientBatch, ClientQuery, ClientRequest, Consistency
from tfraft.errors import OutcomeUnknown, Overloaded, Refused, Unavailable
from tfraft.store import codec

WRITES = [codec.encode(ADD)] * 3
READ = codec.encode(GET)


def test_writes_that_are_sent_together_are_one_message_and_have_numbers_in_order() -> None:
    leader = Leader()

    async def test(client: ClusterClient) -> None:
        assert await client.apply_all(WRITES) == [NEW, OLD, OLD]

    with_client(test, leader)
    assert leader.batches == [3]
    assert [(write.sequence_num, write.lowest_unanswered) for write in leader.writes] == [(1, 1), (2, 1), (3, 1)]


@pytest.mark.parametrize("fate", ["lost", "timeout"])
def test_when_an_answer_is_lost_what_has_none_is_sent_again_and_executed_once(fate: str) -> None:
    """The answer to a batch comes when all have theirs."""
    leader = Leader("answered", fate)

    async def test(client: ClusterClient) -> None:
        assert await client.apply_all(WRITES, timeout_s=1.0) == [NEW, OLD, OLD]

    with_client(test, leader)
    assert [write.sequence_num for write in leader.writes][3:] == ([1, 2, 3] if fate == "lost" else [2])


def test_what_one_server_did_not_take_is_sent_to_the_next() -> None:
    follower, leader = Leader(*[Answer(AnswerStatus.NOT_LEADER, leader_hint="n2")] * 3), Leader()

    leader.open_session()  # The one that the first server gives.

    async def test(client: ClusterClient) -> None:
        client.believe("n1")
        assert await client.apply_all(WRITES) == [NEW, OLD, OLD]

    with_client(test, follower, leader)
    assert leader.batches == [3]


def test_one_that_is_refused_has_an_error_in_its_place_and_the_others_are_executed() -> None:
    leader = Leader("answered", OVERLOADED, REFUSED)

    async def test(client: ClusterClient) -> None:
        first, second, third = await client.apply_all(WRITES)
        assert first == NEW
        assert type(second) is Overloaded
        assert type(third) is Refused

    with_client(test, leader)


def test_one_that_is_refused_after_a_try_that_may_have_been_executed_is_not_known() -> None:
    leader = Leader("answered", "timeout", NOT_LEADER, OVERLOADED, REFUSED)

    async def test(client: ClusterClient) -> None:
        first, second, third = await client.apply_all(WRITES)
        assert first == NEW
        assert isinstance(second, OutcomeUnknown)
        assert type(third) is Refused

    with_client(test, leader)


def test_a_session_that_is_gone_is_replaced_and_what_was_not_executed_is_sent_in_the_new_one() -> None:
    leader = Leader(max_sessions=1)

    async def test(client: ClusterClient) -> None:
        assert await client.apply_all(WRITES[:2]) == [NEW, OLD]
        leader.open_session()
        assert await client.apply_all(WRITES) == [OLD, OLD, OLD]

    with_client(test, leader)
    assert len(leader.registrations) == 3
    assert {write.client_id for write in leader.writes[-3:]} == {leader.registrations[-1]}


def test_where_no_session_can_be_opened_none_is_executed() -> None:
    async def test(client: ClusterClient) -> None:
        results = await client.apply_all(WRITES, timeout_s=0.05)
        assert [type(result) for result in results] == [Unavailable] * 3

    with_client(test)


def test_reads_that_are_sent_together_are_one_message() -> None:
    leader = Leader()

    async def test(client: ClusterClient) -> None:
        assert await client.query_all([READ] * 3) == [b"_\r\n"] * 3
        assert await client.query_all([READ]) == [b"_\r\n"]
        assert await client.query_all([]) == []

    with_client(test, leader)
    assert leader.batches == [3]


def test_reads_that_any_server_answers_go_to_each_in_turn() -> None:
    servers = Leader(), Leader()

    async def test(client: ClusterClient) -> None:
        for _ in range(2):
            await client.query_all([READ] * 2, 10.0, Consistency.FOLLOWER)

    with_client(test, *servers)
    assert [server.batches for server in servers] == [[2], [2]]


def test_answers_that_are_missing_are_not_known() -> None:
    """Whatever a server sends."""
    batch = ClientBatch((ClientRequest(b"a"), ClientRequest(b"b")))
    ok = Answer(AnswerStatus.OK, answers=(Answer(AnswerStatus.OK),))
    assert [one.status for one in own_answers(batch, ok)] == [AnswerStatus.OK, AnswerStatus.TIMEOUT]
    assert as_one(batch, Answer(AnswerStatus.OK)).status is AnswerStatus.TIMEOUT
    assert len(own_answers(batch, Answer(AnswerStatus.OK, answers=(ok, ok, ok)))) == 2
    assert own_answers(ClientQuery(b""), NOT_LEADER) == [NOT_LEADER]
    assert as_one(ClientQuery(b""), NOT_LEADER) == NOT_LEADER


def test_a_client_that_is_closed_ends_what_is_under_way() -> None:
    leader = Leader("nothing")

    async def main() -> None:
        network, server = MemoryNetwork(), MemoryServer()
        network.add("n1", server)
        await server.start(leader)
        client = ClusterClient(network.connect, {"n1": "n1"})
        writing = asyncio.create_task(client.apply_all(WRITES[:1], timeout_s=1000.0))
        await eventually(lambda: leader.writes)
        await client.close()
        await server.stop()
        (result,) = await writing
        assert isinstance(result, OutcomeUnknown)
        assert str(result) == "the client is closed"

    asyncio.run(main())


def test_a_pipeline_is_cut_where_reads_and_writes_meet_and_where_it_is_too_large() -> None:
    read, write = Prepared(b"r", False), Prepared(b"w", True)
    large = Prepared(bytes(MOST_BYTES), True)
    assert list(together([])) == []
    assert list(together([read, write, write, read])) == [[read], [write, write], [read]]
    assert [len(run) for run in together([write] * (MOST_TOGETHER + 1))] == [MOST_TOGETHER, 1]
    assert [len(run) for run in together([large, write, write, large])] == [1, 2, 1]
