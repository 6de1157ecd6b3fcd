"""What is wrong with the network between the nodes, and what that means for the links of each."""

from collections.abc import Iterable

from tfraft.adapters.network.links import LinkFaults
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError


class NetworkFaults:
    """The partitions and delays that are in force; none at first."""

    def __init__(self) -> None:
        self._groups: list[frozenset[ServerId]] = []
        self._delays_s: dict[ServerId, float] = {}

    def partition(self, groups: Iterable[Iterable[ServerId]]) -> None:
        """Cut the network between the groups, in place of any cuts before; nodes in none of them are one more group.

        Raises SettingError for a node in two groups."""
        sides = [frozenset(group) for group in groups]
        servers = [server for side in sides for server in side]
        if twice := sorted({server for server in servers if servers.count(server) > 1}):
            raise SettingError(f"{twice[0]} cannot be on two sides of a partition")
        self._groups = sides

    def slow(self, server: ServerId, delay_s: float) -> None:
        """Each message to and from `server` takes `delay_s` longer than it should. Raises SettingError below 0."""
        if not 0 <= delay_s < float("inf"):
            raise SettingError(f"a delay must be 0 s or more, not {delay_s}")
        self._delays_s[server] = delay_s

    def heal(self) -> None:
        """Nothing is wrong any more."""
        self._groups = []
        self._delays_s = {}

    def forget(self, server: ServerId) -> None:
        """`server` is gone: one that comes later under its name begins with a sound network."""
        self._groups = [group - {server} for group in self._groups]
        self._delays_s.pop(server, None)

    def links_of(self, server: ServerId, servers: Iterable[ServerId]) -> LinkFaults:
        """What is wrong with the links from `server` to the others."""
        own_delay_s = self._delays_s.get(server, 0.0)
        side = self._side_of(server)
        return LinkFaults(
            blocked=tuple(other for other in servers if self._side_of(other) != side),
            delays_s={other: delay_s + own_delay_s for other, delay_s in self._delays_s.items()},
            default_delay_s=own_delay_s,
        )

    def cut(self) -> str:
        """The groups as PARTITION takes them, without the group of all others; empty where nothing is cut."""
        return " | ".join(",".join(sorted(group)) for group in self._groups if group)

    def _side_of(self, server: ServerId) -> int:
        return next((side for side, group in enumerate(self._groups) if server in group), -1)
