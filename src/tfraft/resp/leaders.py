"""The ways to the servers that lead, or have led: one connection to each address."""

from tfraft.core.configuration import ServerId
from tfraft.ports import PeerConnection, PeerFactory


class Leaders:
    """Keeps a connection to each server that was asked for, until `close`: leadership may come back to it."""

    def __init__(self, connect: PeerFactory) -> None:
        self._connect = connect
        self._peers: dict[tuple[ServerId, str], PeerConnection] = {}

    def reach(self, leader: ServerId, address: str) -> PeerConnection:
        """The way to this server at this address."""
        place = (leader, address)
        if place not in self._peers:
            self._peers[place] = self._connect(leader, address)
        return self._peers[place]

    async def close(self) -> None:
        """End all connections; what is under way over them ends as not known."""
        peers, self._peers = list(self._peers.values()), {}
        for peer in peers:
            await peer.close()
