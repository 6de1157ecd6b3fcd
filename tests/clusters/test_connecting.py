"""connect and aconnect: clients of a cluster that runs by itself, over gRPC."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import uvloop

from tests.adapters.network.recorder import eventually
from tests.clusters.hosted import Hosted
from tests.clusters.lab import run
from tfraft import aconnect, connect
from tfraft.client.asynchronous import AsyncClient
from tfraft.client.blocking import Client
from tfraft.core.requests import AddServer, Consistency, RemoveServer
from tfraft.errors import CommandError, OutcomeUnknown, SettingError, Unavailable, WatchedKeyChanged

AsyncUse = Callable[[AsyncClient, Hosted], Coroutine[Any, Any, None]]


def with_client(use: AsyncUse, *names: str, loop: Callable[[], asyncio.AbstractEventLoop] | None = None) -> None:
    """Run `use` with a client that knows the address of one node of a cluster."""

    async def main() -> None:
        async with Hosted(*(names or ("n1", "n2", "n3"))) as hosted:
            await hosted.leader()
            async with await aconnect(hosted.addresses[-1]) as client:
                await use(client, hosted)

    run(main(), loop)


def with_blocking_client(use: Callable[[Client], None]) -> None:
    """The same in another thread, which has no event loop."""

    def in_thread(address: str) -> None:
        with connect(address) as client:
            use(client)

    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            await hosted.leader()
            await asyncio.to_thread(in_thread, hosted.addresses[-1])

    run(main())


async def has_reached(client: AsyncClient, count: int) -> None:
    """Return as soon as n has been counted so far, while much is under way."""
    while int(await client.get("n") or 0) < count:  # noqa: ASYNC110 -- the condition is at the other end of a network
        await asyncio.sleep(0)


@pytest.mark.parametrize("loop", [None, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_one_address_is_enough_and_answers_are_python_values(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        assert await client.set("a", 1) is True
        assert await client.incr("a") == 2
        assert await client.hset("h", mapping={"f": "v"}) == 1
        assert await client.execute("HGETALL", "h") == {b"f": b"v"}
        assert await client.execute("SMEMBERS", "none") == set()
        with pytest.raises(CommandError, match="WRONGTYPE"):
            await client.get("h")

    with_client(use, loop=loop)


def test_many_tasks_go_on_over_a_leader_that_crashes_and_each_write_is_executed_once() -> None:
    """§6.3."""

    async def use(client: AsyncClient, hosted: Hosted) -> None:
        crashed = asyncio.Event()

        async def count() -> int:
            """How often it has counted: until the crash, and once more."""
            counted = 1
            while not crashed.is_set():
                await client.incr("n")
                counted += 1
            await client.incr("n")
            return counted

        async with asyncio.TaskGroup() as tasks:
            counting = [tasks.create_task(count()) for _ in range(10)]
            await has_reached(client, 20)
            await hosted.stop(await hosted.leader())
            crashed.set()
        assert await client.get("n") == b"%d" % sum(task.result() for task in counting)

    with_client(use)


def test_a_pipeline_over_a_leader_that_crashes_is_executed_once_and_in_order() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        pipeline = client.pipeline()
        for _ in range(20_000):
            pipeline.incr("n")
        sending = asyncio.create_task(pipeline.finish())
        await has_reached(client, 200)
        await hosted.stop(await hosted.leader())
        assert not sending.done()
        await sending
        assert pipeline.results == list(range(1, 20_001))

    with_client(use)


def test_it_follows_members_that_come_and_go() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.set("a", 1)
        await hosted.start("n2")
        await client.cluster.ask(AddServer("n2", hosted.address("n2")), 10.0)
        await client.cluster.ask(RemoveServer("n1"), 10.0)
        await hosted.stop("n1")
        assert await client.get("a") == b"1"
        assert await client.incr("a") == 2

    with_client(use, "n1")


def test_reads_may_be_answered_by_any_server() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.set("a", 1)
        assert await client.reading(Consistency.FOLLOWER).get("a") == b"1"
        assert await client.reading(Consistency.STALE, max_staleness_s=60.0).get("a") in (None, b"1")
        async with client.reading(Consistency.FOLLOWER).pipeline() as pipeline:
            pipeline.get("a")
            pipeline.strlen("a")
        assert pipeline.results == [b"1", 1]

    with_client(use)


def test_a_call_without_a_leader_ends_after_its_time_and_was_not_executed() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.set("a", 1)
        names = list(hosted.nodes)
        for name in names:
            await hosted.stop(name)
        with pytest.raises(Unavailable, match=r"no answer in 0\.2 s"):
            await client.with_timeout(0.2).get("a")
        hurried = client.with_deadline(0.2)
        for _ in range(2):
            with pytest.raises((Unavailable, OutcomeUnknown)):
                await hurried.set("a", 2)
        pipeline = client.with_timeout(0.2).pipeline(raise_errors=False)
        async with pipeline:
            pipeline.set("a", 2)
            pipeline.get("a")
        assert all(isinstance(result, Unavailable | OutcomeUnknown) for result in pipeline.results)

    with_client(use)


def test_closing_ends_calls_under_way_at_once_and_refuses_further_ones() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.set("a", 1)
        for name in list(hosted.nodes)[:2]:
            await hosted.stop(name)
        started = asyncio.get_running_loop().time()
        patient = client.with_timeout(100.0)
        calls = [asyncio.ensure_future(call) for call in (patient.set("a", 2), patient.set("b", 2), patient.get("a"))]
        await asyncio.sleep(0)
        await client.close()
        for result in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(result, Unavailable | OutcomeUnknown)
        assert asyncio.get_running_loop().time() - started < 50
        for call in (client.set("a", 3), client.get("a")):
            with pytest.raises(Unavailable, match="the client is closed"):
                await call

    with_client(use)


@pytest.mark.parametrize(
    ("addresses", "told"), [("", "is no address"), ("nowhere", "is no address"), ("127.0.0.1:0", "is no address")]
)
def test_what_is_no_address_is_refused(addresses: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        connect(addresses)
    with pytest.raises(SettingError, match=told):
        run(aconnect(addresses))


def test_where_nobody_answers_the_addresses_are_named_and_nothing_is_left_behind() -> None:
    async def main() -> None:
        async with Hosted() as hosted:
            address = hosted.address("nobody")
            with pytest.raises(Unavailable, match=f"no server answers at {address}"):
                await aconnect(address)
            with pytest.raises(Unavailable, match=f"no server answers at {address}"):
                await asyncio.to_thread(connect, address)

    run(main())
    assert "tf-raft client" not in [thread.name for thread in threading.enumerate()]


def test_a_time_that_makes_no_sense_is_refused_before_anybody_is_asked() -> None:
    with pytest.raises(SettingError, match="above 0, not -1"):
        connect("127.0.0.1:1", timeout_s=-1)


# --- Transactions ---


def test_a_transaction_is_executed_whole_or_not_at_all() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.set("a", 1)
        with pytest.raises(WatchedKeyChanged):  # noqa: PT012 -- the whole block raises
            async with client.transaction(watch=["a", "b"]) as transaction:
                await client.set("b", "meanwhile")
                transaction.set("a", 2)
        assert await client.get("a") == b"1"
        with pytest.raises(ZeroDivisionError):
            async with client.transaction() as transaction:
                transaction.set("a", 1 // 0)
        async with client.transaction(watch=["a"]) as transaction:
            a = transaction.incr("a")
            transaction.hgetall("none")
            transaction.sadd("s", "x")
            transaction.smembers("s")
        assert a.result == 2
        assert transaction.results == [2, {}, 1, {b"x"}]
        async with client.transaction(watch=["a"]) as transaction:
            pass
        assert transaction.results == []

    with_client(use, "n1")


def test_an_error_in_a_transaction_stands_in_its_place_and_is_raised() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        transaction = client.transaction()
        with pytest.raises(CommandError, match="WRONGTYPE"):  # noqa: PT012 -- the whole block raises
            async with transaction:
                transaction.sadd("s", "x")
                transaction.incr("s")
                transaction.set("a", 1)
        assert [type(result) for result in transaction.results] == [int, CommandError, bool]
        with pytest.raises(CommandError, match="wrong number"):  # noqa: PT012 -- the whole block raises
            async with client.transaction() as transaction:
                transaction.set("a", 2)
                transaction.execute("GET")
        assert await client.get("a") == b"1"

    with_client(use, "n1")


def test_a_transaction_that_only_reads_needs_no_entry_of_the_log() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        await client.mset({"a": 1, "b": 2})
        last_index = hosted.nodes["n1"].status().last_index
        async with client.transaction() as transaction:
            transaction.get("a")
            transaction.get("b")
        assert transaction.results == [b"1", b"2"]
        assert hosted.nodes["n1"].status().last_index == last_index

    with_client(use, "n1")


def test_transactions_that_collide_are_decided_again_until_all_are_executed_once() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        tries = 0
        all_have_begun = asyncio.Barrier(8)

        async def add() -> None:
            async def change(transaction: Any) -> None:
                nonlocal tries
                tries += 1
                if tries <= 8:
                    await all_have_begun.wait()
                transaction.set("n", int(await client.get("n") or 0) + 1)

            await client.transact(change, watch=["n"])

        await asyncio.gather(*(add() for _ in range(8)))
        assert await client.get("n") == b"8"
        assert tries > 8

    with_client(use)


def test_a_transaction_that_always_collides_is_given_up_after_the_time_of_a_call() -> None:
    async def use(client: AsyncClient, hosted: Hosted) -> None:
        async def change(transaction: Any) -> None:
            await client.incr("n")
            transaction.get("n")

        with pytest.raises(WatchedKeyChanged):
            await client.with_timeout(0.3).transact(change, watch=["n"])

    with_client(use, "n1")


# --- Without asyncio ---


def test_many_threads_use_one_client() -> None:
    def use(client: Client) -> None:
        def count(name: str) -> list[int]:
            return [client.incr(name) for _ in range(20)]

        with ThreadPoolExecutor(8) as threads:
            counted = list(threads.map(count, ["n"] * 8))
        assert sorted(number for numbers in counted for number in numbers) == list(range(1, 161))

    with_blocking_client(use)


def test_what_awaits_with_asyncio_waits_without() -> None:
    def use(client: Client) -> None:
        assert client.execute("SET", "a", "1") == b"OK"
        assert client.reading(Consistency.FOLLOWER).with_timeout(5.0).with_deadline(5.0).get("a") == b"1"
        with client.pipeline() as pipeline:
            a = pipeline.incr("a")
        assert (a.result, pipeline.results) == (2, [2])
        with pytest.raises(WatchedKeyChanged), client.transaction(watch=["a"]) as transaction:  # noqa: PT012 -- the whole block raises
            client.incr("a")
            transaction.set("a", 0)
        with pytest.raises(ZeroDivisionError), client.pipeline() as pipeline:
            pipeline.set("a", 1 // 0)
        assert client.transact(lambda transaction: transaction.incr("a"), watch=["a"]) == [4]

        def collide(transaction: Any) -> None:
            client.incr("a")
            transaction.get("a")

        with pytest.raises(WatchedKeyChanged):
            client.with_timeout(0.2).transact(collide, watch=["a"])

    with_blocking_client(use)


def test_a_closed_client_ends_the_calls_of_other_threads_and_its_own_thread() -> None:
    def use_until_closed(client: Client, calls: list[str]) -> Exception:
        while True:
            try:
                client.incr("n")
            except (Unavailable, OutcomeUnknown) as error:
                return error
            calls.append("n")

    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            client = await asyncio.to_thread(connect, hosted.addresses[0])
            calls: list[str] = []
            using = [asyncio.create_task(asyncio.to_thread(use_until_closed, client, calls)) for _ in range(4)]
            await eventually(lambda: len(calls) > 10)
            await asyncio.to_thread(client.close)
            await asyncio.to_thread(client.close)
            assert all(isinstance(error, Unavailable | OutcomeUnknown) for error in await asyncio.gather(*using))
            with pytest.raises(Unavailable, match="the client is closed"):
                client.get("n")

    run(main())
    assert "tf-raft client" not in [thread.name for thread in threading.enumerate()]
