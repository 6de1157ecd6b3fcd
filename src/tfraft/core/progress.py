"""What a leader knows of one other server, and what it may send to it now (§3.5, §5.1, §10.2)."""

from collections import deque
from dataclasses import dataclass, field

from tfraft.core.base import Snapshot
from tfraft.core.config import RaftConfig


@dataclass(slots=True)
class Sending:
    """A snapshot on its way to a server: it has the bytes before `acked`, and we have sent those before `offset`."""

    snapshot: Snapshot
    progressed_at: float
    tried_at: float
    """When it last made progress, or was sent anew from `acked`."""
    offset: int = 0
    acked: int = 0

    def answered(self, offset: int, now: float) -> None:
        """Note that the server wants the bytes from `offset` on: all of them if it has lost what it had.

        Any other offset that is lower than the last is of an old answer."""
        if offset > self.acked:
            self.progressed_at = self.tried_at = now
            self.acked = offset
            self.offset = max(self.offset, offset)
        elif offset == 0 < self.acked:
            self.acked = self.offset = 0

    def try_again(self, now: float, patience_s: float) -> None:
        """Send anew what is not answered, if nothing has moved for so long.

        Who has all of it is asked again from the first byte on: the answer that it is installed may be lost."""
        if now - self.tried_at > patience_s:
            self.acked %= self.snapshot.size_bytes
            self.offset = self.acked
            self.tried_at = now


@dataclass(slots=True)
class Progress:
    """One server's place in the leader's log.

    A leader begins by probing: it sends one AppendEntries and waits for the answer, until it knows where the logs
    agree. From then on it sends ahead of the answers, a window of `inflight` messages (§10.2.2): `next_index` moves on
    when entries are sent, and falls back when the server turns out not to have got them. Where the entries it needs
    are compacted away it is sent a snapshot first (§5.1)."""

    next_index: int
    heard_at: float
    """When the server last answered in this term; the moment of the election at first."""
    match_index: int = 0
    """Entries through this index are on the server's disk, equal to the leader's. Falls only with `begin_anew`."""
    probing: bool = True
    awaiting_probe: bool = False
    inflight: deque[tuple[int, int]] = field(default_factory=deque)
    """Of each AppendEntries with entries that is not answered yet, the last index, and the bytes of its entries."""
    inflight_bytes: int = 0
    acked_round: int = 0
    """The highest round of heartbeats that the server has answered (§6.4)."""
    acked_sent_at: float = float("-inf")
    """When the latest AppendEntries that it has answered was sent, by our clock (§6.4.1)."""
    sending: Sending | None = None
    incarnation: int = 0
    """How often the server's disk has lost what it held; its answers of an earlier incarnation do not count."""

    priority: int = 0
    """What the server has said of itself: a leader of a lower one hands over to it (§3.10)."""

    def begin_anew(self, incarnation: int, next_index: int) -> None:
        """The server's disk has lost what it held: nothing is known of its log, nor counts what it has said."""
        self.incarnation = incarnation
        self.match_index = 0
        self.next_index = next_index
        self.probing = True
        self.awaiting_probe = False
        self.inflight.clear()
        self.inflight_bytes = 0
        self.acked_round = 0
        self.acked_sent_at = float("-inf")
        self.sending = None

    def may_send(self, config: RaftConfig) -> bool:
        """Whether one more AppendEntries with entries may be sent now."""
        if self.probing:
            return not self.awaiting_probe
        return len(self.inflight) < config.max_inflight and self.inflight_bytes < config.max_inflight_bytes

    def sent(self, last_index: int, size_bytes: int) -> None:
        """Note an AppendEntries whose last entry is `last_index`, and whose entries have so many bytes."""
        if self.probing:
            self.awaiting_probe = True
        else:
            self.inflight.append((last_index, size_bytes))
            self.inflight_bytes += size_bytes
            self.next_index = last_index + 1

    def accepted(self, match_index: int) -> None:
        """Note that the logs agree through `match_index`; an answer that is old or doubled moves nothing back."""
        if self.sending is not None:
            if match_index < self.sending.snapshot.base.index:
                # A heartbeat: while a snapshot is on its way nothing is known of the log.
                return
            self.sending = None
        if self.probing:
            self.probing = self.awaiting_probe = False
            self.next_index = match_index + 1
        self.match_index = max(self.match_index, match_index)
        self.next_index = max(self.next_index, self.match_index + 1)
        while self.inflight and self.inflight[0][0] <= self.match_index:
            self.inflight_bytes -= self.inflight.popleft()[1]

    def rejected(self, prev_log_index: int, next_index: int) -> None:
        """Note that the server has not the entry at `prev_log_index`: probe again from `next_index`.

        An answer to a message that is no longer current is ignored: below `match_index` the logs are known to agree,
        and while probing only the outstanding probe counts."""
        if prev_log_index <= self.match_index or (self.probing and prev_log_index != self.next_index - 1):
            return
        self.next_index = max(min(prev_log_index, next_index), self.match_index + 1)
        self.probing = True
        self.awaiting_probe = False
        self.inflight.clear()
        self.inflight_bytes = 0

    def probe_again(self) -> None:
        """Allow a new probe: the last one may be lost, and a heartbeat is due anyway."""
        self.awaiting_probe = False
