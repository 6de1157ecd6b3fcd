"""A load at a cluster of ours, through the change of its leader."""

import asyncio

from tests.clusters.lab import leader_after, leader_of, run, until
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.progress import NoProgress
from tfraft.cli.load.run import Interrupts, run_load
from tfraft.clusters.memory import MemoryCluster


def test_a_leader_that_is_killed_costs_errors_and_a_dip_and_the_load_goes_on() -> None:
    async def story() -> None:
        async with MemoryCluster(3, redis_port=0) as cluster:
            plan = LoadPlan(
                addresses=tuple(member.redis for member in cluster.members),
                clients=6,
                keys=100,
                reads=0.3,
                read_mode="follower",
                duration_s=3600,
            )
            interrupts = Interrupts()
            load = asyncio.create_task(run_load(plan, NoProgress(), interrupts))
            await writes_go_on(cluster)
            old, term = leader_of(cluster)
            await cluster.kill_node(old)
            await leader_after(cluster, term)
            await writes_go_on(cluster)
            interrupts.one_more()
            result = await load
            assert result.losses == 2, "a third of the clients was at the node that was killed"
            assert set(result.tally.errors) <= {"LOST", "UNKNOWN", "CLUSTERDOWN"}
            assert min(result.tally.reads().count, result.tally.writes().count) > 0
            assert result.keys_left == 0
            assert await cluster.execute([b"KEYS", b"bench:*"]) == b"*0\r\n"

    run(story())


async def writes_go_on(cluster: MemoryCluster) -> None:
    """Return once the leader has committed a hundred entries more."""

    async def commit_index() -> int:
        status = await cluster.status(leader_of(cluster)[0])
        return status.commit_index if status else 0

    before = await commit_index()

    async def is_above() -> bool:
        return await commit_index() > before + 100

    await until(is_above)
