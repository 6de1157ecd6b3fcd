"""Reads that any server may answer go to all in turn, all else to the leader (§6.4)."""

import pytest

from tests.client.lab import ADD, GET, Leader, with_client
from tfraft.client.routing import ClusterClient
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientQuery,
    Consistency,
    NodeRequest,
    TransferLeadership,
)
from tfraft.errors import Unavailable
from tfraft.ports import OnAnswer
from tfraft.store import codec


@pytest.mark.parametrize("consistency", [Consistency.FOLLOWER, Consistency.STALE])
def test_reads_that_any_server_may_answer_go_to_all_servers_in_turn(consistency: Consistency) -> None:
    """§6.4: so that the leader is not the limit."""
    servers = Leader(), Leader(), Leader()

    async def test(client: ClusterClient) -> None:
        client.believe("n1")
        for _ in range(9):
            await client.execute(GET, consistency=consistency, max_staleness_s=5.0)

    with_client(test, *servers)
    assert [len(server.others) for server in servers] == [3, 3, 3]
    assert servers[0].others[0] == ClientQuery(codec.encode(GET), consistency, 5.0)


def test_reads_at_the_leader_go_to_the_leader_alone() -> None:
    servers = Leader(), Leader(), Leader()

    async def test(client: ClusterClient) -> None:
        client.believe("n2")
        for consistency in (Consistency.LINEARIZABLE, Consistency.LEASE):
            await client.execute(GET, consistency=consistency)

    with_client(test, *servers)
    assert [len(server.others) for server in servers] == [0, 2, 0]


def test_a_follower_that_answers_a_read_is_not_taken_for_the_leader() -> None:
    servers = Leader(), Leader()

    async def test(client: ClusterClient) -> None:
        client.believe("n1")
        for _ in range(2):
            await client.execute(GET, consistency=Consistency.FOLLOWER)
            await client.execute(ADD)

    with_client(test, *servers)
    assert [len(server.writes) for server in servers] == [2, 0]


def test_a_server_that_cannot_answer_a_stale_read_is_passed_over() -> None:
    """Its state may be too old: then another is asked, in the end the leader."""

    class TooOld(Leader):
        def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
            on_answer(Answer(AnswerStatus.NOT_LEADER, reason="the state of n2 is 9 s old"))

    leader = Leader()

    async def test(client: ClusterClient) -> None:
        client.believe("n1")
        for _ in range(2):
            await client.execute(GET, consistency=Consistency.STALE, max_staleness_s=5.0)

    with_client(test, leader, TooOld())
    assert len(leader.others) == 2


def test_with_no_member_a_follower_read_ends_in_time_as_well() -> None:
    async def test(client: ClusterClient) -> None:
        client.set_members({})
        with pytest.raises(Unavailable):
            await client.execute(GET, timeout_s=0.1, consistency=Consistency.FOLLOWER)

    with_client(test, Leader())


def test_after_a_transfer_the_new_leader_is_asked_first() -> None:
    """§3.10: the old one answers with whom it has handed over to."""

    class Old(Leader):
        def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
            self.others.append(request)
            on_answer(Answer(AnswerStatus.OK, leader_hint="n2", leader_address="n2"))

    old, new = Old(), Leader()

    async def test(client: ClusterClient) -> None:
        client.believe("n1")
        await client.ask(TransferLeadership("n2"), 1.0)
        await client.execute(ADD)

    with_client(test, old, new)
    assert old.others == [TransferLeadership("n2")]
    assert len(new.writes) == 1
