"""MULTI and EXEC: one entry of the log, executed whole or not at all; WATCH by the versions of keys."""

import pytest

from tests.resp.resp_lab import lab, on_both_loops, request, requests
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest

ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"


@on_both_loops
async def test_a_transaction_is_one_request_and_its_reply_those_of_its_commands() -> None:
    async with lab() as one:
        client = await one.client()
        queued = b"+OK\r\n" + 4 * b"+QUEUED\r\n"
        replies = (
            b"*4\r\n+OK\r\n$1\r\n1\r\n$-1\r\n-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
        )
        await client.ask(requests("MULTI\nSET a 1\nGET a\nGET b\nHGET a f\nEXEC"), queued + replies)
        assert len(one.gateway.asked) == 1


@on_both_loops
async def test_what_a_connection_answers_itself_stands_in_its_place_among_the_replies() -> None:
    async with lab() as one:
        client = await one.client()
        queued = b"+OK\r\n" + 5 * b"+QUEUED\r\n"
        await client.ask(
            requests("MULTI\nPING\nSADD s x\nECHO e\nSMEMBERS s\nWAIT 1 0\nEXEC"),
            queued + b"*5\r\n+PONG\r\n:1\r\n$1\r\ne\r\n*1\r\n$1\r\nx\r\n:1\r\n",
        )
        await client.ask(requests("MULTI\nPING\nEXEC"), b"+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n")
        await client.ask(requests("MULTI\nEXEC"), b"+OK\r\n*0\r\n")
        assert len(one.gateway.asked) == 1


@on_both_loops
async def test_a_transaction_that_only_reads_needs_no_entry_in_the_log() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(requests("MULTI\nGET a\nEXEC"), b"+OK\r\n+QUEUED\r\n*1\r\n$-1\r\n")
        assert [type(asked) for asked in one.gateway.asked] == [ClientQuery]


@pytest.mark.parametrize(
    ("commands", "end"),
    [
        ("MULTI\nFOO\nSET a 1\nEXEC", ABORTED),
        ("MULTI\nGET\nEXEC", ABORTED),
        ("MULTI\nCLIENT FOO\nEXEC", ABORTED),
        ("MULTI\nSESSION OPEN\nEXEC", ABORTED),
        ("MULTI\nTF.EXEC 0\nEXEC", ABORTED),
        ("EXEC", b"-ERR EXEC without MULTI\r\n"),
        (
            "MULTI\nEXEC x",
            b"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n",
        ),
        ("DISCARD", b"-ERR DISCARD without MULTI\r\n"),
        ("MULTI\nSET a 1\nDISCARD\nEXEC", b"-ERR EXEC without MULTI\r\n"),
        ("MULTI\nMULTI\nEXEC", b"*0\r\n"),
        ("MULTI\nWATCH a\nEXEC", b"*0\r\n"),
        ("MULTI\nSET a 1\nRESET\nEXEC", b"-ERR EXEC without MULTI\r\n"),
    ],
)
@on_both_loops
async def test_a_refused_command_spoils_a_transaction_and_misuse_has_the_texts_of_redis(
    commands: str, end: bytes
) -> None:
    async with lab() as one:
        client = await one.client()
        seen = await client.talk(requests(commands))
        assert seen.endswith(end)
        assert one.gateway.asked == []


@pytest.mark.parametrize(("protocol", "nil"), [("2", b"*-1\r\n"), ("3", b"_\r\n")])
@on_both_loops
async def test_a_watched_key_that_has_changed_lets_exec_do_nothing(protocol: str, nil: bytes) -> None:
    async with lab() as one:
        client, other = await one.client(), await one.client()
        await client.talk(request("HELLO", protocol))
        await client.ask(requests("SET a 1\nWATCH a b\nMULTI\nSET a 2"), b"+OK\r\n+OK\r\n+OK\r\n+QUEUED\r\n")
        await other.ask(request("SET", "a", "3"), b"+OK\r\n")
        await client.ask(requests("EXEC\nGET a"), nil + b"$1\r\n3\r\n")
        await client.ask(requests("MULTI\nSET a 4\nEXEC"), b"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")


@pytest.mark.parametrize("forget", ["UNWATCH", "MULTI\nDISCARD", "RESET"])
@on_both_loops
async def test_keys_are_watched_until_exec_discard_unwatch_or_reset(forget: str) -> None:
    async with lab() as one:
        client, other = await one.client(), await one.client()
        await client.talk(requests("WATCH a\n" + forget))
        await other.ask(request("SET", "a", "3"), b"+OK\r\n")
        await client.ask(requests("MULTI\nSET a 4\nEXEC"), b"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")


@on_both_loops
async def test_a_key_that_is_watched_twice_must_not_have_changed_since_the_first_time() -> None:
    async with lab() as one:
        client = await one.client()
        begun = b"+OK\r\n" * 4 + b"+QUEUED\r\n"
        await client.ask(requests("WATCH a\nSET a 1\nWATCH a\nMULTI\nSET a 2\nEXEC"), begun + b"*-1\r\n")


@on_both_loops
async def test_a_pipelined_exec_waits_for_the_versions_that_watch_has_asked_for() -> None:
    async with lab() as one:
        client = await one.client()
        one.gateway.holds = True
        client.send(requests("WATCH a\nMULTI\nSET a 1\nEXEC"))
        await one.asked(1)
        one.gateway.release()
        await one.asked(2)
        one.gateway.release()
        await client.expect(b"+OK\r\n+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")
        assert [type(asked) for asked in one.gateway.asked] == [ClientQuery, ClientRequest]


@on_both_loops
async def test_after_a_watch_that_failed_exec_executes_nothing() -> None:
    """The client has wanted to be sure of something that nobody knows."""
    async with lab() as one:
        client = await one.client()
        one.gateway.refusals = [Answer(AnswerStatus.NOT_LEADER)]
        await client.ask(request("WATCH", "a"), b"-CLUSTERDOWN No Raft leader\r\n")
        await client.ask(requests("MULTI\nSET a 1\nEXEC"), b"+OK\r\n+QUEUED\r\n" + ABORTED)
        await client.ask(requests("MULTI\nSET a 1\nEXEC"), b"+OK\r\n+QUEUED\r\n*1\r\n+OK\r\n")


@on_both_loops
async def test_an_unknown_outcome_of_exec_is_said_to_be_unknown() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(requests("MULTI\nSET a 1\nPING"), b"+OK\r\n+QUEUED\r\n+QUEUED\r\n")
        one.gateway.refusals = [Answer(AnswerStatus.TIMEOUT)]
        await client.ask(request("EXEC"), b"-UNKNOWN outcome: the write may or may not have been executed\r\n")
