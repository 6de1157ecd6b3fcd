"""What `start` was asked for, checked: each fault is one sentence with what to type instead."""

from pathlib import Path

from tfraft.cli.escapes import safe
from tfraft.clusters.redis_ports import ANY_REDIS_PORT
from tfraft.errors import SettingError
from tfraft.record import record

NETWORKS = ("memory", "tcp", "rpc")
STATES = ("memory", "json", "wal")
LEAST_NODES = 3
MOST_NODES = 15
MOST_TIMEOUT_S = 3600.0
LAST_FIRST_PORT = 65535 - 100
"""So that there are ports above it, for nodes that are added, too."""


@record
class StartSettings:
    """The settings of one run of `start`. None leaves a choice to what is in the data directory, or to the default."""

    network: str | None
    nodes: int | None
    data: Path | None = None
    state: str | None = None
    fresh: bool = False
    as_json: bool = False
    yes: bool = False
    timeout_s: float = 10.0
    redis_port: int | None = ANY_REDIS_PORT


def checked_network(text: str, nodes: str | None) -> str:
    """The network that `text` names in any case; `nodes` is for the advice alone."""
    if text.lower() in NETWORKS:
        return text.lower()
    count = next((number for number in (text, nodes) if number and number.isdigit()), LEAST_NODES)
    raise SettingError(f'"{safe(text)}" is not a network. Choose memory, tcp or rpc.   (tf-raft start memory {count})')


def checked_nodes(text: str, *, allow_small: bool) -> int:
    """The number of nodes in `text`, from 3 to 15; with `allow_small` from 1."""
    least = 1 if allow_small else LEAST_NODES
    if not (text.isascii() and text.isdigit()):
        raise SettingError(
            f'"{safe(text)}" is not a number of nodes. Use {least} to {MOST_NODES}.   (tf-raft start memory 3)'
        )
    nodes = int(text)
    if nodes > MOST_NODES:
        raise SettingError(f"{nodes} nodes are too many. Use {least} to {MOST_NODES}.")
    if nodes < 1:
        raise SettingError(f"a cluster of {nodes} nodes is none. Use {LEAST_NODES} or more.")
    if nodes < least:
        many = "1 node cannot be lost" if nodes == 1 else f"{nodes} nodes cannot lose any"
        raise SettingError(f"{many}. Use {LEAST_NODES} or more, or --allow-small to try it anyway.")
    return nodes


def checked_state(text: str) -> str:
    """The state adapter that `text` names in any case."""
    if text.lower() not in STATES:
        raise SettingError(f'"{safe(text)}" is not a state adapter. Choose memory, json or wal.   (--state json)')
    return text.lower()


def checked_redis_port(text: str) -> int | None:
    """The first port for Redis clients in `text`; None where that is `off`."""
    if text.lower() == "off":
        return None
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= LAST_FIRST_PORT):
        raise SettingError(
            f'"{safe(text)}" is not a port for Redis clients. Use 1 to {LAST_FIRST_PORT}, or off.   (--resp-port 7379)'
        )
    return int(text)


def checked_timeout(timeout_s: float) -> float:
    """The time-out, if it is one."""
    if not 0 < timeout_s <= MOST_TIMEOUT_S:
        raise SettingError(f"--timeout needs seconds above 0 and up to {MOST_TIMEOUT_S:g}, not {timeout_s:g}")
    return timeout_s
