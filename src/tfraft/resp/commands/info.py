"""INFO: what this server is and does, in the sections and fields that Redis's tools read, and a section on Raft."""

import os
import platform
import resource
import sys
from collections.abc import Callable
from functools import partial
from typing import Final

from tfraft.core.requests import ClientQuery, Consistency
from tfraft.node.status import NodeStatus
from tfraft.resp.caller import Caller
from tfraft.resp.command import Ask, ConnectionCommand
from tfraft.resp.commands.clients import verbatim
from tfraft.resp.commands.cluster import node_id
from tfraft.resp.commands.hello import REDIS_VERSION
from tfraft.resp.hub import Hub
from tfraft.store import codec, replies

Fields = dict[str, object]

_COUNT_KEYS: Final = ClientQuery(codec.encode([b"DBSIZE"]), Consistency.STALE, max_staleness_s=1e9)
_KIB: Final = 1024


def info(caller: Caller, args: list[bytes]) -> bytes | Ask:
    """INFO: the sections that are asked for; without any, those that Redis gives, and `raft`."""
    asked = [word.decode(errors="replace").lower() for word in args[1:]]
    chosen = _chosen(asked)
    if "keyspace" not in chosen:
        return _text(caller.hub, chosen, None)
    # As this server has them, leader or not: a monitor must get its answer from each, and at once.
    return Ask(_COUNT_KEYS, partial(_with_keys, caller.hub, chosen), lambda: _text(caller.hub, chosen, None))


def _chosen(asked: list[str]) -> set[str]:
    if not asked or "default" in asked:
        asked = [*asked, *DEFAULT]
    if "all" in asked or "everything" in asked:
        return set(SECTIONS)
    return set(asked)


def _with_keys(hub: Hub, chosen: set[str], reply: bytes) -> bytes:
    count = replies.parse(reply)
    return _text(hub, chosen, count if isinstance(count, int) else None)


def _text(hub: Hub, chosen: set[str], keys: int | None) -> bytes:
    """The sections, in their order; `keys` is how many there are, if that is known."""
    parts = []
    for name, section in SECTIONS.items():
        if name in chosen:
            fields = {"db0": f"keys={keys},expires=0,avg_ttl=0"} if name == "keyspace" and keys else section(hub)
            lines = "".join(f"{field}:{value}\r\n" for field, value in fields.items())
            parts.append(f"# {name.capitalize()}\r\n{lines}")
    return verbatim("\r\n".join(parts))


def _server(hub: Hub) -> Fields:
    uptime_s = int(hub.loop.time() - hub.started_at_s)
    return {
        "redis_version": REDIS_VERSION,
        "redis_mode": "standalone",
        "os": f"{platform.system()} {platform.release()} {platform.machine()}",
        "arch_bits": 64 if sys.maxsize > 2**32 else 32,
        "process_id": os.getpid(),
        "run_id": hub.run_id,
        "tcp_port": hub.port,
        "server_time_usec": hub.wall_clock_us(),
        "uptime_in_seconds": uptime_s,
        "uptime_in_days": uptime_s // 86400,
        "executable": sys.executable,
        "config_file": "",
    }


def _clients(hub: Hub) -> Fields:
    waiting = sum(1 for caller in hub.callers.values() if len(caller.row))
    return {
        "connected_clients": len(hub.callers),
        "cluster_connections": 0,
        "maxclients": hub.limits.max_clients,
        "waiting_clients": waiting,
        "blocked_clients": 0,
        "tracking_clients": 0,
    }


def _memory(hub: Hub) -> Fields:
    used, peak = _resident_bytes(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB
    return {
        "used_memory": used,
        "used_memory_human": human(used),
        "used_memory_rss": used,
        "used_memory_rss_human": human(used),
        "used_memory_peak": peak,
        "used_memory_peak_human": human(peak),
        "maxmemory": 0,
        "maxmemory_human": "0B",
        "maxmemory_policy": "noeviction",
        "mem_fragmentation_ratio": 1.0,
    }


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()


def human(count: int) -> str:
    """A number of bytes as Redis writes it for people, such as 1.13M."""
    amount = float(count)
    for unit in ("B", "K", "M", "G", "T"):
        if amount < _KIB or unit == "T":
            return f"{count}B" if unit == "B" else f"{amount:.2f}{unit}"
        amount /= _KIB
    raise AssertionError("the last unit takes any amount")


def _persistence(hub: Hub) -> Fields:
    return {
        "loading": 0,
        "async_loading": 0,
        "rdb_changes_since_last_save": 0,
        "rdb_bgsave_in_progress": 0,
        "rdb_last_bgsave_status": "ok",
        "aof_enabled": 1,
        "aof_rewrite_in_progress": 0,
        "aof_rewrite_scheduled": 0,
        "aof_last_bgrewrite_status": "ok",
        "aof_last_write_status": "ok",
    }


def _stats(hub: Hub) -> Fields:
    statistics = hub.statistics
    return {
        "total_connections_received": statistics.connections,
        "total_commands_processed": statistics.commands,
        "instantaneous_ops_per_sec": statistics.operations_per_s,
        "total_net_input_bytes": statistics.input_bytes,
        "total_net_output_bytes": statistics.output_bytes,
        "rejected_connections": statistics.rejected_connections,
        "client_output_buffer_limit_disconnections": statistics.cut_off,
        "expired_keys": 0,
        "evicted_keys": 0,
        "keyspace_hits": 0,
        "keyspace_misses": 0,
        "total_error_replies": statistics.errors.total(),
    }


def _replication(hub: Hub) -> Fields:
    status = hub.gateway.status()
    fields: Fields = {"role": "master", "connected_slaves": len(status.peers)}
    addresses = {**status.voters, **status.learners}
    for number, peer in enumerate(status.peers):
        host, _, port = addresses.get(peer.server_id, "").rpartition(":")
        fields[f"slave{number}"] = f"ip={host},port={port},state=online,offset={peer.match_index},lag=0"
    return fields | {
        "master_failover_state": "no-failover",
        "master_replid": node_id(status.cluster_id or hub.run_id),
        "master_repl_offset": status.commit_index,
    }


def _raft(hub: Hub) -> Fields:
    status = hub.gateway.status()
    leader = status.leader_id or ""
    fields: Fields = {
        "raft_node_id": status.server_id,
        "raft_role": status.role,
        "raft_term": status.current_term,
        "raft_leader_id": leader,
        "raft_leader_addr": {**status.voters, **status.learners}.get(leader, ""),
        "raft_commit_index": status.commit_index,
        "raft_applied_index": status.last_applied,
        "raft_last_index": status.last_index,
        "raft_first_index": status.first_index,
        "raft_snapshot_index": status.snapshot_index,
        "raft_voters": len(status.voters),
        "raft_learners": len(status.learners),
        "raft_quorum_ok": int(_has_quorum(status)),
    }
    for number, peer in enumerate(status.peers):
        lag = status.last_index - peer.match_index
        fields[f"raft_peer{number}"] = f"id={peer.server_id},match={peer.match_index},lag={lag}"
    return fields


_HEARD_RECENTLY_S: Final = 5.0


def _has_quorum(status: NodeStatus) -> bool:
    """As a leader: whether a majority has answered of late. As another: whether it knows a leader."""
    if not status.peers:
        return status.leader_id is not None
    heard = {peer.server_id for peer in status.peers if peer.heard_s is not None and peer.heard_s < _HEARD_RECENTLY_S}
    heard.add(status.server_id)
    return len(heard & status.voters.keys()) * 2 > len(status.voters)


def _cpu(hub: Hub) -> Fields:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"used_cpu_sys": f"{usage.ru_stime:.6f}", "used_cpu_user": f"{usage.ru_utime:.6f}"}


def _commandstats(hub: Hub) -> Fields:
    return {
        f"cmdstat_{name.lower().replace(' ', '|')}": f"calls={calls}" for name, calls in hub.statistics.by_command()
    }


def _errorstats(hub: Hub) -> Fields:
    return {f"errorstat_{code}": f"count={count}" for code, count in sorted(hub.statistics.errors.items())}


SECTIONS: Final[dict[str, Callable[[Hub], Fields]]] = {
    "server": _server,
    "clients": _clients,
    "memory": _memory,
    "persistence": _persistence,
    "stats": _stats,
    "replication": _replication,
    "raft": _raft,
    "cpu": _cpu,
    "commandstats": _commandstats,
    "errorstats": _errorstats,
    "cluster": lambda hub: {"cluster_enabled": 0},
    "keyspace": lambda hub: {},
}
DEFAULT: Final = tuple(name for name in SECTIONS if name != "commandstats")

COMMANDS = (
    ConnectionCommand(
        name="INFO",
        usage="INFO [section …]",
        summary="What this server is and does.",
        group="server",
        run=info,
        max_args=None,
    ),
)
