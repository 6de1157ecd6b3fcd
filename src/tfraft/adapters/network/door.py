"""The door of a node, as every network over addresses has it: where it listens, where others reach it, who it is."""

from collections.abc import Callable

from tfraft.adapters.network.identity import Doorplate, Standing
from tfraft.adapters.network.names import address_fault, name_fault
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError


class Door:
    """A door at `host` and `port`; port 0 stands for a free one, known once it has been opened.

    Others reach it at `advertise`, where that is given: a proxy may stand between. Calls of nodes that mean another
    server than `server_id`, or come from another cluster, are refused; what is empty is not compared.
    Raises `SettingError` for names that cannot travel."""

    def __init__(self, host: str, port: int, advertise: str, cluster_id: str, server_id: ServerId) -> None:
        faults = [
            name_fault("a cluster id", cluster_id),
            name_fault("a server id", server_id),
            address_fault(advertise) if advertise else "",
        ]
        if any(faults):
            raise SettingError(next(filter(None, faults)))
        self._host = host
        self._port = port
        self._advertise = advertise
        self._plate = Doorplate(cluster_id, server_id)

    @property
    def address(self) -> str:
        """Where others reach this server."""
        return self._advertise or self.listens_at

    @property
    def listens_at(self) -> str:
        """Where it listens; with port 0 until it has started for the first time."""
        return f"[{self._host}]:{self._port}" if ":" in self._host else f"{self._host}:{self._port}"

    @property
    def cluster_id(self) -> str:
        """The cluster whose nodes are heard; while it is empty, those of any. Set as soon as it is known."""
        return self._plate.cluster_id

    @cluster_id.setter
    def cluster_id(self, cluster_id: str) -> None:
        self._plate.cluster_id = cluster_id

    def show(self, standing: Callable[[], Standing]) -> None:
        """From now on who asks who we are is also told what `standing` gives then."""
        self._plate.standing = standing
