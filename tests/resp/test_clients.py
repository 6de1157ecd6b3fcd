"""Clients of Redis as they are: redis-py with both protocols, and redis-cli and redis-benchmark where there are any."""

import asyncio
import shutil

import pytest
import redis.asyncio
from redis.exceptions import ResponseError, WatchError

from tests.resp.resp_lab import lab, on_both_loops


@pytest.mark.parametrize("protocol", [2, 3])
@on_both_loops
async def test_redis_py_has_its_types_pipelines_transactions_and_information(protocol: int) -> None:
    async with lab() as one:
        client = redis.asyncio.Redis(port=one.server.port, protocol=protocol, client_name="me")
        try:
            assert await client.set("a", "1")
            assert await client.get("a") == b"1"
            assert await client.get("none") is None
            assert await client.hset("h", mapping={"x": "1", "y": "2"}) == 2
            assert await client.hgetall("h") == {b"x": b"1", b"y": b"2"}
            assert await client.sadd("s", "a", "b") == 2
            assert await client.smembers("s") == {b"a", b"b"}
            assert (await client.info())["raft_term"] == 7
            (seen,) = await client.client_list()
            assert (seen["name"], seen["lib-name"], seen["resp"]) == ("me", "redis-py", str(protocol))
            async with client.pipeline() as pipe:
                pipe.incr("a")
                pipe.hget("h", "x")
                pipe.get("none")
                assert await pipe.execute() == [2, b"1", None]
            with pytest.raises(ResponseError, match="wrong kind of value"):
                await client.hget("a", "b")
            async with client.pipeline() as pipe:
                await pipe.watch("a")
                await client.set("a", "9")
                pipe.multi()  # type: ignore[no-untyped-call]
                pipe.set("a", "10")
                with pytest.raises(WatchError):
                    await pipe.execute()
            assert await client.get("a") == b"9"
        finally:
            await client.aclose()


async def output_of(program: str, *args: str, stdin: bytes = b"") -> bytes:
    """What the program says. Skips the test where there is no such program."""
    path = shutil.which(program)
    if path is None:
        pytest.skip(f"NOT RUN: there is no {program} on this machine")
    pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE, "stderr": asyncio.subprocess.STDOUT}
    process = await asyncio.create_subprocess_exec(path, *args, **pipes)  # type: ignore[arg-type]
    async with asyncio.timeout(60):
        output, _ = await process.communicate(stdin)
    return output


@pytest.mark.process
@on_both_loops
async def test_redis_cli_runs_commands_of_both_protocols_and_its_own_modes() -> None:
    async with lab() as one:
        port = ("-p", str(one.server.port))
        assert await output_of("redis-cli", *port, "SET", "a", "1") == b"OK\n"
        assert await output_of("redis-cli", "-3", *port, "GET", "a") == b"1\n"
        assert await output_of("redis-cli", "-n", "0", "-a", "x", *port, "GET", "a") == (
            b"Warning: Using a password with '-a' or '-u' option on the command line interface may not be safe.\n"
            b"AUTH failed: ERR AUTH <password> called without any password configured for the default user. "
            b"Are you sure your configuration is correct?\n1\n"
        )
        assert await output_of("redis-cli", *port, "--scan") == b"a\n"
        assert b"1 strings with 1 bytes" in await output_of("redis-cli", *port, "--bigkeys")
        piped = await output_of("redis-cli", *port, "--pipe", stdin=b"SET b 2\r\nSET c 3\r\nHGET a x\r\n")
        assert b"errors: 1, replies: 3" in piped
        assert await output_of("redis-cli", "-c", *port, "GET", "c") == b"3\n"


@pytest.mark.process
@on_both_loops
async def test_redis_benchmark_runs_its_commands_one_by_one_and_in_pipelines() -> None:
    async with lab() as one:
        port = ("-p", str(one.server.port))
        tests = ("-t", "ping_inline,ping_mbulk,set,get,incr,sadd,hset,mset", "-n", "2000", "-c", "20", "-q")
        for pipeline in ("1", "16"):
            output = await output_of("redis-benchmark", *port, *tests, "-P", pipeline)
            assert output.count(b"requests per second") == 8
            assert b"ERR" not in output
