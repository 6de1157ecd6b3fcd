"""Property: what a leader believes of a follower, whatever the network does with their messages."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tfraft.core.config import RaftConfig
from tfraft.core.progress import Progress

LAST_INDEX = 12
CONFIG = RaftConfig(max_inflight=3, max_inflight_bytes=6)
"""Here an entry has one byte, and a message up to four."""


class ProgressAgainstFollower(RuleBasedStateMachine):
    """A follower whose log is only a length, and a network that loses, doubles and reorders.

    Each request is (prev, last), each answer (accepted, prev, index). A rejection names the first index that the
    follower lacks. The follower's log agrees with the leader's through `stored`, and never shrinks."""

    def __init__(self) -> None:
        super().__init__()
        self.progress = Progress(next_index=LAST_INDEX + 1, heard_at=0.0)
        self.stored = 0
        self.requests: list[tuple[int, int]] = []
        self.answers: list[tuple[bool, int, int]] = []
        self.best_match = 0

    @rule(size=st.integers(1, 4))
    def send(self, size: int) -> None:
        """Entries, if the window allows and there are any."""
        progress = self.progress
        if progress.next_index <= LAST_INDEX and progress.may_send(CONFIG):
            last = min(progress.next_index + size - 1, LAST_INDEX)
            self.requests.append((progress.next_index - 1, last))
            progress.sent(last, last - progress.next_index + 1)

    @rule()
    def heartbeat(self) -> None:
        """No entries; the answer says as much as any."""
        self.progress.probe_again()
        self.requests.append((self.progress.next_index - 1, self.progress.next_index - 1))

    @precondition(lambda self: self.requests)
    @rule(pick=st.integers(0, 1_000), keep=st.booleans())
    def arrive(self, pick: int, keep: bool) -> None:
        """Any request arrives; it may arrive again."""
        prev, last = self.requests[pick % len(self.requests)]
        if not keep:
            self.requests.remove((prev, last))
        if prev <= self.stored:
            self.stored = max(self.stored, last)
            self.answers.append((True, prev, last))
        else:
            self.answers.append((False, prev, self.stored + 1))

    @precondition(lambda self: self.answers)
    @rule(pick=st.integers(0, 1_000), keep=st.booleans())
    def answer(self, pick: int, keep: bool) -> None:
        """Any answer arrives; it may arrive again."""
        accepted, prev, index = self.answers[pick % len(self.answers)]
        if not keep:
            self.answers.remove((accepted, prev, index))
        if accepted:
            self.progress.accepted(index)
        else:
            self.progress.rejected(prev, index)

    @precondition(lambda self: self.requests or self.answers)
    @rule()
    def lose_everything(self) -> None:
        """The network may."""
        self.requests.clear()
        self.answers.clear()

    @invariant()
    def never_believes_more_than_is_stored(self) -> None:
        """§3.5: matchIndex is known to be replicated; and it never falls."""
        assert self.best_match <= self.progress.match_index <= self.stored
        self.best_match = self.progress.match_index

    @invariant()
    def sends_neither_before_nor_long_after_what_is_stored(self) -> None:
        """nextIndex stays above matchIndex, at least 1, at most one past the leader's last entry."""
        assert self.progress.match_index + 1 <= self.progress.next_index <= LAST_INDEX + 1

    @invariant()
    def keeps_to_its_window(self) -> None:
        """§10.2.2: no more than the limit is under way, and all of it is beyond what is known to be stored."""
        inflight = [last for last, _ in self.progress.inflight]
        assert len(inflight) <= CONFIG.max_inflight
        assert self.progress.inflight_bytes == sum(size for _, size in self.progress.inflight)
        assert self.progress.inflight_bytes < CONFIG.max_inflight_bytes + 4, "the last may go over the limit"
        assert inflight == sorted(inflight)
        assert all(self.progress.match_index < last < self.progress.next_index for last in inflight)

    @invariant()
    def probes_or_pipelines(self) -> None:
        """While probing one request is under way at most, and none counts as sent ahead."""
        assert not (self.progress.probing and self.progress.inflight)
        assert self.progress.probing or not self.progress.awaiting_probe

    def teardown(self) -> None:
        """With a network that works again, a few heartbeats bring everything over."""
        self.requests.clear()
        self.answers.clear()
        for _ in range(2 * LAST_INDEX):
            self.heartbeat()
            self.send(1)
            while self.requests or self.answers:
                while self.requests:
                    self.arrive(0, False)
                while self.answers:
                    self.answer(0, False)
                self.send(4)
        assert self.progress.match_index == self.stored == LAST_INDEX


TestProgressAgainstFollower = ProgressAgainstFollower.TestCase
TestProgressAgainstFollower.settings = settings(stateful_step_count=40)
