"""The factory that makes the peer for a protocol and an identifier."""

from tfraft.adapters.network.memory import MemoryNetwork
from tfraft.errors import SettingError
from tfraft.ports import PeerFactory


def peer_factory(protocol: str, network: MemoryNetwork | None = None) -> PeerFactory:
    """The factory of the peers of `protocol`, `memory` or `RPC` in any case; `network` joins the servers in memory.

        connect = peer_factory("RPC")
        leader = connect("n1", "127.0.0.1:50051")

    Over a MemoryNetwork the address may be empty: then the identifier is the address.
    Raises SettingError for any other protocol, and where `network` is missing or makes no sense."""
    match protocol.lower(), network:
        case "memory", MemoryNetwork():
            return network.connect
        case "memory", None:
            raise SettingError('the peers of "memory" need to know their network: peer_factory("memory", network)')
        case "rpc", None:
            # Imported only here: gRPC takes time to load, and clusters in memory do without.
            from tfraft.adapters.network.grpc import connect

            return connect
        case "rpc", _:
            raise SettingError("the peers of RPC find each other by address; they have no network to be in")
        case _:
            raise SettingError(f'"{protocol}" is not a network. Choose memory or RPC')
