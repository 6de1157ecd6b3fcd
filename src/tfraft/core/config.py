"""The settings of one server: times in seconds, limits in entries, messages and bytes."""

from tfraft.errors import SettingError
from tfraft.record import record

MAX_ENTRY_BYTES = 24 * 1024 * 1024
"""A command above this is never proposed: one AppendEntries must be able to carry it."""


@record
class RaftConfig:
    """How one server behaves. The defaults are for real clusters; `IN_PROCESS` is for tests and one-process clusters.

    Raises `SettingError` for values that could not work (§3.9: the broadcast time must be well below the election
    timeout).
    """

    election_timeout_s: float = 0.5
    """The least election timeout; each is drawn from this up to twice this (§3.4)."""
    heartbeat_interval_s: float = 0.1
    """A leader that has nothing to say says so this often."""
    max_batch_entries: int = 4096
    """The most entries in one AppendEntries."""
    max_batch_bytes: int = 1024 * 1024
    """The most bytes of commands in one AppendEntries; a single larger command still goes, alone."""
    max_inflight: int = 64
    """The most AppendEntries with entries that a follower may owe an answer to (§10.2.2)."""
    catch_up_rounds: int = 10
    """A new server is caught up in at most this many rounds before it may vote (§4.2.1)."""

    catch_up_timeout_s: float = 5.0
    """A new server that makes no progress for this long is given up (§4.2.1)."""

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_interval_s <= self.election_timeout_s / 2:
            raise SettingError(
                f"heartbeat_interval_s must be above 0 and at most half of election_timeout_s "
                f"({self.election_timeout_s}), not {self.heartbeat_interval_s}"
            )
        if self.catch_up_timeout_s <= 0:
            raise SettingError(f"catch_up_timeout_s must be above 0, not {self.catch_up_timeout_s}")
        if self.max_batch_bytes > MAX_ENTRY_BYTES:
            raise SettingError(f"max_batch_bytes may be at most {MAX_ENTRY_BYTES}, not {self.max_batch_bytes}")
        for name in ("max_batch_entries", "max_batch_bytes", "max_inflight", "catch_up_rounds"):
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, not {getattr(self, name)}")


IN_PROCESS = RaftConfig(election_timeout_s=0.15, heartbeat_interval_s=0.03)
"""The paper's 150 to 300 ms (§3.9), for clusters whose network is memory or loopback."""
