"""What the events of the cluster have told so far, and a way to follow what comes next."""

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tfraft.core.configuration import ServerId
from tfraft.node.status import Event, EventKind

_ROLES = {
    EventKind.STARTED: "follower",
    EventKind.FOLLOWER: "follower",
    EventKind.CANDIDATE: "candidate",
    EventKind.LEADER: "leader",
    EventKind.STOPPED: "",
    EventKind.STORAGE_FAILED: "",
}
_REMEMBERED_CHANGES = 1000

OnEvent = Callable[[Event], None]


class Watcher:
    """Hand `on_event` to `Cluster.observe`. `roles` maps each node that runs to the role it last told of."""

    def __init__(self) -> None:
        self.roles: dict[ServerId, str] = {}
        self._leaders: deque[Event] = deque(maxlen=_REMEMBERED_CHANGES)
        self._followers: list[OnEvent] = []

    def on_event(self, event: Event) -> None:
        """Take in an event and pass it on to everybody who follows."""
        if event.kind in _ROLES:
            self.roles[event.server_id] = _ROLES[event.kind]
        if event.kind is EventKind.LEADER:
            self._leaders.append(event)
        for follower in list(self._followers):
            follower(event)

    @property
    def last_leader(self) -> Event | None:
        """The latest event of a node that became leader."""
        return self._leaders[-1] if self._leaders else None

    def leader_changes(self, since_s: float) -> int:
        """How often the leadership has passed on since then; the first leader of all is no change."""
        return sum(event.at_s >= since_s for event in list(self._leaders)[1:])

    def follow(self, on_event: OnEvent) -> Callable[[], None]:
        """From now on hand each event to `on_event`, until the function that this returns is called."""
        self._followers.append(on_event)
        return lambda: self._followers.remove(on_event)

    @contextmanager
    def events(self) -> Iterator["asyncio.Queue[Event]"]:
        """A queue that gets each event from now on, as long as the block lasts."""
        queue: asyncio.Queue[Event] = asyncio.Queue()
        stop = self.follow(queue.put_nowait)
        try:
            yield queue
        finally:
            stop()
