"""What a node begins with: its state from disk, or the first state of a new cluster."""

import asyncio
from dataclasses import replace

from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.errors import CorruptState, TfRaftError
from tfraft.ports import HasSnapshotFiles, Repairable, SnapshotStore, StateManager
from tfraft.record import record
from tfraft.store.sessions import Sessions


@record
class Opened:
    """What a node begins with. `damage` says what was found damaged and set aside, if anything was."""

    saved: Saved
    latest: Snapshot | None
    damage: str = ""


async def open_state(
    state: StateManager,
    snapshots: SnapshotStore | None,
    sessions: Sessions,
    founders: Configuration | None,
    *,
    repair: bool = False,
) -> Opened:
    """Read what is on disk; `sessions` holds the state of the latest snapshot afterwards.

    Where nothing is there, the configuration of the `founders` becomes durable; without any the server is to be
    contacted. With `repair` what is damaged is set aside, if the state manager can: the server begins without a vote,
    and gets all from the others. Raises DataError for what cannot be used; then everything is closed."""
    try:
        try:
            opened = await asyncio.to_thread(load, state, snapshots, sessions)
        except CorruptState as damage:
            if not (repair and isinstance(state, Repairable)):
                raise
            await asyncio.to_thread(set_aside, state, snapshots)
            opened = replace(await asyncio.to_thread(load, state, snapshots, sessions), damage=str(damage))
        if opened.saved == Saved():
            opened = replace(opened, saved=await found(state, founders))
    except BaseException:
        close(state, snapshots)
        raise
    return opened


def load(state: StateManager, snapshots: SnapshotStore | None, sessions: Sessions) -> Opened:
    """Read log and snapshot, and restore `sessions` from it. Blocks."""
    saved = state.load()
    latest = None if snapshots is None else snapshots.load()
    check_together(saved, latest)
    if latest is not None and snapshots is not None:
        sessions.restore(snapshots.pieces(latest))
    return Opened(saved or Saved(), latest)


def set_aside(state: Repairable, snapshots: object) -> None:
    """Put the damaged log away, and with it the snapshots, which are of no use without it."""
    directory = state.set_aside()
    if isinstance(snapshots, HasSnapshotFiles):
        snapshots.set_aside(directory)


def check_together(saved: Saved | None, latest: Snapshot | None) -> None:
    """Raise CorruptState where one of log and snapshot is missing: a server must not forget what it has promised."""
    if saved is None and latest is not None:
        raise CorruptState(f"there is a snapshot through index {latest.base.index}, but the log is lost")
    if saved is not None and saved.base.index > (latest.base.index if latest else 0):
        raise CorruptState(f"the log begins after index {saved.base.index}, but the snapshot of what is before is lost")


async def found(state: StateManager, founders: Configuration | None) -> Saved:
    """Make the first state of a server durable: the configuration before its log; none if it is to be contacted."""
    if founders is None:
        return Saved()
    base = Base(configuration=founders)
    done: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    state.save(Save(0, None, base=base), done.set_result)
    error = await done
    if error is not None:
        raise error
    return Saved(base=base)


def close(state: StateManager, snapshots: SnapshotStore | None) -> None:
    """Free all files; blocks until what is under way is done."""
    if snapshots is not None:
        snapshots.close()
    state.close()
