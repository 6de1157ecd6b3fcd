"""SESSION carries exactly-once over RESP, over any number of connections (§6.3)."""

import pytest

from tests.resp.resp_lab import Lab, lab, on_both_loops, request, requests
from tfraft.core.requests import ClientRequest


async def opened(one: Lab) -> int:
    """A session that was opened, and is used by nobody."""
    client = await one.client()
    reply = await client.talk(request("SESSION", "OPEN"))
    return int(reply[1:])


@on_both_loops
async def test_a_number_that_comes_again_is_answered_and_not_executed_again() -> None:
    async with lab() as one:
        first = await one.client()
        reply = await first.talk(request("SESSION", "OPEN"))
        await first.ask(requests("SESSION RUN 1 INCR n\nSESSION RUN 2 INCR n"), b":1\r\n:2\r\n")
        await first.close()
        second = await one.client()
        await second.ask(request("SESSION", "USE", reply[1:-2]), b"+OK\r\n")
        await second.ask(requests("SESSION RUN 2 INCR n\nSESSION RUN 3 INCR n\nGET n"), b":2\r\n:3\r\n$1\r\n3\r\n")


@on_both_loops
async def test_what_the_client_has_got_is_forgotten_and_refused() -> None:
    async with lab() as one:
        client = await one.client()
        await client.talk(request("SESSION", "OPEN"))
        await client.ask(requests("SESSION RUN 1 INCR n\nSESSION RUN 2 2 INCR n"), b":1\r\n:2\r\n")
        seen = await client.talk(requests("SESSION RUN 1 INCR n"))
        assert seen == b"-ERR request 1 was answered: the client got all below 2\r\n"


@on_both_loops
async def test_a_transaction_runs_in_a_session_too() -> None:
    async with lab() as one:
        client = await one.client()
        await client.talk(request("SESSION", "OPEN"))
        for _ in range(2):
            await client.ask(
                requests("WATCH n\nMULTI\nINCR n\nSESSION RUN 1 EXEC"), b"+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n:1\r\n"
            )
        await client.ask(request("GET", "n"), b"$1\r\n1\r\n")


@on_both_loops
async def test_in_a_session_reads_are_entries_of_the_log_as_well() -> None:
    async with lab() as one:
        client = await one.client()
        await client.talk(request("SESSION", "OPEN"))
        await client.ask(requests("SESSION RUN 1 GET n\nSESSION RUN 1 GET n"), b"$-1\r\n$-1\r\n")
        assert [type(asked) for asked in one.gateway.asked[1:]] == [ClientRequest, ClientRequest]


@on_both_loops
async def test_a_session_that_is_closed_answers_nothing_any_more() -> None:
    async with lab() as one:
        number = await opened(one)
        client = await one.client()
        await client.talk(request("SESSION", "USE", str(number)) + requests("SESSION RUN 1 INCR n"))
        await client.ask(request("SESSION", "CLOSE"), b"+OK\r\n")
        await client.ask(
            requests("SESSION RUN 2 INCR n"), b"-ERR no session: SESSION OPEN or SESSION USE comes first\r\n"
        )
        seen = await client.talk(request("SESSION", "USE", str(number)) + requests("SESSION RUN 2 INCR n\nGET n"))
        assert b"was answered" in seen
        assert seen.endswith(b"$1\r\n1\r\n")


@on_both_loops
async def test_a_session_that_is_gone_is_told_apart() -> None:
    async with lab() as one:
        client = await one.client()
        seen = await client.talk(requests("SESSION USE 99\nSESSION RUN 1 INCR n\nSESSION CLOSE"))
        assert seen == b"+OK\r\n-SESSIONEXPIRED there is no session 99: it has expired, or never was\r\n+OK\r\n"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SESSION RUN 1 INCR n", b"-ERR no session: SESSION OPEN or SESSION USE comes first\r\n"),
        ("SESSION CLOSE", b"-ERR no session: SESSION OPEN or SESSION USE comes first\r\n"),
        ("SESSION USE 0", b"-ERR value is not an integer or out of range\r\n"),
        ("SESSION USE x", b"-ERR value is not an integer or out of range\r\n"),
        ("SESSION USE 1\nSESSION RUN x INCR n", b"+OK\r\n-ERR value is not an integer or out of range\r\n"),
        (
            "SESSION USE 1\nSESSION RUN 9223372036854775808 GET n",
            b"+OK\r\n-ERR value is not an integer or out of range\r\n",
        ),
        ("SESSION USE 1\nSESSION RUN 1 2", b"+OK\r\n-ERR wrong number of arguments for 'session|run' command\r\n"),
        ("SESSION USE 1\nSESSION RUN 1 PING", b"+OK\r\n-ERR SESSION RUN takes a command of the store, or EXEC\r\n"),
        (
            "SESSION USE 1\nSESSION RUN 1 TF.EXEC 0",
            b"+OK\r\n-ERR SESSION RUN takes a command of the store, or EXEC\r\n",
        ),
        ("SESSION USE 1\nSESSION RUN 1 GET", b"+OK\r\n-ERR wrong number of arguments for 'get' command\r\n"),
        ("SESSION USE 1\nSESSION RUN 1 EXEC", b"+OK\r\n-ERR EXEC without MULTI\r\n"),
        (
            "SESSION USE 1\nMULTI\nSESSION RUN 1 GET n\nDISCARD",
            b"+OK\r\n+OK\r\n-ERR within MULTI, SESSION RUN takes EXEC alone\r\n+OK\r\n",
        ),
        ("SESSION FOO", b"-ERR unknown subcommand 'FOO'. Try SESSION HELP.\r\n"),
    ],
)
@on_both_loops
async def test_misuse_is_refused_and_nothing_is_executed(command: str, reply: bytes) -> None:
    async with lab() as one:
        client = await one.client()
        assert await client.talk(requests(command)) == reply
        assert one.gateway.asked == []
