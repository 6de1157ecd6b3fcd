"""Who leads, as far as the events of the nodes tell."""

from tfraft.core.configuration import ServerId
from tfraft.node.status import Event, EventKind


class Leadership:
    """Follows the events of all nodes, in whatever order those of different nodes come, and however often each."""

    def __init__(self) -> None:
        self.term = 0
        """The latest term of which a leader was heard."""
        self._leader: tuple[ServerId, int] | None = None

    @property
    def leader(self) -> tuple[ServerId, int] | None:
        """The leader of that term, and the term; None once it leads no more."""
        return self._leader

    def observe(self, event: Event) -> None:
        """Take in an event: a new leader, or the end of the leader that is known."""
        if event.kind is EventKind.LEADER and event.term > self.term:
            self._leader = (event.server_id, event.term)
            self.term = event.term
        elif self._leader is not None and event.server_id == self._leader[0]:
            steps_down = event.kind is EventKind.FOLLOWER and event.term >= self._leader[1]
            if steps_down or event.kind in (EventKind.STOPPED, EventKind.STORAGE_FAILED):
                self._leader = None
