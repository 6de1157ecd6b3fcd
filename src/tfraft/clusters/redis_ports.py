"""The ports for Redis clients of nodes that we start ourselves: predictable, and held while the cluster runs."""

from collections.abc import Iterable
from typing import Final

from tfraft.clusters.ports import HOST, LAST_PORT, Ports, user_of
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError

FIRST_REDIS_PORT: Final = 7379
"""The port of n1, unless another is wanted or it is taken; those of n2, n3 and so on follow."""

ANY_REDIS_PORT: Final = 0
"""Stands for that one, or the next that is free."""


class RedisPorts:
    """Gives each node a port, from `first` on; none at all where that is None.

    A `first` that somebody has chosen is kept to: a port that is taken is an error then."""

    def __init__(self, first: int | None) -> None:
        self._first = first
        self._ports = Ports()
        self._given: dict[ServerId, int] = {}

    def place(self, servers: Iterable[ServerId]) -> None:
        """Give these their ports. Raises SettingError where one is taken that must not be another, or none is left."""
        if self._first is None:
            return
        first = 1 + max(self._given.values(), default=(self._first or FIRST_REDIS_PORT) - 1)
        wanted = dict(zip(servers, range(first, LAST_PORT + 1), strict=False))
        given, _ = self._ports.assign(wanted)
        self._given.update(given)
        if self._first == ANY_REDIS_PORT:
            return
        for server, port in wanted.items():
            if given[server] != port:
                user = user_of(port)
                by = f" by {user}" if user else ""
                raise SettingError(f"port {port}, which {server} needs for Redis clients, is in use{by}")

    def address(self, server: ServerId) -> str:
        """Where Redis clients reach this node; empty where they do not."""
        return f"{HOST}:{self._given[server]}" if server in self._given else ""

    def forget(self, server: ServerId) -> None:
        """The node does not come back: its port is free."""
        if self._given.pop(server, None) is not None:
            self._ports.release(server)

    def release_all(self) -> None:
        """Let others have all ports."""
        self._given.clear()
        self._ports.release_all()
