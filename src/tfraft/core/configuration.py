"""The cluster configuration and its arithmetic (chapter 4): who votes, and what a majority of them agrees on."""

import json
from collections.abc import Iterable, Mapping
from typing import Final

from tfraft.record import record

ServerId = str

MAX_NAME_BYTES: Final = 1024
"""The longest id or address: they travel in every message, and in the metadata of gRPC, which has 8 KiB."""


@record
class Configuration:
    """The members of the cluster: voters and learners as (id, address), each in the order of their ids.

    An address is for the network adapter alone. While `old_voters` are given the configuration is joint: a decision
    needs a majority of the voters and one of the old voters (§4.3). `removed` are the ids that were members once;
    they are never given again. An empty configuration belongs to a server that has not heard of its cluster yet: it
    never starts an election."""

    voters: tuple[tuple[ServerId, str], ...] = ()
    learners: tuple[tuple[ServerId, str], ...] = ()
    old_voters: tuple[tuple[ServerId, str], ...] = ()
    removed: tuple[ServerId, ...] = ()

    @classmethod
    def of(
        cls,
        voters: Mapping[ServerId, str] | Iterable[ServerId],
        learners: Mapping[ServerId, str] | Iterable[ServerId] = (),
        old_voters: Mapping[ServerId, str] | Iterable[ServerId] = (),
        removed: Iterable[ServerId] = (),
    ) -> "Configuration":
        """The configuration of these members: mappings of id to address, or ids alone."""
        return cls(in_order(voters), in_order(learners), in_order(old_voters), tuple(sorted(removed)))

    # --- Who is in it ---

    @property
    def ids(self) -> tuple[ServerId, ...]:
        """The ids of all who vote, sorted; in a joint configuration, of the old and the new."""
        if not self.old_voters:
            return tuple(server for server, _ in self.voters)
        return tuple(sorted({server for server, _ in self.voters + self.old_voters}))

    @property
    def members(self) -> tuple[ServerId, ...]:
        """The ids of all members, those who vote and the learners, sorted."""
        return tuple(sorted({server for server, _ in self.voters + self.old_voters + self.learners}))

    @property
    def is_joint(self) -> bool:
        """Whether it is on the way from one set of voters to another (§4.3)."""
        return bool(self.old_voters)

    def __contains__(self, server: object) -> bool:
        """Whether `server` votes."""
        return any(server == voter for voter, _ in self.voters + self.old_voters)

    def is_learner(self, server: ServerId) -> bool:
        """Whether `server` is a member without a vote."""
        return server not in self and any(server == learner for learner, _ in self.learners)

    def address_of(self, server: ServerId) -> str:
        """The address of `server`, or an empty string for one that is not a member."""
        known = self.voters + self.old_voters + self.learners
        return next((address for member, address in known if member == server), "")

    # --- The next one ---

    def with_server(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with `server` as a voter; if it was a learner, it is one no more."""
        learners = {learner: at for learner, at in self.learners if learner != server}
        return Configuration.of({**dict(self.voters), server: address}, learners, removed=self.removed)

    def with_learner(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with `server` as a learner."""
        return Configuration.of(dict(self.voters), {**dict(self.learners), server: address}, removed=self.removed)

    def without_server(self, server: ServerId) -> "Configuration":
        """This configuration less `server`, voter or learner, whose id is now one of the removed."""
        voters = {voter: at for voter, at in self.voters if voter != server}
        learners = {learner: at for learner, at in self.learners if learner != server}
        return Configuration.of(voters, learners, removed={*self.removed, server})

    def with_address(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with the member `server` at `address`."""
        voters, learners = dict(self.voters), dict(self.learners)
        (voters if server in voters else learners)[server] = address
        return Configuration.of(voters, learners, removed=self.removed)

    def joint_with(self, voters: Mapping[ServerId, str]) -> "Configuration":
        """The joint configuration on the way from these voters to `voters`; nobody of those is a learner any more."""
        learners = {learner: at for learner, at in self.learners if learner not in voters}
        return Configuration.of(voters, learners, dict(self.voters), self.removed)

    def without_old_voters(self) -> "Configuration":
        """What a joint configuration leads to: the new voters alone (§4.3)."""
        left = {voter for voter, _ in self.old_voters}.difference(voter for voter, _ in self.voters)
        return Configuration.of(dict(self.voters), dict(self.learners), removed={*self.removed, *left})

    # --- Majorities ---

    @property
    def majority(self) -> int:
        """How many of the (new) voters are a quorum; any two quorums share a voter. 1 for an empty configuration."""
        return len(self.voters) // 2 + 1

    def has_quorum(self, servers: Iterable[ServerId]) -> bool:
        """Whether these servers, each counted once and only if it votes, are a majority; of both, if joint."""
        granted = set(servers)
        return all(2 * sum(voter in granted for voter, _ in voters) > len(voters) for voters in self._sets_of_voters())

    def agreed(self, reached: Mapping[ServerId, float]) -> float:
        """The highest number that a majority of the voters, of both sets if joint, has reached; who is not in
        `reached` stands at 0.

        With times this is the moment since which a quorum has been heard (§6.2). 0 for an empty configuration."""
        return min(agreed_among(voters, reached) for voters in self._sets_of_voters())

    def agreed_index(self, reached: Mapping[ServerId, int]) -> int:
        """As `agreed`, for whole numbers: the index that a quorum stores (§3.6.2), the round it answered (§6.4)."""
        return int(self.agreed(reached))

    def _sets_of_voters(self) -> tuple[tuple[tuple[ServerId, str], ...], ...]:
        return (self.voters, self.old_voters) if self.old_voters else (self.voters,)

    # --- As bytes ---

    def encode(self) -> bytes:
        """The configuration as the bytes of a CONFIGURATION entry: JSON, the same bytes for the same value."""
        parts = {
            "voters": dict(self.voters),
            "learners": dict(self.learners),
            "old_voters": dict(self.old_voters),
            "removed": list(self.removed),
        }
        given = {name: part for name, part in parts.items() if part or name == "voters"}
        return json.dumps(given, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Configuration":
        """The inverse of `encode`. Raises ValueError, LookupError, TypeError or AttributeError for any other bytes."""
        parts = json.loads(data)
        return cls.of(parts["voters"], parts.get("learners", {}), parts.get("old_voters", {}), parts.get("removed", ()))


EMPTY = Configuration()


def in_order(members: Mapping[ServerId, str] | Iterable[ServerId]) -> tuple[tuple[ServerId, str], ...]:
    """Members as a configuration holds them."""
    addresses = dict(members) if isinstance(members, Mapping) else dict.fromkeys(members, "")
    return tuple(sorted(addresses.items()))


def agreed_among(voters: tuple[tuple[ServerId, str], ...], reached: Mapping[ServerId, float]) -> float:
    """The highest number that a majority of `voters` has reached; 0 where there are none."""
    if not voters:
        return 0
    ordered = sorted((reached.get(voter, 0) for voter, _ in voters), reverse=True)
    return ordered[len(voters) // 2]


def name_fault(what: str, name: str) -> str:
    """Why `name` can be no id or address, as a sentence about `what`; empty where it can."""
    try:
        size = len(name.encode())
    except UnicodeEncodeError as error:
        return f"{what} is no valid Unicode: {error.reason}"
    if size > MAX_NAME_BYTES:
        return f"{what} may have at most {MAX_NAME_BYTES} bytes, not {size}"
    return ""
