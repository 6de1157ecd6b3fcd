"""kill -9 of nodes again and again under load: no acknowledged write is lost, and none is done twice (§3.8, §6.3)."""

import asyncio
from random import Random

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.clusters.lab import run
from tests.process.accounts import accounts, acknowledged, killed, settled, under_load
from tfraft.clusters.processes import TcpCluster
from tfraft.core.config import RaftConfig
from tfraft.node.settings import NodeSettings

pytestmark = pytest.mark.process

WRITERS = 8
ROUNDS = 20

# Snapshots and a log that is compacted are under way all the time, too.
CONFIG = RaftConfig(keep_entries=200)
SETTINGS = NodeSettings(snapshot_log_entries=500)


async def kill_nodes(rounds: int, seed: int) -> None:
    """In each round one node is killed, twice out of three times the leader, and started again."""
    chance = Random(seed)
    async with TcpCluster(3, config=CONFIG, settings=SETTINGS) as cluster, accounts(cluster, WRITERS) as writers:
        async with under_load(writers):
            for _ in range(rounds):
                await acknowledged(writers, 100)
                running = [member.server_id for member in cluster.members]
                victim = chance.choice(running)
                if cluster.leader is not None and chance.random() < 2 / 3:
                    victim = cluster.leader[0]
                await killed(cluster, victim)
                if chance.random() < 0.5:
                    await acknowledged(writers, 50)
                await cluster.start_node(victim)
        await settled(cluster, writers)


@pytest.mark.parametrize("seed", [1, *(pytest.param(seed, marks=pytest.mark.campaign) for seed in range(2, 12))])
def test_no_acknowledged_write_is_lost_and_none_is_done_twice_while_nodes_are_killed(seed: int) -> None:
    asyncio.run(asyncio.wait_for(kill_nodes(ROUNDS, seed), ROUNDS * DEADLINE_S))


def test_no_acknowledged_write_is_lost_and_none_is_done_twice_when_all_nodes_are_killed_at_once() -> None:
    """What is written goes on being tried while nobody is there, and is done once."""

    async def main() -> None:
        async with TcpCluster(3, config=CONFIG, settings=SETTINGS) as cluster, accounts(cluster, WRITERS) as writers:
            async with under_load(writers):
                for _ in range(2):
                    await acknowledged(writers, 300)
                    names = [member.server_id for member in cluster.members]
                    await killed(cluster, *names)
                    for name in names:
                        await cluster.start_node(name)
                await acknowledged(writers, 100)
            await settled(cluster, writers)

    run(main())
