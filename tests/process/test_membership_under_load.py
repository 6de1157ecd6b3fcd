"""The membership changes under load, and nobody notices: no write is lost, doubled or refused (ch. 4)."""

import pytest

from tests.clusters.lab import others, run, until
from tests.process.accounts import accounts, acknowledged, failures, leader_now, settled, under_load
from tfraft.clusters.processes import TcpCluster
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.node.settings import NodeSettings

pytestmark = pytest.mark.process

# Who joins is sent a snapshot first.
CONFIG = RaftConfig(keep_entries=20)
SETTINGS = NodeSettings(snapshot_log_entries=200)


async def voters_become(cluster: TcpCluster, *server_ids: ServerId) -> None:
    """Return once these and no others vote, as a leader among them says, and nobody else has a process."""

    async def is_so() -> bool:
        leader = cluster.leader
        status = await cluster.status(leader[0]) if leader and leader[0] in server_ids else None
        return status is not None and (set(status.voters), status.old_voters) == (set(server_ids), {})

    await until(is_so)
    assert set(cluster.pids) == set(server_ids)


def is_done(answer: Answer) -> None:
    assert answer.status is AnswerStatus.OK, answer


def test_five_nodes_become_three_and_five_again_under_load_one_at_a_time() -> None:
    """§4.1, §4.2.2: the leader itself is the first to be removed."""

    async def main() -> None:
        async with TcpCluster(5, config=CONFIG, settings=SETTINGS) as cluster, accounts(cluster, 8) as writers:
            async with under_load(writers):
                await acknowledged(writers, 200)
                leader, _ = await leader_now(cluster)
                rest = others(cluster)
                for server_id in (leader, rest[0]):
                    is_done(await cluster.remove(server_id))
                    await acknowledged(writers, 50)
                await voters_become(cluster, *rest[1:])
                for name in ("n6", "n7"):
                    added, answer = await cluster.add()
                    is_done(answer)
                    assert added == name
                    await acknowledged(writers, 50)
                await voters_become(cluster, *rest[1:], "n6", "n7")
            assert failures(writers) == []
            await settled(cluster, writers)

    run(main())


def test_five_nodes_become_three_and_five_again_under_load_in_one_step_each() -> None:
    """§4.3: by joint consensus; the leader is among those who leave."""

    async def main() -> None:
        async with TcpCluster(5, config=CONFIG, settings=SETTINGS) as cluster, accounts(cluster, 8) as writers:
            async with under_load(writers):
                await acknowledged(writers, 200)
                await leader_now(cluster)
                rest = others(cluster)
                is_done(await cluster.change(rest[1:]))
                await voters_become(cluster, *rest[1:])
                await acknowledged(writers, 50)
                is_done(await cluster.change([*rest[1:], "n6", "n7"]))
                await voters_become(cluster, *rest[1:], "n6", "n7")
                await acknowledged(writers, 50)
            assert failures(writers) == []
            await settled(cluster, writers)

    run(main())
