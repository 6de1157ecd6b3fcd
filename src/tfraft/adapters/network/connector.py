"""Connector: makes the ways of one node to the others, over whatever network, and knows who refuses to hear it."""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar
from weakref import WeakSet

from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.names import name_fault
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError
from tfraft.ports import PeerConnection


class RefusablePeer(PeerConnection, Protocol):
    """A way to a server that says who we are. `refusal` is why we are not heard; empty as long as we are."""

    server_id: ServerId
    refusal: str


P = TypeVar("P", bound=RefusablePeer)

OnClaim = Callable[[], Claim | None]


class Connector(Generic[P]):
    """The PeerFactory of the node `own_id` of this cluster, which is empty as long as it knows of none, and may be set
    later. Raises `SettingError` for names that cannot travel."""

    def __init__(self, make: Callable[[ServerId, str, OnClaim], P], cluster_id: str, own_id: ServerId) -> None:
        for what, name in (("a cluster id", cluster_id), ("a server id", own_id)):
            if fault := name_fault(what, name):
                raise SettingError(fault)
        self.cluster_id = cluster_id
        self._make = make
        self._own_id = own_id
        self._made: WeakSet[P] = WeakSet()

    def __call__(self, server_id: ServerId, address: str) -> P:
        """The way to the server `server_id`, and to no other that may listen at `address`."""
        peer = self._make(server_id, address, lambda: Claim(self.cluster_id, self._own_id, server_id))
        self._made.add(peer)
        return peer

    def refusals(self) -> dict[ServerId, str]:
        """Who refuses our messages now, and in which words."""
        return {peer.server_id: peer.refusal for peer in self._made if peer.refusal}
