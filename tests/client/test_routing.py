"""The client finds the leader, follows it, and sends again only what is safe to send (§6.2).

The servers here answer by script, over a network in memory."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from tests.adapters.network.recorder import eventually, run
from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
from tfraft.client.routing import ClusterClient
from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    NodeRequest,
    RegisterClient,
)
from tfraft.errors import CommandError, OutcomeUnknown, Refused, Unavailable
from tfraft.ports import OnAnswer, OnReply, PeerConnection
from tfraft.store import codec

OK = Answer(AnswerStatus.OK, b"+OK\r\n")
TIMEOUT = Answer(AnswerStatus.TIMEOUT)
NOT_LEADER = Answer(AnswerStatus.NOT_LEADER)
SILENCE = None
SET = [b"SET", b"k", b"v"]
GET = [b"GET", b"k"]


def hint(server: str, address: str = "") -> Answer:
    return Answer(AnswerStatus.NOT_LEADER, leader_hint=server, leader_address=address)


class Scripted:
    """A server that gives the answers of its script in order, the last one for ever, and notes what it was asked.

    Unless its script says now that it does not lead, it opens a session for whoever asks, beside the script."""

    def __init__(self, *script: Answer | None) -> None:
        self.script = list(script)
        self.asked: list[NodeRequest] = []
        self.sessions = 0

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        raise AssertionError("a client sends requests only")

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        now = self.script[0]
        if isinstance(request, RegisterClient) and (now is SILENCE or now.status is not AnswerStatus.NOT_LEADER):
            self.sessions += 1
            on_answer(Answer(AnswerStatus.OK, b"%d" % self.sessions))
            return
        self.asked.append(request)
        answer = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if answer is not None:
            on_answer(answer)


def with_client(
    test: Callable[[ClusterClient], Coroutine[Any, Any, None]], members: str = "", **servers: Scripted
) -> None:
    """Run `test` with a client of `servers`, which are its members too, unless these are named."""

    async def main() -> None:
        network = MemoryNetwork()
        for name, script in servers.items():
            server = MemoryServer()
            network.add(name, server)
            await server.start(script)
        client = ClusterClient(network.connect, {name: name for name in members.split() or servers})
        try:
            await test(client)
        finally:
            await client.close()

    run(main())


def test_a_request_goes_to_the_leader_that_a_follower_names() -> None:
    """§6.2: a server that does not lead rejects the request and says who may lead."""
    follower, leader = Scripted(hint("b")), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        assert await client.execute(SET) == b"+OK\r\n"
        assert await client.execute(SET) == b"+OK\r\n"

    with_client(test, a=follower, b=leader)
    assert (len(follower.asked), len(leader.asked)) == (1, 2)


def test_a_leader_that_is_no_member_is_found_at_the_address_of_the_hint() -> None:
    leader = Scripted(OK)

    async def test(client: ClusterClient) -> None:
        await client.execute(SET)

    with_client(test, members="a", a=Scripted(hint("z", "elsewhere")), elsewhere=leader)
    assert len(leader.asked) == 1


def test_where_nobody_knows_the_leader_all_are_asked_until_one_leads() -> None:
    a, b, c = Scripted(NOT_LEADER), Scripted(NOT_LEADER), Scripted(NOT_LEADER, NOT_LEADER, OK)

    async def test(client: ClusterClient) -> None:
        assert await client.execute(SET) == b"+OK\r\n"

    with_client(test, a=a, b=b, c=c)
    assert len(c.asked) == 3


def test_a_server_that_cannot_be_reached_is_passed_over() -> None:
    async def test(client: ClusterClient) -> None:
        client.believe("gone")
        assert await client.execute(SET) == b"+OK\r\n"

    with_client(test, members="gone a", a=Scripted(OK))


def test_two_servers_that_name_each_other_are_not_asked_without_a_pause() -> None:
    """Else a client would keep both busy for as long as there is no leader."""
    a, b = Scripted(hint("b")), Scripted(hint("a"))

    async def test(client: ClusterClient) -> None:
        with pytest.raises(Unavailable):
            await client.execute(SET, timeout_s=0.5)

    with_client(test, a=a, b=b)
    assert len(a.asked) + len(b.asked) < 30


def test_a_membership_change_whose_outcome_is_open_is_never_sent_again() -> None:
    a, b = Scripted(TIMEOUT), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        assert (await client.ask(AddServer("n9"), 1.0)).status is AnswerStatus.TIMEOUT

    with_client(test, a=a, b=b)
    assert (len(a.asked), len(b.asked)) == (1, 0)


def test_a_read_without_an_answer_is_sent_to_another_server() -> None:
    a, b = Scripted(SILENCE), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        assert await client.execute(GET, timeout_s=0.5) == b"+OK\r\n"

    with_client(test, a=a, b=b)
    assert (len(a.asked), len(b.asked)) == (1, 1)


def test_a_write_that_waits_to_the_end_has_an_unknown_outcome() -> None:
    async def test(client: ClusterClient) -> None:
        with pytest.raises(OutcomeUnknown, match=r"no answer in 0\.2 s"):
            await client.execute(SET, timeout_s=0.2)

    with_client(test, a=Scripted(SILENCE))


def test_a_write_that_nobody_took_is_unavailable_and_changed_nothing() -> None:
    async def test(client: ClusterClient) -> None:
        with pytest.raises(Unavailable, match=r"no answer in 0\.2 s: none of a b said that it leads"):
            await client.execute(SET, timeout_s=0.2)

    with_client(test, a=Scripted(NOT_LEADER), b=Scripted(NOT_LEADER))


def test_a_read_without_any_answer_is_unavailable() -> None:
    async def test(client: ClusterClient) -> None:
        with pytest.raises(Unavailable, match=r"no answer in 0\.3 s"):
            await client.execute(GET, timeout_s=0.3)

    with_client(test, a=Scripted(SILENCE), b=Scripted(NOT_LEADER))


def test_a_refusal_is_final_and_keeps_its_reason() -> None:
    a, b = Scripted(Answer(AnswerStatus.REFUSED, reason="too long")), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        with pytest.raises(Refused, match="too long"):
            await client.execute(SET)

    with_client(test, a=a, b=b)
    assert b.asked == []


@pytest.mark.parametrize("args", [[], [b"SETT", b"k", b"v"], [b"SET", b"k"], [b"SET", b"k" * 70_000, b"v"]])
def test_a_command_that_is_not_well_formed_is_not_sent(args: list[bytes]) -> None:
    server = Scripted(OK)

    async def test(client: ClusterClient) -> None:
        with pytest.raises(CommandError):
            await client.execute(args)

    with_client(test, a=server)
    assert server.asked == []


def test_only_what_writes_goes_through_the_log() -> None:
    """§6.4: a read needs no log entry."""
    server = Scripted(OK)

    async def test(client: ClusterClient) -> None:
        await client.execute(SET)
        await client.execute(GET)

    with_client(test, a=server)
    assert server.asked == [ClientRequest(codec.encode(SET), 1, 1, 1), ClientQuery(codec.encode(GET))]


def test_a_request_that_is_cancelled_leaves_the_client_usable() -> None:
    """Ctrl-C stops the waiting, and nothing else."""
    server = Scripted(SILENCE, OK)

    async def test(client: ClusterClient) -> None:
        waiting = asyncio.create_task(client.execute(SET))
        await eventually(lambda: server.asked)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await client.execute(SET) == b"+OK\r\n"

    with_client(test, a=server)
    assert len(server.asked) == 2


def test_a_server_that_moves_is_asked_at_its_new_address() -> None:
    old, new = Scripted(OK), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        client.set_members({"a": "old"})
        await client.execute(SET)
        client.set_members({"a": "new"})
        await client.execute(SET)

    with_client(test, old=old, new=new)
    assert (len(old.asked), len(new.asked)) == (1, 1)


def test_a_server_that_has_ended_leads_no_more_and_is_asked_over_a_new_connection() -> None:
    """The old one may take a request without knowing that nobody is there to answer it."""
    connections: list[str] = []

    async def main() -> None:
        network = MemoryNetwork()

        def connect(server_id: ServerId, address: str) -> PeerConnection:
            connections.append(server_id)
            return network.connect(server_id, address)

        for name, script in {"a": Scripted(OK), "b": Scripted(hint("a"), NOT_LEADER)}.items():
            server = MemoryServer()
            network.add(name, server)
            await server.start(script)
        client = ClusterClient(connect, {"a": "a", "b": "b"})
        await client.execute(SET)
        client.drop("a")
        client.set_members({"b": "b", "a": "a"})
        await client.execute(SET)
        await client.close()

    run(main())
    assert connections == ["a", "b", "a"]


def test_a_leader_that_is_no_member_any_more_is_forgotten() -> None:
    a, b = Scripted(OK), Scripted(OK)

    async def test(client: ClusterClient) -> None:
        await client.execute(SET)
        client.set_members({"b": "b"})
        await client.execute(SET)

    with_client(test, members="a b", a=a, b=b)
    assert (len(a.asked), len(b.asked)) == (1, 1)


def test_with_no_member_at_all_a_request_ends_in_time() -> None:
    async def test(client: ClusterClient) -> None:
        client.set_members({})
        with pytest.raises(Unavailable):
            await client.execute(SET, timeout_s=0.1)

    with_client(test, a=Scripted(OK))
