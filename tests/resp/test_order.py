"""Replies come in the order of the requests, and each request sees what came before it on its connection."""

from tests.resp.resp_lab import lab, on_both_loops, request, requests
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest, Consistency
from tfraft.store import codec


@on_both_loops
async def test_replies_come_in_the_order_of_the_requests_whatever_the_order_of_the_answers() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("SET a 1\nSET b 2\nPING\nECHO x"))
        await one.asked(2)
        one.gateway.release(last_first=True)
        await client.expect(b"+OK\r\n+OK\r\n+PONG\r\n$1\r\nx\r\n")


@on_both_loops
async def test_a_read_behind_open_writes_goes_through_the_log_and_sees_them() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("SET a 1\nGET a\nSET a 2\nGET a"))
        await one.asked(4)
        assert all(type(asked) is ClientRequest for asked in one.gateway.asked)
        one.gateway.release()
        await client.expect(b"+OK\r\n$1\r\n1\r\n+OK\r\n$1\r\n2\r\n")


@on_both_loops
async def test_a_write_waits_for_open_reads_and_all_behind_it_waits_too() -> None:
    """Else a read could see what was written after it."""
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("GET a\nGET a\nSET a 1\nECHO x\nGET a"))
        await one.asked(2)
        assert [type(asked) for asked in one.gateway.asked] == [ClientQuery, ClientQuery]
        one.gateway.release()
        await one.asked(4)
        assert [type(asked) for asked in one.gateway.asked[2:]] == [ClientRequest, ClientRequest]
        one.gateway.release()
        await client.expect(b"$-1\r\n$-1\r\n+OK\r\n$1\r\nx\r\n$1\r\n1\r\n")


@on_both_loops
async def test_reads_alone_are_asked_together_and_as_the_connection_wants_them() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(
            requests("READMODE stale 2.5\nGET a\nREADONLY\nGET a\nREADWRITE\nGET a"), b"+OK\r\n$-1\r\n" * 3
        )
        query = codec.encode([b"GET", b"a"])
        assert one.gateway.asked == [
            ClientQuery(query, Consistency.STALE, 2.5),
            ClientQuery(query, Consistency.FOLLOWER),
            ClientQuery(query),
        ]


@on_both_loops
async def test_hello_changes_the_protocol_of_what_comes_after_it_alone() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("GET a\nHELLO 3\nGET a\nHELLO 2\nGET a"))
        await one.asked(3)
        one.gateway.release()
        seen = await client.talk(b"")
        assert seen.startswith(b"$-1\r\n%7\r\n")
        assert b"*0\r\n_\r\n*14\r\n" in seen
        assert seen.endswith(b"$-1\r\n")


@on_both_loops
async def test_what_is_open_when_a_client_goes_disturbs_nobody() -> None:
    async with lab() as one:
        gone, stays = await one.client(), await one.client()
        one.gateway.holds = True
        gone.send(requests("GET a\nSET a 1"))
        await one.asked(1)
        await gone.close()
        stays.send(requests("SET a 2"))
        await one.asked(2)
        one.gateway.release()
        await stays.expect(b"+OK\r\n")


@on_both_loops
async def test_a_client_that_sends_nothing_more_still_gets_what_it_is_owed() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("GET a\nSET a 1"))
        client.writer.write_eof()
        await one.asked(1)
        one.gateway.release()
        await one.asked(2)
        one.gateway.release()
        assert await client.rest() == b"$-1\r\n+OK\r\n"


@on_both_loops
async def test_quit_is_answered_last_and_nothing_behind_it_is_executed() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("SET a 1\nQUIT\nSET a 2"))
        await one.asked(1)
        one.gateway.release()
        assert await client.rest() == b"+OK\r\n+OK\r\n"
        assert len(one.gateway.asked) == 1


@on_both_loops
async def test_a_protocol_error_is_answered_behind_what_came_before_it_and_ends_the_connection() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("GET a\nSET a 1") + b"*x\r\n" + requests("SET a 2"))
        await one.asked(1)
        one.gateway.release()
        await one.asked(2)
        one.gateway.release()
        assert await client.rest() == b"$-1\r\n+OK\r\n-ERR Protocol error: invalid multibulk length\r\n"
        assert len(one.gateway.asked) == 2


@on_both_loops
async def test_each_outcome_has_an_error_of_its_own_on_the_living_connection() -> None:
    """A dropped connection would make clients send the write again."""
    refused = {
        AnswerStatus.NOT_LEADER: b"-CLUSTERDOWN No Raft leader\r\n",
        AnswerStatus.TIMEOUT: b"-UNKNOWN outcome: the write may or may not have been executed\r\n",
        AnswerStatus.OVERLOADED: b"-BUSY why\r\n",
        AnswerStatus.SESSION_EXPIRED: b"-SESSIONEXPIRED why\r\n",
        AnswerStatus.REFUSED: b"-ERR why\r\n",
    }
    async with lab() as one:
        client = await one.client()
        for status, reply in refused.items():
            one.gateway.refusals = [Answer(status, reason="why")]
            await client.ask(request("SET", "a", "1"), reply)
        one.gateway.refusals = [Answer(AnswerStatus.TIMEOUT)]
        await client.ask(request("GET", "a"), b"-CLUSTERDOWN No Raft leader\r\n")
        await client.ask(request("PING"), b"+PONG\r\n")


@on_both_loops
async def test_client_reply_says_which_commands_are_answered() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(requests("CLIENT REPLY OFF\nSET a 1\nFOO\nCLIENT REPLY ON\nGET a"), b"+OK\r\n$1\r\n1\r\n")
        await client.ask(requests("CLIENT REPLY SKIP\nSET a 2\nGET a"), b"$1\r\n2\r\n")


@on_both_loops
async def test_commands_that_are_for_servers_are_unknown_to_clients() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(request("TF.EXEC", "0"), b"-ERR unknown command 'TF.EXEC', with args beginning with: '0' \r\n")
        assert one.gateway.asked == []
