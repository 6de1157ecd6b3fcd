"""The settings of one server: times in seconds, limits in entries, messages and bytes."""

from tfraft.errors import SettingError
from tfraft.record import record

MAX_ENTRY_BYTES = 24 * 1024 * 1024
"""A command above this is never proposed: one AppendEntries must be able to carry it."""

AT_LEAST_ONE = (
    "max_batch_entries",
    "max_batch_bytes",
    "max_inflight",
    "max_inflight_bytes",
    "max_uncommitted_bytes",
    "max_waiting",
    "catch_up_rounds",
    "snapshot_piece_bytes",
    "snapshot_window",
)

AT_LEAST_ZERO = ("keep_entries", "priority")


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
    max_inflight_bytes: int = 32 * 1024 * 1024
    """No further AppendEntries with entries is sent while those that are not answered have so many bytes."""
    max_uncommitted_bytes: int = 256 * 1024 * 1024
    """While so many bytes of commands are not committed, a leader takes no more of them."""
    max_waiting: int = 100_000
    """While so many proposals, or so many reads, wait at a leader, it takes no more of them."""
    catch_up_rounds: int = 10
    """A new server is caught up in at most this many rounds before it may vote (§4.2.1)."""
    catch_up_timeout_s: float = 5.0
    """A new server that makes no progress for this long is given up (§4.2.1)."""
    pre_vote: bool = True
    """A server stands for election only once a majority would vote for it (§9.6)."""
    priority: int = 0
    """A leader hands over to a voter of a higher priority as soon as that has all it needs (§3.10). Any server may
    still be elected: what is safe, and how soon there is a leader, does not depend on it."""
    lease_reads: bool = False
    """Reads that ask for it are answered by lease (§6.4.1). All servers must agree on it, and on the timeouts.

    Then safety depends on clocks: on `clock_drift_bound`, and on a server that counts time while it is paused."""
    clock_drift_bound: float = 1.1
    """No clock runs faster than another by more than this factor; a lease is shorter than the timeout by as much."""
    keep_entries: int = 5_000
    """So many entries stay in the log behind a snapshot, for servers that are a little slow (§5.1)."""
    snapshot_piece_bytes: int = 256 * 1024
    """The most bytes in one InstallSnapshot."""
    snapshot_window: int = 4
    """The most InstallSnapshots that a server may owe an answer to."""

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
        if self.clock_drift_bound < 1:
            raise SettingError(f"clock_drift_bound is a factor of at least 1, not {self.clock_drift_bound}")
        for name in AT_LEAST_ZERO:
            if getattr(self, name) < 0:
                raise SettingError(f"{name} must be at least 0, not {getattr(self, name)}")
        for name in AT_LEAST_ONE:
            if getattr(self, name) < 1:
                raise SettingError(f"{name} must be at least 1, not {getattr(self, name)}")


IN_PROCESS = RaftConfig(election_timeout_s=0.15, heartbeat_interval_s=0.03)
"""The paper's 150 to 300 ms (§3.9), for clusters whose network is memory or loopback."""
