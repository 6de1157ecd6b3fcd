"""The way out where a quorum is lost for good: one server that is left becomes a cluster of its own."""

import asyncio
from pathlib import Path

from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles
from tfraft.adapters.state.wal import WalStateManager
from tfraft.adapters.state.wal_check import latest_snapshot
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import DataError, TfRaftError
from tfraft.record import record


@record
class NewCluster:
    """What `force_new_cluster` has made."""

    current_term: int
    index: int
    """The index of the configuration that was appended."""
    configuration: Configuration
    """This server alone."""
    left: tuple[ServerId, ...]
    """The members that it has no more; none of them may come back under its old id."""
    uncommitted: int
    """So many entries at most were never committed, and will be now; what others have committed may be missing."""


def force_new_cluster(directory: Path, server_id: ServerId, address: str) -> NewCluster:
    """Make the server of this log, which does not run, the only member of its cluster, at `address`; durably.

    A configuration of this server alone is appended in a new term, as if a leader of that term had: once the server
    starts it elects itself, and all that its log holds is committed. Every other member must be gone for good: where a
    majority of them still lives, there are two clusters afterwards.

    Raises `DataError` where there is no log, where it is damaged, in use, or another server's, or where it was set
    aside and is not repaired: such a server lacks what it once had. Raises `StorageFailed` where it cannot be saved."""
    if not (directory / METADATA_NAME).exists():
        raise DataError(f"{directory} has no {METADATA_NAME}: it is not the directory of a write-ahead log")
    manager = WalStateManager(server_id, directory)
    try:
        saved = manager.load()
        if saved is None:
            raise DataError(f"{directory} holds nothing yet: server {server_id} was never a member of a cluster")
        if manager.repair_note is not None and manager.repair_note.repairing:
            raise DataError(
                f"{directory} was damaged and is not repaired since: it lacks entries up to "
                f"{manager.repair_note.last_index} that it once had. Choose another server that is left"
            )
        snapshot = latest_snapshot(LogFiles(), directory)
        committed = 0 if snapshot is None else snapshot.base.index
        if committed < saved.base.index:
            raise DataError(f"{directory} has no snapshot of index {saved.base.index}, after which its log begins")
        log = _heeding(saved, snapshot)
        new = _alone(log, committed, server_id, address)
        asyncio.run(_append(manager, server_id, new, None if log is saved else log.base))
        return new
    finally:
        manager.close()


def _heeding(saved: Saved, snapshot: Snapshot | None) -> Saved:
    """The log as it follows the snapshot: none of it, where a crash came after a leader's snapshot was there, and
    before the log was made to begin after it (§5.3)."""
    place = -1 if snapshot is None else snapshot.base.index - saved.base.index - 1
    if snapshot is None or place < 0:
        return saved
    if place < len(saved.entries) and saved.entries.terms[place] == snapshot.base.term:
        return saved
    return Saved(max(saved.current_term, snapshot.base.term), None, snapshot.base)


def _alone(saved: Saved, committed: int, server_id: ServerId, address: str) -> NewCluster:
    place = saved.entries.kinds.rfind(EntryKind.CONFIGURATION)
    before = saved.base.configuration if place < 0 else Configuration.decode(saved.entries.data[place])
    left = tuple(server for server in before.members if server != server_id)
    configuration = Configuration.of({server_id: address}, removed={*before.removed, *left})
    last_index = saved.base.index + len(saved.entries)
    return NewCluster(saved.current_term + 1, last_index + 1, configuration, left, max(0, last_index - committed))


async def _append(manager: WalStateManager, server_id: ServerId, new: NewCluster, base: Base | None) -> None:
    entry = Entry(new.current_term, EntryKind.CONFIGURATION, new.configuration.encode())
    answer: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    manager.save(Save(new.current_term, server_id, new.index, Entries.of(entry), base), answer.set_result)
    error = await answer
    if error is not None:
        raise error
