"""CLUSTER: one shard, whose slots every server answers for, as each hands on what it does not do itself.

A cluster client is told of this server alone: the others' ports for clients are not known here, and there is no need.
"""

import hashlib

from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand, container
from tfraft.resp.commands.clients import verbatim
from tfraft.store import replies

_LAST_SLOT = 16383


def node_id(server_id: str) -> str:
    """The 40 hexadecimal digits that Redis wants for a name, always the same for a server."""
    return hashlib.sha1(server_id.encode(), usedforsecurity=False).hexdigest()


def info(caller: Caller, args: list[bytes]) -> bytes:
    """CLUSTER INFO: whether there is a leader, and how many servers there are."""
    status = caller.hub.gateway.status()
    lines = (
        f"cluster_state:{'ok' if status.leader_id else 'fail'}",
        f"cluster_slots_assigned:{_LAST_SLOT + 1}",
        f"cluster_slots_ok:{_LAST_SLOT + 1 if status.leader_id else 0}",
        "cluster_slots_pfail:0",
        f"cluster_slots_fail:{0 if status.leader_id else _LAST_SLOT + 1}",
        f"cluster_known_nodes:{len(status.voters) + len(status.learners)}",
        "cluster_size:1",
        f"cluster_current_epoch:{status.current_term}",
        f"cluster_my_epoch:{status.current_term}",
    )
    return verbatim("".join(line + "\r\n" for line in lines))


def my_id(caller: Caller, args: list[bytes]) -> bytes:
    """CLUSTER MYID: the name of this server."""
    return replies.bulk(node_id(caller.hub.gateway.status().server_id).encode())


def nodes(caller: Caller, args: list[bytes]) -> bytes:
    """CLUSTER NODES: this server, with all slots."""
    status = caller.hub.gateway.status()
    host, port = _address(caller)
    line = f"{node_id(status.server_id)} {host}:{port}@{port} myself,master - 0 0 {status.current_term} connected"
    return verbatim(f"{line} 0-{_LAST_SLOT}\n")


def slots(caller: Caller, args: list[bytes]) -> bytes:
    """CLUSTER SLOTS: all slots are here."""
    host, port = _address(caller)
    me = (replies.bulk(host.encode()), replies.integer(port), my_id(caller, args), replies.array([]))
    return replies.array([replies.array([replies.integer(0), replies.integer(_LAST_SLOT), replies.array(me)])])


def shards(caller: Caller, args: list[bytes]) -> bytes:
    """CLUSTER SHARDS: one shard, and in it this server."""
    host, port = _address(caller)
    me = {
        "id": my_id(caller, args),
        "port": replies.integer(port),
        "ip": replies.bulk(host.encode()),
        "endpoint": replies.bulk(host.encode()),
        "role": replies.bulk(b"master"),
        "replication-offset": replies.integer(caller.hub.gateway.status().commit_index),
        "health": replies.bulk(b"online"),
    }
    shard = {
        "slots": replies.array([replies.integer(0), replies.integer(_LAST_SLOT)]),
        "nodes": replies.array([_map(me)]),
    }
    return replies.array([_map(shard)])


def _map(fields: dict[str, bytes]) -> bytes:
    members = b"".join(replies.bulk(name.encode()) + value for name, value in fields.items())
    return b"%%%d\r\n%b" % (len(fields), members)


def _address(caller: Caller) -> tuple[str, int]:
    """Where this caller reaches this server: the address that it has used itself, in the first place."""
    host, _, port = caller.identity.local_address.rpartition(":")
    return (host, int(port)) if port.isdigit() else (caller.hub.host, caller.hub.port)


COMMANDS = (
    container(
        "CLUSTER",
        "The cluster as one shard.",
        "cluster",
        (
            ConnectionCommand("CLUSTER|INFO", "CLUSTER INFO", "How the cluster is.", "cluster", info),
            ConnectionCommand("CLUSTER|MYID", "CLUSTER MYID", "The name of this server.", "cluster", my_id),
            ConnectionCommand("CLUSTER|NODES", "CLUSTER NODES", "The servers, and their slots.", "cluster", nodes),
            ConnectionCommand("CLUSTER|SLOTS", "CLUSTER SLOTS", "The slots, and their servers.", "cluster", slots),
            ConnectionCommand("CLUSTER|SHARDS", "CLUSTER SHARDS", "The shard.", "cluster", shards),
        ),
    ),
)
