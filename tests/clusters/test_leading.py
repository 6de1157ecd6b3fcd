"""Leaders that leave well, and reads as the client wants them: in a whole cluster."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from tests.clusters.lab import BOTH_KINDS, AnyCluster, caught_up, leader_after, leader_of, make, others, run
from tfraft.core.requests import AnswerStatus, Consistency, TransferLeadership
from tfraft.errors import CommandError, Refused

WRITERS = 64


async def longest_write_s(cluster: AnyCluster, change: Callable[[], Awaitable[object]]) -> float:
    """How long the longest write took while 64 clients write and `change` is done. Raises if one of them fails."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    took: list[float] = []

    async def writer(number: int) -> None:
        counter = 0
        while not done.is_set():
            counter += 1
            started = loop.time()
            assert await cluster.sset(f"set{number}", f"member{counter}") == 1, "a write was done twice"
            took.append(loop.time() - started)

    writers = [asyncio.create_task(writer(number)) for number in range(WRITERS)]
    try:
        # Each has written before, and writes after.
        while len(took) < WRITERS:  # noqa: ASYNC110 -- nobody could tell us
            await asyncio.sleep(0.01)
        took.clear()
        await change()
        seen = len(took)
        while len(took) < seen + WRITERS:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    finally:
        done.set()
        outcomes = await asyncio.gather(*writers, return_exceptions=True)
    assert [outcome for outcome in outcomes if outcome is not None] == []
    return max(took)


@BOTH_KINDS
def test_leadership_goes_to_the_node_that_is_named(kind: str) -> None:
    """§3.10."""

    async def main() -> None:
        async with make(kind) as cluster:
            await cluster.set("k", "v")
            _, term = leader_of(cluster)
            target = others(cluster)[0]
            answer = await cluster.ask(TransferLeadership(target))
            assert answer.status is AnswerStatus.OK
            assert await leader_after(cluster, term) == target
            assert await cluster.get("k") == b"v"

    run(main())


@pytest.mark.parametrize(("target", "why"), [("n9", "n9 is not a voter"), ("n4", "n4 is not a voter")])
def test_leadership_goes_to_nobody_who_has_no_vote(target: str, why: str) -> None:
    async def main() -> None:
        async with make("memory") as cluster:
            await cluster.add("n4", learner=True)
            leader = leader_of(cluster)
            answer = await cluster.ask(TransferLeadership(target))
            assert (answer.status, answer.reason) == (AnswerStatus.REFUSED, why)
            assert leader_of(cluster) == leader

    run(main())


@BOTH_KINDS
def test_no_request_fails_while_a_leader_hands_over(kind: str, record_property: Callable[[str, object], None]) -> None:
    """§3.10: proposals wait until the successor leads, or are sent to it again."""

    async def main() -> None:
        async with make(kind) as cluster:
            longest_s = await longest_write_s(cluster, lambda: cluster.ask(TransferLeadership()))
            record_property("longest write in ms", round(longest_s * 1000))

    run(main())


@BOTH_KINDS
def test_no_request_fails_while_the_leader_is_stopped(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    """§3.10: it hands over first; a write whose answer is lost is sent again in its session (§6.3)."""

    async def main() -> None:
        async with make(kind) as cluster:
            longest_s = await longest_write_s(cluster, lambda: cluster.stop_node(leader_of(cluster)[0]))
            record_property("longest write in ms", round(longest_s * 1000))

    run(main())


@BOTH_KINDS
def test_no_request_fails_while_the_leader_is_removed(
    kind: str, record_property: Callable[[str, object], None]
) -> None:
    """§4.2.2: it leads until that is committed, then lets another stand at once."""

    async def main() -> None:
        async with make(kind, 5) as cluster:
            longest_s = await longest_write_s(cluster, lambda: cluster.remove(leader_of(cluster)[0]))
            record_property("longest write in ms", round(longest_s * 1000))

    run(main())


@BOTH_KINDS
def test_no_request_fails_and_none_is_done_twice_while_the_leader_is_killed(kind: str) -> None:
    """§6.3: `longest_write_s` checks that each write is the first of its kind."""

    async def main() -> None:
        async with make(kind) as cluster:
            await longest_write_s(cluster, lambda: cluster.kill_node(leader_of(cluster)[0]))

    run(main())


@BOTH_KINDS
def test_a_read_is_answered_as_it_was_asked_for(kind: str) -> None:
    """§6.4: by the leader, by its lease, or by any node."""

    async def main() -> None:
        async with make(kind, lease_reads=True) as cluster:
            await cluster.set("k", "v")
            await caught_up(cluster)
            for consistency in Consistency:
                for _ in range(3):
                    reply = await cluster.execute([b"GET", b"k"], 10.0, consistency, 60.0)
                    assert reply == b"$1\r\nv\r\n", consistency

    run(main())


def test_a_follower_answers_a_read_with_all_that_was_written_before() -> None:
    """§6.4: read after write holds at any node, without waiting for anything by hand."""

    async def main() -> None:
        async with make("memory") as cluster:
            for number in range(30):
                await cluster.set("k", str(number))
                reply = await cluster.execute([b"GET", b"k"], consistency=Consistency.FOLLOWER)
                assert reply.split(b"\r\n")[1] == b"%d" % number

    run(main())


def test_a_write_is_a_write_whatever_the_reads_may_miss() -> None:
    async def main() -> None:
        async with make("memory") as cluster:
            assert await cluster.execute([b"SET", b"k", b"v"], 10.0, Consistency.STALE, 5.0) == b"+OK\r\n"
            with pytest.raises(CommandError):
                await cluster.execute([b"GET"], 10.0, Consistency.STALE, 5.0)

    run(main())


def test_a_stale_read_finds_a_state_that_is_fresh_enough_also_without_a_quorum() -> None:
    """It is what stale reads are for: and past their bound they are answered by nobody."""

    async def main() -> None:
        async with make("memory") as cluster:
            await cluster.set("k", "v")
            await caught_up(cluster)
            await cluster.partition([["n1"], ["n2"], ["n3"]])
            assert await cluster.execute([b"GET", b"k"], 5.0, Consistency.STALE, 3600.0) == b"$1\r\nv\r\n"

    run(main())


def test_nobody_takes_more_than_may_wait() -> None:
    """Past the bound a request is refused at once: everybody else would wait for ever longer."""

    async def main() -> None:
        async with make("memory", max_waiting=5) as cluster:
            await cluster.set("k", "v")
            outcomes = await asyncio.gather(
                *(cluster.set("k", str(number)) for number in range(200)), return_exceptions=True
            )
            refused = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
            assert refused
            assert {type(outcome).__name__ for outcome in refused} == {"Overloaded"}
            assert all(isinstance(outcome, Refused) for outcome in refused)
            await cluster.set("k", "again")

    run(main())
