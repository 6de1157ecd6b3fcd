"""The ways from a node to the others: a connection to each, at the address where it is now."""

from collections.abc import Callable
from functools import partial
from typing import get_args

from tfraft.core.configuration import ServerId
from tfraft.core.effects import Envelope
from tfraft.core.messages import InstallSnapshot, Message, Reply, address_in, sender_of
from tfraft.node.snapshots import send_piece
from tfraft.ports import OnReply, PeerConnection, PeerFactory, SnapshotStore

REPLIES = get_args(Reply)


class Mail:
    """Sends messages; `address_of` says where a server is, by the configurations that the node knows."""

    def __init__(
        self, connect: PeerFactory, address_of: Callable[[ServerId], str], snapshots: SnapshotStore | None
    ) -> None:
        self._connect = connect
        self._address_of = address_of
        self._snapshots = snapshots
        self._peers: dict[ServerId, tuple[str, PeerConnection]] = {}
        self._retired: list[PeerConnection] = []
        self._told_addresses: dict[ServerId, str] = {}
        self._callers: dict[ServerId, OnReply] = {}
        self._open = True

    def arrived(self, message: Message, on_reply: OnReply | None) -> None:
        """Note where its sender says it is, and whether it waits for the reply to a unary call."""
        sender = sender_of(message)
        if address := address_in(message):
            self._told_addresses[sender] = address
        if on_reply is not None:
            self._callers[sender] = on_reply

    def send(self, envelopes: list[Envelope]) -> None:
        """Send each message to its server: a piece of a snapshot once its bytes are read."""
        for server, message in envelopes:
            if server in self._callers and isinstance(message, REPLIES):
                self._callers.pop(server)(message)
            elif type(message) is InstallSnapshot:
                assert self._snapshots is not None, "a log is compacted only where snapshots are kept"
                send_piece(self._snapshots, message, partial(self._send_one, server))
            else:
                self._send_one(server, message)

    def stop(self) -> None:
        """Send nothing more."""
        self._open = False

    async def close(self) -> None:
        """Afterwards no connection is left."""
        for peer in [*self._retired, *(peer for _, peer in self._peers.values())]:
            await peer.close()

    def _send_one(self, server: ServerId, message: Message) -> None:
        if self._open:
            self._peer(server).send(message)

    def _peer(self, server: ServerId) -> PeerConnection:
        """The way to a server; a new one when it has moved. A server tells its address if no configuration does."""
        address = self._address_of(server) or self._told_addresses.get(server, "")
        known_address, peer = self._peers.get(server, ("", None))
        if peer is None or known_address != address:
            if peer is not None:
                self._retired.append(peer)
            peer = self._connect(server, address)
            self._peers[server] = (address, peer)
        return peer
