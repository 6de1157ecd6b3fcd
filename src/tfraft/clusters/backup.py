"""Taking a backup of a cluster that runs, wherever that is: a snapshot of now, from one of its servers to a file.

    backup = await take_backup(["10.0.0.1:7001"], place_of("./monday.backup"))

It has every write that was answered before it was asked for, and of those under way each wholly or not at all.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from functools import partial
from importlib.metadata import version
from typing import Final

from tfraft.adapters.network.admin import AdminClient
from tfraft.adapters.network.grpc import identify
from tfraft.adapters.state.backup_file import Backup, encode_footer, encode_header
from tfraft.adapters.state.backup_places import BackupPlace, BackupSink
from tfraft.clusters.survey import Picture, Survey
from tfraft.core.base import Snapshot
from tfraft.core.configuration import ServerId
from tfraft.errors import Unavailable

PATIENCE_S: Final = 60.0
"""A server from which nothing has come for so long is given up. Before the first piece it makes the snapshot."""


async def take_backup(addresses: Sequence[str], place: BackupPlace, patience_s: float = PATIENCE_S) -> Backup:
    """Write a backup of the cluster behind `addresses` to `place`; what it is of. Whole, or there is none.

    Servers that do not lead are asked first: the leader has enough to do. Raises `Unavailable` where no server can
    give one, `StorageFailed` or `SettingError` where it cannot be written."""
    survey = Survey(addresses)
    try:
        picture = await survey.look()
        reasons = [] if picture.statuses else [f"no server answers at {', '.join(addresses)}"]
        for server_id in in_order_of_leisure(picture):
            address = picture.addresses[server_id]
            try:
                return await _backup_of(server_id, address, survey.admin(address), place, patience_s)
            except Unavailable as error:
                reasons.append(f"{server_id}: {error}")
    finally:
        await survey.close()
    raise Unavailable(f"there is no backup: {'; '.join(reasons)}")


def in_order_of_leisure(picture: Picture) -> list[ServerId]:
    """The members that answer, the leader last."""
    leader = picture.leader
    answering = [server_id for server_id in picture.addresses if server_id in picture.statuses]
    return sorted(answering, key=lambda server_id: leader is not None and server_id == leader.server_id)


async def _backup_of(
    server_id: ServerId, address: str, admin: AdminClient, place: BackupPlace, patience_s: float
) -> Backup:
    cluster_id = (await identify(address)).cluster_id
    async with aclosing(admin.backup(patience_s)) as parts:
        snapshot = await anext(parts)
        assert isinstance(snapshot, Snapshot), "the first part says what the others are of"
        backup = Backup(cluster_id, server_id, int(time.time() * 1000), version("tf-raft"), snapshot)
        await _store(backup, parts, place)
        return backup


async def _store(backup: Backup, parts: AsyncGenerator[Snapshot | bytes, None], place: BackupPlace) -> None:
    """Write it all, or nothing. A thread of its own does it in order, so that the loop goes on meanwhile."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="backup") as thread:
        # Whatever is begun and then cancelled here is done there: so what it leaves is known there only.
        sinks: list[BackupSink] = []

        def on_thread(work: Callable[[], None]) -> asyncio.Future[None]:
            return loop.run_in_executor(thread, work)

        try:
            await on_thread(lambda: sinks.append(place.create()))
            await on_thread(lambda: sinks[0].write(encode_header(backup)))
            async for piece in parts:
                assert isinstance(piece, bytes), "a backup is of one snapshot"
                await on_thread(partial(sinks[0].write, piece))
            await on_thread(lambda: sinks[0].write(encode_footer(backup)))
            await on_thread(lambda: sinks[0].commit())
        except BaseException:
            await on_thread(partial(_abort, sinks))
            raise


def _abort(sinks: Iterable[BackupSink]) -> None:
    for sink in sinks:
        sink.abort()
