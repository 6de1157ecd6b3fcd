"""Links that break on purpose: the partitions and slow networks of one node, over any network.

A node's `Links` stand between it and its PeerConnections, so they touch what the node sends, not what it receives:
to cut two nodes off from each other, block each at the other.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import field

from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message
from tfraft.core.requests import Answer, AnswerStatus, NodeRequest
from tfraft.ports import PeerConnection, PeerFactory
from tfraft.record import record


@record
class LinkFaults:
    """What is wrong with the links of one node: the servers that it cannot reach, and what makes the way longer.

    Messages to a server of `delays_s` arrive so many seconds later, those to all others `default_delay_s`."""

    blocked: tuple[ServerId, ...] = ()
    delays_s: dict[ServerId, float] = field(default_factory=dict)
    default_delay_s: float = 0.0


class Links:
    """The links from one node to the others, all whole at first."""

    def __init__(self) -> None:
        self._blocked: frozenset[ServerId] = frozenset()
        self._delays_s: Mapping[ServerId, float] = {}
        self._default_delay_s = 0.0
        self._open: set[_Link] = set()

    def wrap(self, factory: PeerFactory) -> PeerFactory:
        """A factory of the same connections as those of `factory`, which these links may break."""

        def connect(server_id: ServerId, address: str) -> PeerConnection:
            link = _Link(server_id, factory(server_id, address), self._open)
            self._open.add(link)
            self._set(link)
            return link

        return connect

    def block(self, servers: Iterable[ServerId]) -> None:
        """From now on what is sent to these servers, and to no others, is lost; so is what still waits for a delay."""
        self._blocked = frozenset(servers)
        self._set(*self._open)

    def delay(self, delays_s: Mapping[ServerId, float], default_s: float = 0.0) -> None:
        """From now on what is sent arrives later by as many seconds: those of `delays_s`, for all others `default_s`.

        Holds for what already waits, too. The messages of one connection keep their order."""
        self._delays_s = dict(delays_s)
        self._default_delay_s = default_s
        self._set(*self._open)

    def clear(self) -> None:
        """Make all links whole; what waits for a delay goes out at once."""
        self.block(())
        self.delay({})

    def _set(self, *links: "_Link") -> None:
        for link in links:
            link.set(
                blocked=link.server_id in self._blocked,
                delay_s=self._delays_s.get(link.server_id, self._default_delay_s),
            )


class _Link:
    """A PeerConnection that loses and delays what is sent through it, as it is told."""

    def __init__(self, server_id: ServerId, connection: PeerConnection, open_links: "set[_Link]") -> None:
        self.server_id = server_id
        self._connection = connection
        self._open_links = open_links
        self._blocked = False
        self._delay_s = 0.0
        self._delayed: deque[tuple[float, Message]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def set(self, *, blocked: bool, delay_s: float) -> None:
        self._blocked = blocked
        self._delay_s = delay_s
        if blocked:
            self._delayed.clear()
        if self._delayed:
            self._release()

    def send(self, message: Message) -> None:
        if self._blocked:
            return
        if not self._delay_s:
            self._connection.send(message)
            return
        self._delayed.append((asyncio.get_running_loop().time(), message))
        if self._timer is None:
            self._release()

    def _release(self) -> None:
        """Send what has waited long enough, and come back for the rest.

        One timer for the oldest message, not one for each: so none overtakes another when the delay changes."""
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._delayed and self._delayed[0][0] + self._delay_s <= loop.time():
            self._connection.send(self._delayed.popleft()[1])
        if self._delayed:
            self._timer = loop.call_at(self._delayed[0][0] + self._delay_s, self._release)

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        waited_s = timeout_s if self._blocked else min(self._delay_s, timeout_s)
        if waited_s:
            await asyncio.sleep(waited_s)
        if self._blocked or waited_s >= timeout_s:
            return Answer(AnswerStatus.NOT_LEADER)
        return await self._connection.request(request, timeout_s - waited_s)

    async def close(self) -> None:
        self._open_links.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        await self._connection.close()
