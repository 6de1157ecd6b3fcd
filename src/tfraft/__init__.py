"""tf-raft: Raft as the dissertation tells it, and a replicated key-value store on it.

    async with MemoryCluster(3) as cluster:
        await cluster.set("greeting", "hello world")

What `__all__` names is public. Each name is imported when it is first used: this package is imported by programs that
need little of it, and gRPC alone takes as long as all the rest.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfraft.adapters.network.grpc import GrpcServer
    from tfraft.adapters.network.memory import MemoryNetwork, MemoryServer
    from tfraft.adapters.network.tcp import TcpServer
    from tfraft.adapters.state.json import LocalStateManager
    from tfraft.adapters.state.memory import MemoryDisk, MemoryStateManager
    from tfraft.client.asynchronous import AsyncClient
    from tfraft.client.blocking import Client
    from tfraft.client.routing import ClusterClient
    from tfraft.clusters.cluster import Cluster, ClusterInfo, Member, NodeState
    from tfraft.clusters.connecting import aconnect, connect
    from tfraft.clusters.memory import MemoryCluster
    from tfraft.clusters.open import open_cluster
    from tfraft.clusters.peers import peer_factory
    from tfraft.clusters.processes import GrpcCluster, TcpCluster
    from tfraft.clusters.states import STORE_CODEC
    from tfraft.core.config import IN_PROCESS, RaftConfig
    from tfraft.core.configuration import Configuration
    from tfraft.core.requests import (
        AddServer,
        Answer,
        AnswerStatus,
        ClientQuery,
        ClientRequest,
        Consistency,
        RemoveServer,
    )
    from tfraft.errors import (
        CommandError,
        CorruptState,
        DataError,
        DataLocked,
        ForeignData,
        NotLeader,
        OutcomeUnknown,
        Overloaded,
        Refused,
        SessionExpired,
        SettingError,
        StorageFailed,
        TfRaftError,
        Unavailable,
        WatchedKeyChanged,
    )
    from tfraft.node.node import RaftNode
    from tfraft.node.status import Event, EventKind, LogEntry, NodeStatus
    from tfraft.ports import PeerConnection, Server, StateMachine, StateManager
    from tfraft.store.store import Store

    __version__: str

__all__ = [
    "IN_PROCESS",
    "STORE_CODEC",
    "AddServer",
    "Answer",
    "AnswerStatus",
    "AsyncClient",
    "Client",
    "ClientQuery",
    "ClientRequest",
    "Cluster",
    "ClusterClient",
    "ClusterInfo",
    "CommandError",
    "Configuration",
    "Consistency",
    "CorruptState",
    "DataError",
    "DataLocked",
    "Event",
    "EventKind",
    "ForeignData",
    "GrpcCluster",
    "GrpcServer",
    "LocalStateManager",
    "LogEntry",
    "Member",
    "MemoryCluster",
    "MemoryDisk",
    "MemoryNetwork",
    "MemoryServer",
    "MemoryStateManager",
    "NodeState",
    "NodeStatus",
    "NotLeader",
    "OutcomeUnknown",
    "Overloaded",
    "PeerConnection",
    "RaftConfig",
    "RaftNode",
    "Refused",
    "RemoveServer",
    "Server",
    "SessionExpired",
    "SettingError",
    "StateMachine",
    "StateManager",
    "StorageFailed",
    "Store",
    "TcpCluster",
    "TcpServer",
    "TfRaftError",
    "Unavailable",
    "WatchedKeyChanged",
    "__version__",
    "aconnect",
    "connect",
    "open_cluster",
    "peer_factory",
]

_MODULES = {
    "tfraft.adapters.network.grpc": ["GrpcServer"],
    "tfraft.adapters.network.memory": ["MemoryNetwork", "MemoryServer"],
    "tfraft.adapters.network.tcp": ["TcpServer"],
    "tfraft.adapters.state.json": ["LocalStateManager"],
    "tfraft.adapters.state.memory": ["MemoryDisk", "MemoryStateManager"],
    "tfraft.client.asynchronous": ["AsyncClient"],
    "tfraft.client.blocking": ["Client"],
    "tfraft.client.routing": ["ClusterClient"],
    "tfraft.clusters.cluster": ["Cluster", "ClusterInfo", "Member", "NodeState"],
    "tfraft.clusters.connecting": ["aconnect", "connect"],
    "tfraft.clusters.processes": ["GrpcCluster", "TcpCluster"],
    "tfraft.clusters.memory": ["MemoryCluster"],
    "tfraft.clusters.open": ["open_cluster"],
    "tfraft.clusters.peers": ["peer_factory"],
    "tfraft.clusters.states": ["STORE_CODEC"],
    "tfraft.core.config": ["IN_PROCESS", "RaftConfig"],
    "tfraft.core.configuration": ["Configuration"],
    "tfraft.core.requests": [
        "AddServer",
        "Answer",
        "AnswerStatus",
        "ClientQuery",
        "ClientRequest",
        "Consistency",
        "RemoveServer",
    ],
    "tfraft.errors": [
        "CommandError",
        "CorruptState",
        "DataError",
        "DataLocked",
        "ForeignData",
        "NotLeader",
        "OutcomeUnknown",
        "Overloaded",
        "Refused",
        "SessionExpired",
        "SettingError",
        "StorageFailed",
        "TfRaftError",
        "Unavailable",
        "WatchedKeyChanged",
    ],
    "tfraft.node.node": ["RaftNode"],
    "tfraft.node.status": ["Event", "EventKind", "LogEntry", "NodeStatus"],
    "tfraft.ports": ["PeerConnection", "Server", "StateMachine", "StateManager"],
    "tfraft.store.store": ["Store"],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


if not TYPE_CHECKING:  # A type checker that saw this would take any name for public.

    def __getattr__(name: str) -> object:
        """Import a public name when it is first used (PEP 562)."""
        if name == "__version__":
            value = import_module("importlib.metadata").version("tf-raft")
        elif name in _MODULE_OF:
            value = getattr(import_module(_MODULE_OF[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
