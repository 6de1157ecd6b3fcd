"""The factory that makes the peer for a protocol and an identifier."""

from tfraft.adapters.network.memory import MemoryNetwork
from tfraft.clusters.transports import Transport, client_of
from tfraft.errors import SettingError
from tfraft.ports import PeerFactory


def peer_factory(protocol: str, network: MemoryNetwork | None = None) -> PeerFactory:
    """The factory of the peers of `protocol`: `memory`, `TCP` or `RPC` in any case. `network` joins those in memory.

        connect = peer_factory("TCP")
        leader = connect("n1", "127.0.0.1:50051")

    Over a MemoryNetwork the address may be empty: then the identifier is the address.
    Raises SettingError for any other protocol, and where `network` is missing or makes no sense."""
    match protocol.lower(), network:
        case "memory", MemoryNetwork():
            return network.connect
        case "memory", None:
            raise SettingError('the peers of "memory" need to know their network: peer_factory("memory", network)')
        case "tcp", None:
            return client_of(Transport.TCP)
        case "rpc", None:
            return client_of(Transport.GRPC)
        case (("tcp" | "rpc"), _):
            raise SettingError(f"the peers of {protocol} find each other by address; they have no network to be in")
        case _:
            raise SettingError(f'"{protocol}" is not a network. Choose memory, TCP or RPC')
