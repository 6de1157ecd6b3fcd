"""From a backup to the first server of a new cluster, which others then join.

    restored = await restore(place_of("./monday.backup"), Path("./n1"), "n1", "10.0.0.1:7001")

The new cluster has the state of the backup, with the sessions of its clients, and an id of its own: servers of the old
one that still live, or come back, are strangers to it, and their ids are free again.
"""

import asyncio
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar
from uuid import uuid4

from tfraft.adapters.state.backup_file import Backup, BackupReader
from tfraft.adapters.state.backup_places import BackupPlace
from tfraft.adapters.state.files import as_data_error
from tfraft.adapters.state.lock import LOCK_NAME
from tfraft.adapters.state.memory import MemoryDisk
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.server_home import ServerHome
from tfraft.clusters.states import storage
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Save
from tfraft.errors import CorruptState, DataError, TfRaftError
from tfraft.ports import SnapshotStore, StateMachine, StateManager
from tfraft.record import record
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

T = TypeVar("T")


@record
class Restored:
    """What `restore` has made, and of what: the first server of `cluster_id`, which others reach at `address`."""

    backup: Backup
    cluster_id: str
    server_id: ServerId
    address: str


def check(place: BackupPlace, machine: StateMachine | None = None) -> Backup:
    """Read the whole backup at `place`; what it is of. `machine`, the store if None is given, has its state afterwards.

    Raises `DataError` where it cannot be read, `CorruptState` where it is damaged or of another state machine,
    `ForeignData` for one of a newer format."""
    reader = BackupReader(place.read(), place.name)
    data = reader.data()
    problem: TfRaftError | None = None
    try:
        Sessions(machine or Store()).restore(data)
    except TfRaftError as error:
        problem = error
    # The last word has the checksum of the file: damage is to be called so, whatever it looked like to the machine.
    for _ in data:
        pass
    if problem is None:
        return reader.backup
    if reader.is_whole:
        raise CorruptState(f"{place.name} is whole, but holds the state of something else: {problem}") from problem
    raise problem


async def restore(
    place: BackupPlace,
    data_dir: Path,
    server_id: ServerId,
    address: str,
    new_machine: Callable[[], StateMachine] = Store,
) -> Restored:
    """Make `data_dir` that of the first server of a new cluster, with the state of the backup at `place`; durably.

    The backup is read twice: it is checked before anything is written. A crash leaves a directory that is refused.
    Raises what `check` does, `DataError` unless `data_dir` is empty or not there, `StorageFailed` where it cannot be
    written; then `data_dir` is as empty as before."""
    refuse_used(data_dir)
    backup = await asyncio.to_thread(check, place, new_machine())
    home = ServerHome.open(data_dir, server_id)
    try:
        if home.file is not None:
            refuse_used(data_dir)
        restored = Restored(backup, uuid4().hex, server_id, address)
        try:
            await _write(restored, place, home.path)
        except BaseException:
            shutil.rmtree(home.path / server_id, ignore_errors=True)
            raise
        # Last: before, the directory is nobody's.
        home.begin(restored.cluster_id, ())
        home.record_started()
    finally:
        home.close()
    return restored


def refuse_used(data_dir: Path) -> None:
    """Raise DataError where `data_dir` holds anything already."""
    with as_data_error(data_dir, "read"):
        there = sorted(one.name for one in data_dir.iterdir()) if data_dir.is_dir() else []
    used = [name for name in there if name != LOCK_NAME]
    if used:
        raise DataError(
            f"{data_dir} is not empty ({', '.join(used[:3])}{', …' * (len(used) > 3)}): a backup is restored to an "
            "empty directory, or to a new one. Nothing was changed"
        )


async def _write(restored: Restored, place: BackupPlace, directory: Path) -> None:
    server_id, old = restored.server_id, restored.backup.snapshot
    alone = Configuration.of({server_id: restored.address})
    base = Base(old.base.index, old.base.term, alone, old.base.index)
    state, snapshots = storage(StateKind.WAL, server_id, directory, restored.cluster_id, MemoryDisk())
    try:
        await asyncio.to_thread(state.load)
        await asyncio.to_thread(snapshots.load)
        await _write_snapshot(snapshots, Snapshot(base, old.size_bytes, old.checksum), place)
        await _write_log(state, base)
    finally:
        await asyncio.to_thread(snapshots.close)
        await asyncio.to_thread(state.close)


async def _write_snapshot(snapshots: SnapshotStore, snapshot: Snapshot, place: BackupPlace) -> None:
    """Make the data of the backup this snapshot. The checksum tells whether they are those that were checked."""
    writer = snapshots.create(snapshot.base)
    data = BackupReader(place.read(), place.name).data()
    while (piece := await asyncio.to_thread(next, data, None)) is not None:
        _raise(await _answer(partial(writer.write, piece)))
    _raise(await _answer(partial(writer.finish, snapshot)))


async def _write_log(state: StateManager, base: Base) -> None:
    _raise(await _answer(partial(state.save, Save(base.term, None, base=base))))


async def _answer(ask: Callable[[Callable[[T], None]], None]) -> T:
    answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    ask(answer.set_result)
    return await answer


def _raise(outcome: object) -> None:
    if isinstance(outcome, TfRaftError):
        raise outcome
