"""`cluster.toml`, which says what a data directory holds; no I/O.

format = 1
cluster_id = "5a0c…"
kind = "rpc"
state = "json"

[[nodes]]
id = "n1"
address = "127.0.0.1:50051"
started = true
"""

import json
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated

import msgspec

from tfraft.adapters.state.document import refuse_damaged
from tfraft.adapters.state.json import FILE_FRIENDLY
from tfraft.core.configuration import ServerId
from tfraft.errors import ForeignData
from tfraft.record import record

FORMAT = 1


class ClusterKind(StrEnum):
    """Where the nodes run and how they talk."""

    MEMORY = "memory"
    RPC = "rpc"
    TCP = "tcp"


class StateKind(StrEnum):
    """Which adapter keeps the state of the nodes."""

    MEMORY = "memory"
    JSON = "json"
    WAL = "wal"


@record
class NodeRecord:
    """A node of the cluster. `address` is empty where there is no network; `started` says that it has run.

    A node that has run has promised things to others: it may come back only with the state that it saved."""

    server_id: ServerId
    address: str = ""
    started: bool = False


@record
class ClusterFile:
    """What `cluster.toml` says."""

    cluster_id: str
    kind: ClusterKind
    state: StateKind
    nodes: tuple[NodeRecord, ...] = ()

    def encode(self) -> bytes:
        """The file as TOML, the same for the same value."""
        head = {"format": FORMAT, "cluster_id": self.cluster_id, "kind": self.kind, "state": self.state}
        nodes = [{"id": node.server_id, "address": node.address, "started": node.started} for node in self.nodes]
        return "\n[[nodes]]\n".join(map(_table, [head, *nodes])).encode()


def _table(values: Mapping[str, object]) -> str:
    """A table of TOML. For numbers, booleans and printable strings its words are those of JSON."""
    return "".join(f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in values.items())


class _Node(msgspec.Struct, forbid_unknown_fields=True):
    id: Annotated[str, msgspec.Meta(pattern=rf"^{FILE_FRIENDLY}\Z")]
    address: str
    started: bool


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: Annotated[int, msgspec.Meta(ge=1)]
    cluster_id: Annotated[str, msgspec.Meta(min_length=1)]
    kind: ClusterKind
    state: StateKind
    nodes: list[_Node] = []


def decode(text: bytes, name: str) -> ClusterFile:
    """The inverse of `ClusterFile.encode`; `name` is the file's, for messages.

    Raises `CorruptState`, which names the line or the field, and `ForeignData` for a newer format."""
    try:
        fields = tomllib.loads(text.decode())
    except ValueError as error:  # From UTF-8 and from TOML alike.
        refuse_damaged(name, str(error))
    seen = fields.get("format")
    if isinstance(seen, int) and seen > FORMAT:
        raise ForeignData(f"{name} is of format {seen}, from a newer tf-raft; this one reads format {FORMAT}")
    try:
        file = msgspec.convert(fields, _File)
    except msgspec.ValidationError as error:
        refuse_damaged(name, str(error))
    ids = [node.id for node in file.nodes]
    if twice := sorted({server for server in ids if ids.count(server) > 1}):
        refuse_damaged(name, f"it names {twice[0]} twice")
    nodes = tuple(NodeRecord(node.id, node.address, node.started) for node in file.nodes)
    return ClusterFile(file.cluster_id, file.kind, file.state, nodes)
