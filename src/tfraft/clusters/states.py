"""What keeps the state of a node and its snapshots, by the kind that the cluster has chosen.

wal      n1/         a write-ahead log, and the snapshots beside it
json     n1.json     a file that a person can read, and n1.….snapshot beside it
"""

from pathlib import Path
from typing import Any, Final

from tfraft.adapters.state.document import Codec
from tfraft.adapters.state.json import LocalStateManager, state_path
from tfraft.adapters.state.memory import MemoryDisk, MemorySnapshotStore, MemoryStateManager
from tfraft.adapters.state.segments_on_disk import METADATA_NAME
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.adapters.state.wal import WalStateManager
from tfraft.clusters.cluster_file import StateKind
from tfraft.core.configuration import ServerId
from tfraft.ports import SnapshotStore, StateManager
from tfraft.store import codec
from tfraft.store.envelope import Command


def show_command(data: bytes) -> dict[str, Any]:
    """The entry of a command of the store as a person wants to read it. Raises where its words are not UTF-8."""
    entry = Command.decode(data)
    shown: dict[str, Any] = {"time_ms": entry.time_ms}
    if entry.client_id:
        shown |= {"client_id": entry.client_id, "sequence_num": entry.sequence_num}
        shown |= {"lowest_unanswered": entry.lowest_unanswered}
    return shown | {"command": [word.decode() for word in codec.decode(entry.command)]}


def read_command(shown: dict[str, Any]) -> bytes:
    """The inverse of `show_command`."""
    command = codec.encode([word.encode() for word in shown["command"]])
    return Command(**{**shown, "command": command}).encode()


STORE_CODEC: Final = Codec(to_json=show_command, from_json=read_command)
"""Shows a command as a list of words; one with words that are not UTF-8 is shown in base64."""


def storage(
    kind: StateKind, server_id: ServerId, directory: Path, cluster_id: str, disk: MemoryDisk, *, is_store: bool = True
) -> tuple[StateManager, SnapshotStore]:
    """What keeps the state of this server; `disk` is for what is kept in memory.

    `is_store` says that its commands are those of the store."""
    match kind:
        case StateKind.MEMORY:
            return MemoryStateManager(disk), MemorySnapshotStore(disk)
        case StateKind.JSON:
            shown = STORE_CODEC if is_store else None
            state = LocalStateManager(server_id, directory, cluster_id=cluster_id, codec=shown)
            return state, FileSnapshotStore(directory, server_id)
        case StateKind.WAL:
            own = directory / server_id
            return WalStateManager(server_id, own, cluster_id=cluster_id), FileSnapshotStore(own)


def state_file(kind: StateKind, directory: Path, server_id: ServerId) -> Path:
    """The file without which a server that has run has lost its state. Raises SettingError for an id that has none."""
    json_file = state_path(directory, server_id)
    return directory / server_id / METADATA_NAME if kind is StateKind.WAL else json_file
