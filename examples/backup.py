"""A backup of a cluster that runs, and the first server of a new cluster from it.

python examples/backup.py
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from tfraft import TcpCluster
from tfraft.adapters.state.backup_places import place_of
from tfraft.clusters.backup import take_backup
from tfraft.clusters.restoring import restore


async def main(directory: Path) -> None:
    """Write something, take a backup, and restore it to a directory that `tf-raft serve` goes on from."""
    place = place_of(str(directory / "monday.backup"))
    async with TcpCluster(3) as cluster:
        await cluster.set("greeting", "hello world")
        backup = await take_backup([member.address for member in cluster.members], place)
    print(f"the state through entry {backup.snapshot.base.index} of cluster {backup.cluster_id}")
    restored = await restore(place, directory / "m1", "m1", "127.0.0.1:7011")
    print(f"{restored.server_id} is the first server of the new cluster {restored.cluster_id}")


if __name__ == "__main__":
    with TemporaryDirectory() as path:
        asyncio.run(main(Path(path)))
