"""The cluster configuration and its arithmetic (chapter 4): who votes, and what a majority of them agrees on."""

import json
from collections.abc import Iterable, Mapping

from tfraft.core.messages import ServerId
from tfraft.record import record


@record
class Configuration:
    """The servers that vote, as (id, address) in the order of their ids. An address is for the network adapter alone.

    An empty configuration belongs to a server that has not heard of its cluster yet: it never starts an election."""

    voters: tuple[tuple[ServerId, str], ...] = ()

    @classmethod
    def of(cls, voters: Mapping[ServerId, str] | Iterable[ServerId]) -> "Configuration":
        """The configuration of these voters: a mapping of id to address, or ids alone."""
        addresses = dict(voters) if isinstance(voters, Mapping) else dict.fromkeys(voters, "")
        return cls(tuple(sorted(addresses.items())))

    @property
    def ids(self) -> tuple[ServerId, ...]:
        """The ids of the voters, sorted."""
        return tuple(server for server, _ in self.voters)

    @property
    def majority(self) -> int:
        """How many voters are a quorum; any two quorums share a voter. 1 for an empty configuration."""
        return len(self.voters) // 2 + 1

    def __contains__(self, server: object) -> bool:
        return any(server == voter for voter, _ in self.voters)

    def address_of(self, server: ServerId) -> str:
        """The address of `server`, or an empty string for one that is not a voter."""
        return next((address for voter, address in self.voters if voter == server), "")

    def with_server(self, server: ServerId, address: str) -> "Configuration":
        """This configuration and `server`."""
        return Configuration.of({**dict(self.voters), server: address})

    def without_server(self, server: ServerId) -> "Configuration":
        """This configuration less `server`."""
        return Configuration(tuple(voter for voter in self.voters if voter[0] != server))

    def has_quorum(self, servers: Iterable[ServerId]) -> bool:
        """Whether these servers, each counted once and only if it votes, are a majority of the voters."""
        granted = set(servers)
        return sum(voter in granted for voter, _ in self.voters) >= self.majority

    def agreed(self, reached: Mapping[ServerId, float]) -> float:
        """The highest number that a majority of the voters has reached; a voter not in `reached` stands at 0.

        With times this is the moment since which a quorum has been heard (§6.2). 0 for an empty configuration."""
        if not self.voters:
            return 0
        ordered = sorted((reached.get(voter, 0) for voter, _ in self.voters), reverse=True)
        return ordered[self.majority - 1]

    def agreed_index(self, reached: Mapping[ServerId, int]) -> int:
        """As `agreed`, for whole numbers: the index that a quorum stores (§3.6.2), the round it answered (§6.4)."""
        return int(self.agreed(reached))

    def encode(self) -> bytes:
        """The configuration as the bytes of a CONFIGURATION entry: JSON, the same bytes for the same value."""
        return json.dumps({"voters": dict(self.voters)}, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Configuration":
        """The inverse of `encode`."""
        return cls.of(json.loads(data)["voters"])


EMPTY = Configuration()
