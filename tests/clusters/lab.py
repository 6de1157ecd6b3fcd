"""What the tests of the ready-made clusters share: both kinds by one parameter, and how to wait for what must come."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.network.recorder import DEADLINE_S, run
from tfraft.adapters.state.files import temporary_of
from tfraft.clusters.cluster import NodeState
from tfraft.clusters.memory import MemoryCluster
from tfraft.clusters.processes import ProcessCluster, TcpCluster
from tfraft.core.config import IN_PROCESS, RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.node.settings import NodeSettings

__all__ = [
    "BOTH_KINDS",
    "AnyCluster",
    "caught_up",
    "leader_after",
    "leader_of",
    "make",
    "others",
    "run",
    "saves_fail",
    "until",
]

AnyCluster = MemoryCluster | ProcessCluster

BOTH_KINDS = pytest.mark.parametrize("kind", ["memory", pytest.param("tcp", marks=pytest.mark.process)])


def make(
    kind: str,
    nodes: int | None = None,
    data: Path | None = None,
    state: str | None = None,
    *,
    fresh: bool = False,
    settings: NodeSettings | None = None,
    redis_port: int | None = None,
    **raft: Any,
) -> AnyCluster:
    """A cluster of this kind, not started yet; `raft` are settings of Raft other than the usual ones."""
    if kind == "memory":
        config = replace(IN_PROCESS, **raft)
        return MemoryCluster(
            nodes, data=data, state=state, fresh=fresh, settings=settings, config=config, redis_port=redis_port
        )
    config = RaftConfig(**raft)
    return TcpCluster(
        nodes, data=data, state=state, fresh=fresh, settings=settings, config=config, redis_port=redis_port
    )


async def until(condition: Callable[[], Awaitable[object]]) -> None:
    """Return once `condition` holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not await condition():  # noqa: ASYNC110 -- the condition is at the other end of a network
            await asyncio.sleep(0.02)


async def caught_up(cluster: AnyCluster, *server_ids: ServerId) -> None:
    """Return once these nodes, or all that run, have applied everything that the leader has committed."""
    names = server_ids or tuple(one.server_id for one in cluster.members if one.state is NodeState.RUNNING)

    async def level() -> bool:
        leader = cluster.leader
        lead = await cluster.status(leader[0]) if leader else None
        if lead is None or not 0 < lead.commit_index == lead.last_index:
            return False
        statuses = [await cluster.status(name) for name in names]
        return all(one is not None and one.last_applied == lead.commit_index for one in statuses)

    await until(level)


async def leader_after(cluster: AnyCluster, term: int) -> ServerId:
    """The leader of a later term, once its event has arrived: that is told apart from what it answers."""

    async def elected() -> bool:
        return cluster.leader is not None and cluster.leader[1] > term

    await until(elected)
    return leader_of(cluster)[0]


async def saves_fail(directory: Path, server_id: ServerId) -> Path:
    """Put a directory where the next state of this node is to be written; remove it to let saves succeed again."""
    in_the_way = temporary_of(directory / f"{server_id}.json")

    async def put() -> bool:
        try:
            in_the_way.mkdir()
        except FileExistsError:  # A save is under way.
            return False
        return True

    await until(put)
    return in_the_way


def leader_of(cluster: AnyCluster) -> tuple[ServerId, int]:
    """The leader and its term; somebody leads."""
    assert cluster.leader is not None, "nobody leads"
    return cluster.leader


def others(cluster: AnyCluster) -> list[ServerId]:
    """The nodes that do not lead, as far as is known."""
    leader, _ = leader_of(cluster)
    return [member.server_id for member in cluster.members if member.server_id != leader]
