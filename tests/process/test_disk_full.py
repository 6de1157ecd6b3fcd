"""A disk that takes no more: its node stops and says why, the others go on, and nothing acknowledged is lost (§3.8)."""

import errno
import os
import resource
import shutil
import signal
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Protocol

import pytest

from tests.clusters.lab import caught_up, leader_after, others, run
from tests.process.accounts import (
    Account,
    accounts,
    acknowledged,
    detail_of,
    failed,
    leader_now,
    settled,
    state_of,
    under_load,
)
from tests.process.lab import is_alive, wait_until_gone
from tfraft.clusters import supervisor
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.processes import TcpCluster
from tfraft.core.configuration import ServerId
from tfraft.core.requests import AnswerStatus, TransferLeadership
from tfraft.node.status import Event, EventKind

pytestmark = pytest.mark.process

SMALL_DISK = "8m"
LARGEST_FILE_BYTES = 64 * 1024
"""Far less than a segment has, and more than a node has to say at its end."""


class Disks(Protocol):
    """A way to let the disk of a node be full."""

    says: str
    """What the system calls it."""

    async def prepare(self, cluster: TcpCluster, server_id: ServerId) -> None:
        """This node is one of those whose disks are to be full; afterwards it runs, as before."""

    def fill(self, cluster: TcpCluster, server_id: ServerId) -> None:
        """From now on its disk takes nothing new."""

    def free(self, server_id: ServerId) -> None:
        """From now on it does again."""


class SmallDisks:
    """File systems in memory, which a large file fills. Needs the right to mount them."""

    says = os.strerror(errno.ENOSPC)

    def __init__(self, data: Path, mounts: ExitStack) -> None:
        self._data = data
        self._mounts = mounts

    async def prepare(self, cluster: TcpCluster, server_id: ServerId) -> None:
        await cluster.stop_node(server_id)
        directory = self._data / server_id
        before = directory.rename(self._data.with_name(f"{server_id} before"))
        directory.mkdir(mode=0o700)
        self._mount(directory)
        shutil.copytree(before, directory, dirs_exist_ok=True)
        await cluster.start_node(server_id)

    def _mount(self, directory: Path) -> None:
        command = ["mount", "-t", "tmpfs", "-o", f"size={SMALL_DISK}", "tmpfs", str(directory)]
        subprocess.run(command, check=True)
        self._mounts.callback(subprocess.run, ["umount", str(directory)], check=True)

    def fill(self, cluster: TcpCluster, server_id: ServerId) -> None:
        with self._balloon(server_id).open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        assert os.statvfs(self._data / server_id).f_bavail == 0

    def free(self, server_id: ServerId) -> None:
        self._balloon(server_id).unlink()

    def _balloon(self, server_id: ServerId) -> Path:
        return self._data / server_id / "balloon"


class SmallFiles:
    """A limit on the length of the files that a process may write; anybody may set it."""

    says = os.strerror(errno.EFBIG)

    async def prepare(self, cluster: TcpCluster, server_id: ServerId) -> None:
        pass

    def fill(self, cluster: TcpCluster, server_id: ServerId) -> None:
        pid = cluster.pids[server_id]
        _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (LARGEST_FILE_BYTES, hard))

    def free(self, server_id: ServerId) -> None:
        """The next process has no limit."""


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture(params=["small disks", "small files"])
def disks(request: pytest.FixtureRequest, data: Path) -> Iterator[Disks]:
    with ExitStack() as mounts:
        if request.param == "small files":
            yield SmallFiles()
        elif not may_mount(data.parent):
            pytest.skip("nobody may mount a file system here; root may, but not in every container")
        else:
            yield SmallDisks(data, mounts)


def may_mount(directory: Path) -> bool:
    """Whether a file system can be mounted here."""
    if shutil.which("mount") is None:
        return False
    trial = directory / "trial"
    trial.mkdir()
    mount = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(trial)], check=False, capture_output=True)
    if mount.returncode == 0:
        subprocess.run(["umount", str(trial)], check=True)
    return mount.returncode == 0


def last_message(data: Path, server_id: ServerId, disks: Disks) -> str:
    """What a node says whose disk is full."""
    return f"error: {server_id} stops: {data / server_id} could not be saved: {disks.says}"


def test_a_follower_whose_disk_is_full_stops_and_comes_back_when_it_is_not(data: Path, disks: Disks) -> None:
    async def main() -> None:
        async with TcpCluster(3, data=data) as cluster, accounts(cluster, 4) as writers:
            follower = others(cluster)[0]
            await disks.prepare(cluster, follower)
            async with under_load(writers):
                await acknowledged(writers, 100)
                disks.fill(cluster, follower)
                await failed(cluster, follower)
                assert last_message(data, follower, disks).endswith(detail_of(cluster, follower))
                await acknowledged(writers, 100)
                disks.free(follower)
                await cluster.start_node(follower)
                assert last_message(data, follower, disks) in (data / f"{follower}.log").read_text()
            await settled(cluster, writers)

    run(main())


def test_a_leader_whose_disk_is_full_stops_and_another_one_leads(data: Path, disks: Disks) -> None:
    async def main() -> None:
        async with TcpCluster(3, data=data) as cluster, accounts(cluster, 4) as writers:
            leader = others(cluster)[0]
            await disks.prepare(cluster, leader)
            await caught_up(cluster, leader)
            _, term = await leader_now(cluster)
            assert (await cluster.ask(TransferLeadership(leader))).status is AnswerStatus.OK
            await leader_after(cluster, term)
            _, term = await leader_now(cluster)
            async with under_load(writers):
                await acknowledged(writers, 100)
                disks.fill(cluster, leader)
                await failed(cluster, leader)
                await leader_after(cluster, term)
                assert last_message(data, leader, disks).endswith(detail_of(cluster, leader))
                await acknowledged(writers, 100)
                disks.free(leader)
                await cluster.start_node(leader)
            await settled(cluster, writers)

    run(main())


def test_a_cluster_most_of_whose_disks_are_full_waits_and_goes_on_when_they_are_not(data: Path, disks: Disks) -> None:
    async def main() -> None:
        async with TcpCluster(3, data=data) as cluster, accounts(cluster, 4) as writers:
            full = others(cluster)
            for server_id in full:
                await disks.prepare(cluster, server_id)
            async with under_load(writers):
                await acknowledged(writers, 100)
                for server_id in full:
                    disks.fill(cluster, server_id)
                await failed(cluster, *full)
                before = sum(writer.acknowledged for writer in writers)
                for server_id in full:
                    disks.free(server_id)
                    await cluster.start_node(server_id)
                await acknowledged(writers, 100)
            assert before > 0
            await settled(cluster, writers)

    run(main())


async def failed_and_held(cluster: TcpCluster, writers: Sequence[Account], server_id: ServerId) -> int:
    """Let the disk of this node fail: its process stands still as soon as it has told that. The number of it."""
    pid = cluster.pids[server_id]

    def hold(event: Event) -> None:
        if event.kind is EventKind.STORAGE_FAILED:
            os.kill(pid, signal.SIGSTOP)

    cluster.observe(hold)
    await acknowledged(writers, 100)
    SmallFiles().fill(cluster, server_id)
    await failed(cluster, server_id)
    return pid


def test_a_node_whose_disk_failed_can_be_started_again_though_its_process_has_not_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that hangs holds it: the next process must not meet it at its files, nor be taken for it."""

    async def main() -> None:
        async with TcpCluster(3, data=tmp_path) as cluster, accounts(cluster, 4) as writers:
            follower = others(cluster)[0]
            async with under_load(writers):
                pid = await failed_and_held(cluster, writers, follower)
                monkeypatch.setattr(supervisor, "STOP_PATIENCE_S", 0.1)
                await cluster.start_node(follower)
                assert not is_alive(pid)
                assert state_of(cluster, follower) is NodeState.RUNNING
            await settled(cluster, writers)

    run(main())


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_node_whose_disk_failed_leaves_no_process_behind_when_its_cluster_ends(
    tmp_path: Path, is_removed: bool
) -> None:
    async def main() -> int:
        async with TcpCluster(3, data=tmp_path) as cluster, accounts(cluster, 4) as writers:
            follower = others(cluster)[0]
            async with under_load(writers):
                pid = await failed_and_held(cluster, writers, follower)
                if is_removed:
                    assert (await cluster.remove(follower)).status is AnswerStatus.OK
            if is_removed:
                os.kill(pid, signal.SIGKILL)
                wait_until_gone([pid])
                # That it has ended is noticed meanwhile.
                for number in range(20):
                    await cluster.set("k", str(number))
            return pid

    assert not is_alive(run(main()))
