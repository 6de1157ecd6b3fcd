"""One server by itself: what `tf-raft serve` runs, from its data directory to its end.

no data, bootstrap     it founds a cluster of which it is the only server
no data, join          it asks for the cluster, waits to be contacted, and asks to be let in (see `joining`)
data                   it goes on from them; an unfinished join is gone on with, too
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from time import perf_counter
from uuid import uuid4

from tfraft.adapters.state.memory import MemoryDisk
from tfraft.clusters.addresses import host_of
from tfraft.clusters.belonging import removed_while_away
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.ending import STOP_PATIENCE_S, Ending
from tfraft.clusters.hosting import Place, start_node
from tfraft.clusters.joining import Joining, find_cluster
from tfraft.clusters.logs import log_event
from tfraft.clusters.server_home import ServerFile, ServerHome
from tfraft.clusters.settings import ServeSettings
from tfraft.clusters.states import storage
from tfraft.clusters.transports import connector_of
from tfraft.core.configuration import Configuration
from tfraft.errors import SettingError, StorageFailed
from tfraft.node.node import RaftNode
from tfraft.node.status import Event, EventKind

logger = logging.getLogger(__name__)


async def serve(settings: ServeSettings) -> None:
    """Run the server until a signal ends it, or its cluster removes it.

    Raises what keeps it from starting, from being let in, or from going on."""
    ending = Ending()
    home = ServerHome.open(settings.data_path, settings.id)
    try:
        is_new = home.file is None
        file = await ending.unless_wanted(_file_of(home, settings))
        if file is not None:
            await _run(settings, home, file, ending, is_new)
    finally:
        home.close()


async def _file_of(home: ServerHome, settings: ServeSettings) -> ServerFile:
    """What is known of the server; what it begins with, where it is new."""
    if home.file is not None:
        # A join that is not finished goes on, also by way of addresses that are new.
        if settings.bootstrap or (settings.join and not home.file.join):
            what = "bootstrap" if settings.bootstrap else "join"
            logger.warning("%s has data in %s: %s is ignored", settings.id, settings.data_dir, what)
        return home.file
    if settings.bootstrap:
        return home.begin(uuid4().hex, ())
    if settings.join:
        cluster_id = await find_cluster(settings.join, settings.id)
        return home.begin(cluster_id, settings.join)
    raise SettingError(
        f"{settings.id} has no data in {settings.data_dir} yet: found a new cluster of this one server with "
        "--bootstrap, or enter one that is there with --join HOST:PORT"
    )


async def _run(settings: ServeSettings, home: ServerHome, file: ServerFile, ending: Ending, is_new: bool) -> None:
    """Run the node until the end is wanted; afterwards what it leaves behind is durable."""
    removed = asyncio.Event()
    place = Place(
        settings.id,
        file.cluster_id,
        settings.listen,
        settings.address,
        settings.redis,
        settings.raft_config(),
        settings.node_settings(),
        transport=settings.transport,
    )
    state, snapshots = storage(StateKind.WAL, settings.id, home.path, file.cluster_id, MemoryDisk())
    founders = None if file.started or file.join else Configuration.of({settings.id: settings.address})
    node = await start_node(
        *(place, state, snapshots, founders, _observer(ending, removed)),
        on_redis_port=partial(_tell_redis_clients, settings),
    )
    async with node:
        try:
            home.record_started()
            where = (settings.id, file.cluster_id, settings.address, settings.data_dir)
            logger.info("%s of cluster %s serves at %s, with its data in %s", *where)
            if file.join:
                ending.also(_join(settings, home, file, is_new))
            else:
                _tell_if_moved(node, settings)
                ending.also(_end_if_removed(node, file.cluster_id, ending, removed))
            await ending.wanted()
        finally:
            # A handover takes up to two election timeouts.
            ending.limit(STOP_PATIENCE_S + 2 * settings.election_timeout_s)
            began = perf_counter()
    if removed.is_set():
        home.record_removed()
        logger.warning("%s was removed from its cluster, and ends: its data are of no use any more", settings.id)
    else:
        logger.info("%s stopped in good order in %.0f ms", settings.id, 1000 * (perf_counter() - began))


def _observer(ending: Ending, removed: asyncio.Event) -> Callable[[Event], None]:
    """What to do about an event of the node: log it; end where it cannot or must not go on."""

    def observe(event: Event) -> None:
        log_event(logger, event)
        if event.kind is EventKind.STORAGE_FAILED:
            ending.fail(StorageFailed(event.text))
        elif event.kind is EventKind.REMOVED:
            removed.set()
            ending.now()

    return observe


async def _join(settings: ServeSettings, home: ServerHome, file: ServerFile, is_new: bool) -> None:
    """Get into the cluster; afterwards that is durable, and the server never asks again."""
    seeds = tuple(dict.fromkeys((*file.join, *settings.join)))
    connect = connector_of(settings.transport, file.cluster_id, settings.id)
    await Joining(settings.id, settings.address, seeds, connect, is_new=is_new).run()
    home.record_joined()


async def _end_if_removed(node: RaftNode, cluster_id: str, ending: Ending, removed: asyncio.Event) -> None:
    """End the server where its cluster has removed it while it was away: nobody there will tell it."""
    if await removed_while_away(node.raft.state, cluster_id):
        removed.set()
        ending.now()


def _tell_redis_clients(settings: ServeSettings, port: int) -> None:
    host = host_of(settings.redis)
    logger.info("%s serves Redis clients at %s:%d: redis-cli -h %s -p %d", settings.id, host, port, host, port)


def _tell_if_moved(node: RaftNode, settings: ServeSettings) -> None:
    """Warn where the cluster knows another address of this server than it has."""
    known = node.raft.state.configuration.address_of(settings.id)
    if known not in ("", settings.address):
        logger.warning(
            "the cluster reaches %s at %s, not at %s: UPDATE %s %s tells it of the new address",
            *(settings.id, known, settings.address, settings.id, settings.address),
        )
