"""What a cluster tells the process of one of its nodes, and what it hears from it: JSON both ways."""

import msgspec

from tfraft.adapters.network.links import LinkFaults
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.transports import Transport
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.node.settings import NodeSettings
from tfraft.record import record


@record
class NodeSpec:
    """One node: the only argument of `python -m tfraft.clusters.process`.

    `founders` are the voters, by id and address, with which a node without a state begins; none if it is to be
    contacted. `book` says where servers listen now: an address in the log may be that of an earlier run.
    Redis clients reach it at `redis`; nowhere, where that is empty. `parent` is the number of the process to live and
    die with."""

    server_id: ServerId
    address: str
    parent: int
    directory: str
    cluster_id: str
    state: StateKind
    config: RaftConfig
    settings: NodeSettings
    founders: dict[ServerId, str]
    book: dict[ServerId, str]
    faults: LinkFaults
    redis: str = ""
    transport: Transport = Transport.TCP

    def encode(self) -> str:
        """The spec as one word of a command line."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def decode(cls, text: str) -> "NodeSpec":
        """The inverse of `encode`."""
        return msgspec.json.decode(text, type=cls)


@record
class FirstWord:
    """What the process of a node prints on its standard output, once: empty when it is ready, else why it is not.

    `error` is the class of `tfraft.errors` to raise, `text` its message."""

    error: str = ""
    text: str = ""

    def encode(self) -> bytes:
        """The word as one line."""
        return msgspec.json.encode(self) + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "FirstWord":
        """The inverse of `encode`."""
        return msgspec.json.decode(line, type=cls)
