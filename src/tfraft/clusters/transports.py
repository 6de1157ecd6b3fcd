"""How the nodes of a cluster talk: which network adapter stands behind each word that a user may say."""

from enum import StrEnum

from tfraft.core.configuration import ServerId
from tfraft.ports import PeerFactory


class Transport(StrEnum):
    """What a node speaks to the others. All nodes hear both, at one port, so a cluster may be mixed."""

    TCP = "tcp"
    GRPC = "grpc"


def client_of(transport: Transport) -> PeerFactory:
    """The ways of a client to the servers, which nobody asks who it is."""
    # Each is imported only where it is used: gRPC takes time to load.
    if transport is Transport.TCP:
        from tfraft.adapters.network import tcp

        return tcp.connect
    from tfraft.adapters.network import grpc

    return grpc.connect


def connector_of(transport: Transport, cluster_id: str, own_id: ServerId) -> PeerFactory:
    """The ways of the node `own_id` of this cluster to the others. Raises `SettingError` for impossible names."""
    if transport is Transport.TCP:
        from tfraft.adapters.network import tcp

        return tcp.connector(cluster_id, own_id)
    from tfraft.adapters.network import grpc

    return grpc.connector(cluster_id, own_id)
