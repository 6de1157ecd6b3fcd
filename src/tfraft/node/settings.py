"""What a node does besides Raft: when it takes a snapshot, and how long the sessions of its clients live."""

from tfraft.errors import SettingError
from tfraft.record import record


@record
class NodeSettings:
    """The settings of one node, besides those of Raft (`RaftConfig`). Raises `SettingError` for what makes no sense."""

    snapshot_log_bytes: int = 64 * 1024 * 1024
    """A snapshot is taken once the commands applied since the last have so many bytes."""
    snapshot_log_entries: int = 100_000
    """A snapshot is taken once so many entries were applied since the last."""
    session_timeout_s: float = 3600.0
    """A session ends when it was not used for so long, by the time that the log carries (§6.3)."""
    max_sessions: int = 10_000
    """Of more sessions than this the least recently used end (§6.3)."""
    repair_patience_s: float = 60.0
    """A server whose damaged disk is to be repaired waits so long for a leader before it stops."""

    def __post_init__(self) -> None:
        for name in ("snapshot_log_bytes", "snapshot_log_entries", "max_sessions"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("session_timeout_s", "repair_patience_s"):
            if not 0 < getattr(self, name) < 1e12:
                raise SettingError(f"{name} must be above 0, not {getattr(self, name)}")
