"""Snapshots in a whole cluster (ch. 5): taken, sent to who is far behind, and there again after a restart."""

from pathlib import Path

import pytest

from tests.clusters.lab import BOTH_KINDS, AnyCluster, caught_up, leader_of, make, others, run, until
from tfraft.core.requests import AnswerStatus
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind

OFTEN = NodeSettings(snapshot_log_entries=20)


def compacting(kind: str, data: Path | None = None, state: str | None = None) -> AnyCluster:
    """A cluster that takes a snapshot after every 20 entries, and keeps none behind it."""
    return make(kind, data=data, state=state, settings=OFTEN, keep_entries=0)


async def write(cluster: AnyCluster, first: int, count: int = 60) -> None:
    """Set so many keys, each to its own number."""
    for number in range(first, first + count):
        await cluster.set(f"k{number}", str(number))


async def has_all(cluster: AnyCluster, count: int) -> bool:
    """Whether all of these keys are there."""
    return [await cluster.get(f"k{number}") for number in range(count)] == [b"%d" % n for n in range(count)]


async def compacted(cluster: AnyCluster, server_id: str) -> None:
    """Return once the log of this node begins behind a snapshot."""

    async def begins_later() -> bool:
        status = await cluster.status(server_id)
        return status is not None and status.first_index > 10 and status.snapshot_index >= status.first_index - 1

    await until(begins_later)


@BOTH_KINDS
def test_a_node_that_is_far_behind_gets_a_snapshot_and_what_follows_it(kind: str) -> None:
    """§5.1: the leader has the entries no more."""

    async def main() -> None:
        events: list[Event] = []
        cluster = compacting(kind)
        cluster.observe(events.append)
        async with cluster:
            behind = others(cluster)[0]
            await cluster.kill_node(behind)
            await write(cluster, 0)
            await compacted(cluster, leader_of(cluster)[0])
            await cluster.start_node(behind)
            await cluster.set("after", "wards")
            await caught_up(cluster, behind)
            status = await cluster.status(behind)
            assert status is not None
            assert status.first_index > 10

            async def told() -> bool:
                snapshots = [one for one in events if (one.server_id, one.kind) == (behind, EventKind.SNAPSHOT)]
                return any("replaced its state by the leader's snapshot" in one.text for one in snapshots)

            await until(told)
            # Of three two are a quorum: now this one must know everything.
            await cluster.kill_node(next(one for one in others(cluster) if one != behind))
            assert await has_all(cluster, 60)
            assert await cluster.get("after") == b"wards"

    run(main())


@BOTH_KINDS
def test_a_node_that_is_added_begins_with_a_snapshot(kind: str) -> None:
    """§4.2.1, §5.1: a newcomer lacks everything."""

    async def main() -> None:
        async with compacting(kind) as cluster:
            await write(cluster, 0)
            await compacted(cluster, leader_of(cluster)[0])
            server_id, answer = await cluster.add()
            assert answer.status is AnswerStatus.OK
            status = await cluster.status(server_id)
            assert status is not None
            assert status.snapshot_index > 10

    run(main())


@pytest.mark.parametrize(
    ("kind", "state"),
    [
        ("memory", "json"),
        ("memory", "wal"),
        pytest.param("tcp", "wal", marks=pytest.mark.process),
        pytest.param("tcp", "json", marks=pytest.mark.process),
    ],
)
def test_nodes_that_are_killed_come_back_from_snapshot_and_log(kind: str, state: str, tmp_path: Path) -> None:
    """§5.1: what is compacted away is in the snapshot; sessions are in it too, so that writes go on in them (§6.3)."""

    async def main() -> None:
        async with compacting(kind, tmp_path, state) as cluster:
            await write(cluster, 0)
            for server_id in ("n1", "n2", "n3"):
                await compacted(cluster, server_id)
            for server_id in ("n1", "n2", "n3"):
                await cluster.kill_node(server_id)
            for server_id in ("n1", "n2", "n3"):
                await cluster.start_node(server_id)
            session = cluster.client._session
            assert await has_all(cluster, 60)
            await write(cluster, 60, 10)
            assert cluster.client._session is session
        async with make(kind, data=tmp_path) as cluster:
            assert await has_all(cluster, 70)
            for server_id in ("n1", "n2", "n3"):
                status = await cluster.status(server_id)
                assert status is not None
                assert status.snapshot_index > 10

    run(main())
