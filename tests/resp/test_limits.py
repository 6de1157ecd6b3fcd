"""What one client, and all together, may take of a server is bounded; whoever takes more is held off or cut off."""

import asyncio

import pytest

from tests.adapters.network.recorder import eventually
from tests.resp.resp_lab import Client, Lab, lab, on_both_loops, request, requests
from tfraft.errors import SettingError
from tfraft.resp.limits import RespLimits
from tfraft.resp.server import RespServer


async def paused(one: Lab, client: Client) -> int:
    """Send PINGs until the server does not take them any more; how many were sent."""
    sent = 0
    ping = request("GET", "a")
    while client.writer.transport.get_write_buffer_size() == 0:
        client.send(ping * 100)
        sent += 100
        await asyncio.sleep(0)
    return sent


@on_both_loops
async def test_one_client_too_many_is_told_so_and_let_go() -> None:
    async with lab(RespLimits(max_clients=1)) as one:
        first = await one.client()
        await first.ask(request("PING"), b"+PONG\r\n")
        second = await one.client()
        assert await second.rest() == b"-ERR max number of clients reached\r\n"
        await first.close()
        await eventually(lambda: not one.server.hub.callers)
        third = await one.client()
        await third.ask(request("PING"), b"+PONG\r\n")


@on_both_loops
async def test_a_client_with_too_many_open_commands_is_not_listened_to_until_some_are_answered() -> None:
    async with lab(RespLimits(max_waiting_commands=100)) as one:
        client = await one.client()
        one.gateway.holds = True
        sent = await paused(one, client)
        # Besides what was let in there is what one read of the socket may bring.
        assert len(one.gateway.asked) < sent
        one.gateway.holds = False
        one.gateway.release()
        await client.expect(b"$-1\r\n" * sent)


@on_both_loops
async def test_a_client_that_does_not_read_is_cut_off_and_the_others_are_served() -> None:
    async with lab(RespLimits(max_output_bytes=4_000_000)) as one:
        greedy, modest = await one.client(), await one.client()
        await modest.ask(request("SET", "big", b"x" * 1_000_000), b"+OK\r\n")
        greedy.writer.transport.pause_reading()  # type: ignore[attr-defined]
        greedy.send(request("GET", "big") * 40)
        await eventually(lambda: one.server.hub.statistics.cut_off == 1)
        await modest.ask(request("PING"), b"+PONG\r\n")
        await eventually(lambda: len(one.server.hub.callers) == 1)


@on_both_loops
async def test_what_waits_behind_an_open_command_counts_as_output() -> None:
    async with lab(RespLimits(max_output_bytes=4_000_000)) as one:
        client = await one.client()
        await client.ask(request("SET", "big", b"x" * 1_000_000), b"+OK\r\n")
        one.gateway.holds = True
        client.send(request("GET", "a") + request("GET", "big") * 10)
        await one.asked(12)
        one.gateway.held.append(one.gateway.held.pop(0))
        one.gateway.release(10)
        await client.rest()
        assert one.server.hub.statistics.cut_off == 1


@on_both_loops
async def test_a_slow_reader_gets_everything_as_long_as_it_keeps_within_the_bound() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(request("SET", "big", b"x" * 100_000), b"+OK\r\n")
        client.send(request("GET", "big") * 200)
        await client.expect((b"$100000\r\n" + b"x" * 100_000 + b"\r\n") * 200)


@on_both_loops
async def test_a_request_that_is_too_big_ends_the_connection() -> None:
    async with lab(RespLimits(max_request_bytes=100_000)) as one:
        client = await one.client()
        client.send(b"*2\r\n$3\r\nGET\r\n$9000000\r\n" + b"x" * 150_000)
        assert await client.rest() == b"-ERR Protocol error: too big request\r\n"


@on_both_loops
async def test_a_value_that_the_store_does_not_take_is_refused_in_its_words_and_the_connection_lives() -> None:
    async with lab() as one:
        client = await one.client()
        seen = await client.talk(request("SET", "a", b"x" * (8 * 1024 * 1024 + 1)))
        assert seen == b"-ERR a value may have at most 8,388,608 bytes, this one has 8,388,609\r\n"


@on_both_loops
async def test_a_request_that_does_not_become_whole_and_a_silent_client_are_given_up() -> None:
    async with lab(RespLimits(timeout_s=1_000, request_timeout_s=10)) as one:
        slow, silent, busy = [await one.client() for _ in range(3)]
        one.gateway.holds = True
        for client in (slow, silent):
            await client.ask(request("PING"), b"+PONG\r\n")
        busy.send(request("GET", "a"))
        slow.send(b"*2\r\n$3\r\nGET\r\n")
        await one.asked(1)
        await eventually(lambda: any(not each.is_between_requests for each in one.server.connections))
        now_s = one.server.hub.loop.time()
        for later_s, left in ((5, 3), (11, 2), (1_001, 1)):
            for connection in list(one.server.connections):
                connection.check(now_s + later_s)
            await eventually(lambda left=left: len(one.server.hub.callers) == left)  # type: ignore[misc]
        assert (await slow.rest(), await silent.rest()) == (b"", b"")
        one.gateway.release()
        await busy.expect(b"$-1\r\n")


@pytest.mark.parametrize(
    "data",
    [
        b"POST / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"Host: a\r\n",
        b"*1\r\n$4\r\npost\r\n",
    ],
)
@on_both_loops
async def test_whoever_takes_us_for_a_web_server_is_let_go_without_a_word(data: bytes) -> None:
    async with lab() as one:
        client = await one.client()
        client.send(data + b"SET a 1\r\n")
        assert await client.rest() == b""
        assert one.gateway.asked == []


@on_both_loops
async def test_a_transaction_without_end_is_refused() -> None:
    async with lab(RespLimits(max_queued_commands=3)) as one:
        client = await one.client()
        queued = b"+OK\r\n" + 3 * b"+QUEUED\r\n"
        refused = (
            b"-ERR the transaction is too large\r\n-EXECABORT Transaction discarded because of previous errors.\r\n"
        )
        await client.ask(requests("MULTI\nGET a\nGET a\nGET a\nGET a\nEXEC"), queued + refused)


@on_both_loops
async def test_a_port_that_is_taken_is_refused_and_a_server_that_has_stopped_is_gone() -> None:
    async with lab() as one:
        client = await one.client()
        await client.ask(request("PING"), b"+PONG\r\n")
        with pytest.raises(SettingError, match=f"cannot listen on 127.0.0.1:{one.server.port}"):
            await RespServer("127.0.0.1", one.server.port, one.gateway).start()
        await one.server.stop()
        assert await client.rest() == b""
        with pytest.raises(ConnectionError):
            await one.client()
