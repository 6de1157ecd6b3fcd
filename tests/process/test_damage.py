"""A byte that turned over on the disk of a node: the others bring back what was lost, or the node says why not."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.adapters.network.recorder import eventually
from tests.clusters.lab import others, run, until
from tests.process.accounts import (
    accounts,
    acknowledged,
    detail_of,
    equal,
    failed,
    failures,
    killed,
    leader_now,
    settled,
    state_of,
    under_load,
)
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, REPAIR_NAME
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.processes import TcpCluster
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.core.requests import AnswerStatus
from tfraft.errors import CorruptState
from tfraft.node.settings import NodeSettings
from tfraft.node.status import Event, EventKind

pytestmark = pytest.mark.process

CONFIG = RaftConfig(keep_entries=10)
SETTINGS = NodeSettings(snapshot_log_entries=100)


def log_of(directory: Path) -> Path:
    """The last segment that has a record."""
    return max(path for path in directory.glob("*.wal") if path.read_bytes()[64:96].strip(b"\0"))


def snapshot_of(directory: Path) -> Path:
    (snapshot,) = directory.glob("*.snapshot")
    return snapshot


def flip(path: Path, offset: int) -> None:
    """Turn a bit of this byte over; counted from the last byte that is not zero if it is negative."""
    data = bytearray(path.read_bytes())
    data[offset if offset >= 0 else len(data.rstrip(b"\0")) + offset] ^= 0x04
    path.write_bytes(data)


def in_log(directory: Path, offset: int) -> Path:
    flip(log_of(directory), offset)
    return log_of(directory)


def in_metadata(directory: Path, offset: int) -> Path:
    flip(directory / METADATA_NAME, offset)
    return directory / METADATA_NAME


def in_snapshot(directory: Path, offset: int) -> Path:
    flip(snapshot_of(directory), offset)
    return snapshot_of(directory)


PLACES = {
    "the preamble of a segment": (in_log, 30),
    "the header of a record": (in_log, 64 + 9),
    "the body of a record": (in_log, 64 + 32 + 30),
    "the end of the log": (in_log, -1),
    "the metadata": (in_metadata, 60),
    "the header of a snapshot": (in_snapshot, 40),
    "the data of a snapshot": (in_snapshot, -40),
}


def told(events: list[Event], kind: EventKind, server_id: ServerId) -> list[str]:
    """What this node has told of this kind."""
    return [event.text for event in events if (event.kind, event.server_id) == (kind, server_id)]


async def repaired(cluster: TcpCluster, events: list[Event], server_id: ServerId, times: int = 1) -> None:
    """Return once this node has told that it votes again, so many times by now, and says so of itself."""
    await eventually(lambda: len(told(events, EventKind.REPAIRED, server_id)) == times)
    status = await cluster.status(server_id)
    assert status is not None
    assert not status.repairing


def test_a_follower_one_byte_of_whose_disk_has_turned_over_is_repaired_wherever_it_is(tmp_path: Path) -> None:
    """§3.8, §5.1: what it had promised to keep comes back from the others before it votes again."""

    async def main() -> None:
        events: list[Event] = []
        make = TcpCluster(3, data=tmp_path, config=CONFIG, settings=SETTINGS)
        async with make as cluster, accounts(cluster, 4) as writers:
            cluster.observe(events.append)
            follower = others(cluster)[0]
            directory = tmp_path / follower
            async with under_load(writers):
                for times, (damage, offset) in enumerate(PLACES.values(), 1):
                    await acknowledged(writers, 200)
                    await killed(cluster, follower)
                    damaged = damage(directory, offset)
                    await cluster.start_node(follower)
                    await repaired(cluster, events, follower, times)
                    text = told(events, EventKind.DAMAGED, follower)[-1]
                    assert text.startswith(
                        f"{follower} has no vote until the others have brought back what was damaged"
                    )
                    assert str(damaged) in text
                    assert (directory / f"damaged-{times}" / damaged.name).exists()
            assert failures(writers) == []
            await settled(cluster, writers)
            # It votes: with it there is a quorum, without it there would be none.
            leader, _ = await leader_now(cluster)
            gone = next(name for name in cluster.pids if name not in (follower, leader))
            await killed(cluster, gone)
            await cluster.set("k", "v")

    run(main())


def test_a_follower_that_is_damaged_has_no_vote_before_it_is_repaired(tmp_path: Path) -> None:
    """§3.8: it may have voted already in the term that the others ask it for."""

    async def main() -> None:
        events: list[Event] = []
        # Without PreVote each try is a vote that is asked for, in a term of its own.
        config = replace(CONFIG, pre_vote=False)
        async with TcpCluster(3, data=tmp_path, config=config, settings=SETTINGS) as cluster:
            for number in range(50):
                await cluster.set(f"k{number}", "v")
            await equal(cluster)
            sound, term = await leader_now(cluster)
            damaged, gone = others(cluster)
            await killed(cluster, damaged, gone)
            in_log(tmp_path / damaged, 64 + 32 + 30)
            await eventually(lambda: cluster.leader is None)
            cluster.observe(events.append)
            await cluster.start_node(damaged)
            await eventually(lambda: len(told(events, EventKind.REFUSED_VOTE, damaged)) >= 4)
            status = await cluster.status(damaged)
            assert status is not None
            assert (status.repairing, status.voted_for, status.last_index) == (True, None, 0)
            assert not told(events, EventKind.CANDIDATE, damaged)
            why = f"{damaged} refuses {sound}: it has no vote before its disk is repaired"
            assert set(told(events, EventKind.REFUSED_VOTE, damaged)) == {why}
            assert not [event for event in events if event.kind is EventKind.LEADER and event.term > term]
            await cluster.start_node(gone)
            await repaired(cluster, events, damaged)
            await equal(cluster)
            assert await cluster.get("k7") == b"v"

    run(main())


def test_a_node_that_is_killed_while_it_is_repaired_is_repaired_at_its_next_start(tmp_path: Path) -> None:
    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3, data=tmp_path, config=CONFIG, settings=SETTINGS) as cluster:
            cluster.observe(events.append)
            for number in range(200):
                await cluster.set(f"k{number}", "v" * 100)
            follower = others(cluster)[0]
            await killed(cluster, follower)
            in_log(tmp_path / follower, 64 + 32 + 30)
            # Nobody reaches it, so that it stays as it is.
            await cluster.partition([[follower]])
            for _ in range(2):
                await cluster.start_node(follower)
                await eventually(lambda: told(events, EventKind.DAMAGED, follower))
                status = await cluster.status(follower)
                assert status is not None
                assert status.repairing
                await killed(cluster, follower)
            await cluster.heal()
            await cluster.start_node(follower)
            await repaired(cluster, events, follower)
            assert len(told(events, EventKind.DAMAGED, follower)) == 1
            await equal(cluster)

    run(main())


def test_a_node_whose_note_of_a_repair_is_damaged_is_refused_and_can_be_replaced(tmp_path: Path) -> None:
    """The note says whether it may vote: nobody guesses at that."""

    async def main() -> None:
        events: list[Event] = []
        async with TcpCluster(3, data=tmp_path) as cluster:
            cluster.observe(events.append)
            await cluster.set("k", "v")
            follower = others(cluster)[0]
            await killed(cluster, follower)
            in_log(tmp_path / follower, 64 + 32 + 10)
            await cluster.start_node(follower)
            await repaired(cluster, events, follower)
            await cluster.stop_node(follower)
            note = tmp_path / follower / REPAIR_NAME
            flip(note, 40)
            with pytest.raises(CorruptState, match=f"{note} is damaged: "):
                await cluster.start_node(follower)
            assert state_of(cluster, follower) is NodeState.STOPPED
            assert (await cluster.remove(follower)).status is AnswerStatus.OK
            assert (await cluster.add())[1].status is AnswerStatus.OK
            await equal(cluster)
            assert await cluster.get("k") == b"v"

    run(main())


def test_a_cluster_all_of_whose_nodes_are_damaged_says_so_and_does_not_wait_for_ever(tmp_path: Path) -> None:
    """Nobody is left who could repair them; what was there is still there, set aside."""

    async def first() -> None:
        async with TcpCluster(3, data=tmp_path) as cluster:
            await cluster.set("k", "v")
            await equal(cluster)

    async def again() -> None:
        async with TcpCluster(data=tmp_path, settings=NodeSettings(repair_patience_s=1.0)) as cluster:
            await failed(cluster, "n1", "n2", "n3")
            for server_id in ("n1", "n2", "n3"):
                assert detail_of(cluster, server_id).endswith(
                    f"{server_id} stops: no leader has come in 1 s to bring back what was damaged: "
                    "start the others, or restore a backup"
                )

            async def all_ended() -> bool:
                return not cluster.pids

            await until(all_ended)

    run(first())
    logs = {server_id: log_of(tmp_path / server_id).read_bytes() for server_id in ("n1", "n2", "n3")}
    for server_id in logs:
        in_log(tmp_path / server_id, 64 + 32 + 10)
    run(again())
    for server_id, log in logs.items():
        aside = log_of(tmp_path / server_id / "damaged-1").read_bytes()
        assert len(aside) == len(log)
        assert sum(one != other for one, other in zip(aside, log, strict=True)) == 1
