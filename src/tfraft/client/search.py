"""How one request goes about it: until when it is to be answered, and whom it asks next."""

import asyncio
from collections.abc import Collection
from typing import Final

from tfraft.core.configuration import ServerId

FIRST_PAUSE_S: Final = 0.01
LONGEST_PAUSE_S: Final = 0.1
"""Where no leader is known the next server is asked after a pause, which doubles from the first to the longest."""


class Limit:
    """When a request that may take `timeout_s` is to be answered at the latest."""

    __slots__ = ("deadline", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.deadline = asyncio.get_running_loop().time() + timeout_s

    @property
    def left_s(self) -> float:
        """How long it is until then; not above 0 when it is over."""
        return self.deadline - asyncio.get_running_loop().time()


class Search:
    """Whom one request has asked: each server once at first, then one at each pause, and who is said to lead."""

    __slots__ = ("_asked", "_pause_s", "_since_pause")

    def __init__(self) -> None:
        self._asked: dict[ServerId, None] = {}
        self._since_pause: set[ServerId] = set()
        self._pause_s = FIRST_PAUSE_S

    def next(self, leader: ServerId | None, members: Collection[ServerId]) -> ServerId | None:
        """Whom to ask now; None if it is time for a pause."""
        server = leader
        if server is None or server in self._since_pause:
            server = next((member for member in members if member not in self._asked), None)
        if server is None and not self._since_pause:
            server = next((member for member in self._asked if member in members), None)
        if server is not None:
            # Asked again, it goes to the end of the row.
            self._asked.pop(server, None)
            self._asked[server] = None
            self._since_pause.add(server)
        return server

    def pause_s(self) -> float:
        """How long to wait now; after that the servers may be asked again."""
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._since_pause.clear()
        return pause_s
