"""What a leader knows of one other server, and what it may send to it now (§3.5, §10.2)."""

from collections import deque
from dataclasses import dataclass, field


@dataclass(slots=True)
class Progress:
    """One server's place in the leader's log.

    A leader begins by probing: it sends one AppendEntries and waits for the answer, until it knows where the logs
    agree. From then on it sends ahead of the answers, a window of `inflight` messages (§10.2.2): `next_index` moves on
    when entries are sent, and falls back when the server turns out not to have got them."""

    next_index: int
    heard_at: float
    """When the server last answered in this term; the moment of the election at first."""
    match_index: int = 0
    """Entries through this index are on the server's disk, equal to the leader's. Never falls within a term."""
    probing: bool = True
    awaiting_probe: bool = False
    inflight: deque[int] = field(default_factory=deque)
    """The last index of each AppendEntries with entries that is not answered yet."""
    acked_round: int = 0
    """The highest round of heartbeats that the server has answered (§6.4)."""

    def may_send(self, max_inflight: int) -> bool:
        """Whether one more AppendEntries with entries may be sent now."""
        return not self.awaiting_probe if self.probing else len(self.inflight) < max_inflight

    def sent(self, last_index: int) -> None:
        """Note an AppendEntries whose last entry is `last_index`."""
        if self.probing:
            self.awaiting_probe = True
        else:
            self.inflight.append(last_index)
            self.next_index = last_index + 1

    def accepted(self, match_index: int) -> None:
        """Note that the logs agree through `match_index`; an answer that is old or doubled moves nothing back."""
        if self.probing:
            self.probing = self.awaiting_probe = False
            self.next_index = match_index + 1
        self.match_index = max(self.match_index, match_index)
        self.next_index = max(self.next_index, self.match_index + 1)
        while self.inflight and self.inflight[0] <= self.match_index:
            self.inflight.popleft()

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

    def probe_again(self) -> None:
        """Allow a new probe: the last one may be lost, and a heartbeat is due anyway."""
        self.awaiting_probe = False
