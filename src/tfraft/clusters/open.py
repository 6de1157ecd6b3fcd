"""open_cluster: the ready-made cluster of a kind that is known only when the program runs."""

from dataclasses import replace
from pathlib import Path

from tfraft.adapters.state.files import Files, as_data_error
from tfraft.clusters.cluster import Cluster
from tfraft.clusters.cluster_file import ClusterKind, decode
from tfraft.clusters.datadir import CLUSTER_FILE
from tfraft.clusters.memory import MemoryCluster
from tfraft.core.config import IN_PROCESS, RaftConfig
from tfraft.errors import SettingError


def open_cluster(
    kind: str | None = None,
    nodes: int | None = None,
    *,
    data: str | Path | None = None,
    state: str | None = None,
    fresh: bool = False,
    config: RaftConfig | None = None,
    lease_reads: bool = False,
    redis_port: int | None = None,
) -> Cluster:
    """The cluster of these settings, not started yet; what is None is as recorded in `data`, or else the default.

    `kind` is `memory`, `tcp` or `rpc` in any case, `state` is `memory`, `json` or `wal`. With `lease_reads` a read may
    ask for an answer by lease (§6.4.1), whatever `config` says of it. Redis clients reach the nodes at `redis_port` and
    those that follow, 0 for any that are free; with None they do not.

    Raises SettingError for settings that make no sense, and a DataError where `data` cannot be read; the rest shows
    when it is entered."""
    match (kind or recorded_kind(data, fresh)).lower():
        case ClusterKind.MEMORY:
            config = allowing(config or IN_PROCESS, lease_reads)
            return MemoryCluster(nodes, data=data, state=state, fresh=fresh, config=config, redis_port=redis_port)
        case ClusterKind.TCP | ClusterKind.RPC as name:
            # Imported only here: gRPC takes time to load, and clusters in memory do without.
            from tfraft.clusters.processes import GrpcCluster, TcpCluster

            make = TcpCluster if name == ClusterKind.TCP else GrpcCluster
            config = allowing(config or RaftConfig(), lease_reads)
            return make(nodes, data=data, state=state, fresh=fresh, config=config, redis_port=redis_port)
        case _:
            raise SettingError(f'"{kind}" is not a network. Choose memory, tcp or rpc')


def allowing(config: RaftConfig, lease_reads: bool) -> RaftConfig:
    """These settings; reads by lease are allowed if that is wanted, or if they are anyway."""
    return replace(config, lease_reads=True) if lease_reads else config


def recorded_kind(data: str | Path | None, fresh: bool) -> str:
    """The kind of the cluster that `data` holds, if it is to go on; else that of a new one."""
    if data is None or fresh:
        return ClusterKind.MEMORY
    file = Path(data) / CLUSTER_FILE
    with as_data_error(file, "read"):
        text = Files().read(file)
    return ClusterKind.MEMORY if text is None else decode(text, str(file)).kind
