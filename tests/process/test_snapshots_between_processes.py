"""Snapshots between processes: who was away too long, who was killed meanwhile, and who has lost all (ch. 5)."""

import shutil
from pathlib import Path

import pytest

from tests.clusters.lab import caught_up, others, run, until
from tests.process.accounts import accounts, acknowledged, equal, killed, settled, under_load
from tfraft.clusters.processes import TcpCluster
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.core.requests import AnswerStatus
from tfraft.errors import CorruptState
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind, NodeStatus

pytestmark = pytest.mark.process

CONFIG = RaftConfig(keep_entries=10, snapshot_piece_bytes=16 * 1024, snapshot_window=1)
SETTINGS = NodeSettings(snapshot_log_entries=100)

REPLACED = "has replaced its state by the leader's snapshot"


async def status_of(cluster: TcpCluster, server_id: ServerId) -> NodeStatus:
    """What this node says of itself; it runs."""
    status = await cluster.status(server_id)
    assert status is not None, f"{server_id} does not answer"
    return status


async def compacted(cluster: TcpCluster, beyond: int) -> None:
    """Write until those who run have no entry any more of index `beyond`."""

    async def is_compacted() -> bool:
        await cluster.set("filler", "x")
        statuses = [await cluster.status(member.server_id) for member in cluster.members]
        return all(one is None or one.first_index > beyond + 1 for one in statuses)

    await until(is_compacted)


def replaced(events: list[Event], server_id: ServerId) -> list[Event]:
    """The events that tell how this node took a snapshot over."""
    snapshots = [event for event in events if event.kind is EventKind.SNAPSHOT and event.server_id == server_id]
    return [event for event in snapshots if REPLACED in event.text]


def test_a_follower_that_was_away_while_the_log_was_compacted_is_restored_by_a_snapshot() -> None:
    """§5.1: what it lacks is in no log any more."""

    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3, config=CONFIG, settings=SETTINGS) as cluster, accounts(cluster, 4) as writers:
            cluster.observe(events.append)
            away = others(cluster)[0]
            async with under_load(writers):
                await acknowledged(writers, 100)
                last_index = (await status_of(cluster, away)).last_index
                await cluster.stop_node(away)
                await compacted(cluster, last_index)
                await cluster.start_node(away)
                await acknowledged(writers, 100)
            await settled(cluster, writers)
            assert replaced(events, away)
            assert (await status_of(cluster, away)).first_index > last_index

    run(main())


def test_a_follower_that_is_killed_while_it_is_sent_a_snapshot_begins_anew_and_ends_equal() -> None:
    """§5.1: what is not whole is nothing."""

    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3, config=CONFIG, settings=SETTINGS) as cluster:
            cluster.observe(events.append)
            away = others(cluster)[0]
            for number in range(20):
                await cluster.set(f"large{number}", "x" * 100_000)
            last_index = (await status_of(cluster, away)).last_index
            await cluster.stop_node(away)
            await compacted(cluster, last_index)
            # Some 120 pieces, one after the other, each of which takes twice as long as this.
            await cluster.slow(away, 0.01)
            for _ in range(2):
                await cluster.start_node(away)

                async def receives() -> bool:
                    status = await cluster.status(away)
                    return status is not None and 0 < status.snapshot_received < 2_000_000

                await until(receives)
                assert (await status_of(cluster, away)).snapshot_index == 0
                await killed(cluster, away)
            assert not replaced(events, away)
            await cluster.heal()
            await cluster.start_node(away)
            await equal(cluster)
            assert len(replaced(events, away)) == 1

    run(main())


def test_a_wiped_node_does_not_come_back_under_its_name_and_a_new_one_is_restored_by_a_snapshot(
    tmp_path: Path,
) -> None:
    """§3.8: it has forgotten how it voted, and what it had promised to keep."""

    async def main() -> None:
        events: list[Event] = []
        make = TcpCluster(3, data=tmp_path, config=CONFIG, settings=SETTINGS)
        async with make as cluster, accounts(cluster, 4) as writers:
            cluster.observe(events.append)
            wiped = others(cluster)[0]
            async with under_load(writers):
                await acknowledged(writers, 100)
                await cluster.stop_node(wiped)
                shutil.rmtree(tmp_path / wiped)
                with pytest.raises(CorruptState) as refused:
                    await cluster.start_node(wiped)
                assert str(refused.value).startswith(
                    f"the state of {wiped} is lost: {tmp_path / wiped / 'metadata.json'} is missing"
                )
                assert "remove the server and add a new one" in str(refused.value)
                assert (await cluster.remove(wiped)).status is AnswerStatus.OK
                await compacted(cluster, 100)
                added, answer = await cluster.add()
                assert (added, answer.status) == ("n4", AnswerStatus.OK)
                await acknowledged(writers, 100)
            await caught_up(cluster)
            await settled(cluster, writers)
            assert replaced(events, added)

    run(main())


def test_a_cluster_that_starts_leaves_a_wiped_node_out_and_says_so(tmp_path: Path) -> None:
    async def first() -> ServerId:
        async with TcpCluster(3, data=tmp_path) as cluster:
            await cluster.set("k", "v")
            await caught_up(cluster)
            return others(cluster)[0]

    async def again(wiped: ServerId) -> None:
        async with TcpCluster(data=tmp_path) as cluster:
            assert await cluster.get("k") == b"v"
            assert wiped not in cluster.pids
            assert [remark for remark in cluster.info.remarks if remark.startswith(f"{wiped} is not started: ")]

    wiped = run(first())
    shutil.rmtree(tmp_path / wiped)
    run(again(wiped))
