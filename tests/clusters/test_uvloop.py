"""A cluster runs on uvloop as well: the node takes no more of a loop than asyncio promises of any."""

import uvloop

from tfraft import MemoryCluster


def test_a_cluster_on_uvloop_outlives_its_leader() -> None:
    """uvloop gives a handle that does not know its time for a timer that is due already."""

    async def run() -> bytes | None:
        async with MemoryCluster(3) as cluster:
            await cluster.set("a", "1")
            assert cluster.leader is not None
            await cluster.kill_node(cluster.leader[0])
            return await cluster.get("a")

    assert uvloop.run(run()) == b"1"
