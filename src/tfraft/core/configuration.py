"""The cluster configuration and its arithmetic (chapter 4): who votes, and what a majority of them agrees on."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from tfraft.record import record

ServerId = str
T = TypeVar("T")

MAX_NAME_BYTES: Final = 1024
"""The longest id or address: they travel in every message, and in the metadata of gRPC, which has 8 KiB."""
NEVER_LOST: Final[Mapping[ServerId, int]] = {}


@record
class Configuration:
    """The members of the cluster: voters and learners as (id, address), each in the order of their ids.

    An address is for the network adapter alone. While `old_voters` are given the configuration is joint: a decision
    needs a majority of the voters and one of the old voters (§4.3). `removed` are the ids that were members once;
    they are never given again. `incarnations` says how often the disk of a voter has lost what it held, where it ever
    has: only that incarnation speaks for it. A learner is among them while it waits for its vote to come back. An empty
    configuration belongs to a server that has not heard of its cluster yet: it never starts an election."""

    voters: tuple[tuple[ServerId, str], ...] = ()
    learners: tuple[tuple[ServerId, str], ...] = ()
    old_voters: tuple[tuple[ServerId, str], ...] = ()
    removed: tuple[ServerId, ...] = ()
    incarnations: tuple[tuple[ServerId, int], ...] = ()

    @classmethod
    def of(
        cls,
        voters: Mapping[ServerId, str] | Iterable[ServerId],
        learners: Mapping[ServerId, str] | Iterable[ServerId] = (),
        old_voters: Mapping[ServerId, str] | Iterable[ServerId] = (),
        removed: Iterable[ServerId] = (),
        incarnations: Mapping[ServerId, int] = NEVER_LOST,
    ) -> "Configuration":
        """The configuration of these members: mappings of id to address, or ids alone."""
        lost = tuple(sorted(incarnations.items()))
        return cls(in_order(voters), in_order(learners), in_order(old_voters), tuple(sorted(removed)), lost)

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
        # A plain loop: a leader asks for every proposal, and `any` takes four times as long.
        for voter, _ in self.voters:
            if voter == server:
                return True
        return any(server == voter for voter, _ in self.old_voters)

    def is_learner(self, server: ServerId) -> bool:
        """Whether `server` is a member without a vote."""
        return server not in self and any(server == learner for learner, _ in self.learners)

    def address_of(self, server: ServerId) -> str:
        """The address of `server`, or an empty string for one that is not a member."""
        for member, address in self.voters + self.old_voters + self.learners:
            if member == server:
                return address
        return ""

    def incarnation_of(self, server: ServerId) -> int:
        """How often the disk of `server` had lost what it held when it got its vote."""
        for lost, number in self.incarnations:
            if lost == server:
                return number
        return 0

    def speaks(self, server: ServerId, incarnation: int) -> bool:
        """Whether this incarnation of `server` has a vote."""
        return server in self and self.incarnation_of(server) == incarnation

    def awaits_vote(self, server: ServerId) -> bool:
        """Whether `server` has lost its vote with its disk, and is to have it back."""
        return self.is_learner(server) and self.incarnation_of(server) > 0

    # --- The next one ---

    def with_server(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with `server` as a voter; if it was a learner, it is one no more."""
        learners = without(self.learners, server)
        return replace(self, voters=in_order({**dict(self.voters), server: address}), learners=learners)

    def with_learner(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with `server` as a learner."""
        return replace(self, learners=in_order({**dict(self.learners), server: address}))

    def without_server(self, server: ServerId) -> "Configuration":
        """This configuration less `server`, voter or learner, whose id is now one of the removed."""
        rest = replace(self, voters=without(self.voters, server), learners=without(self.learners, server))
        return rest.with_removed([server])

    def with_address(self, server: ServerId, address: str) -> "Configuration":
        """This configuration with the member `server` at `address`."""
        if server in self:
            return self.with_server(server, address)
        return self.with_learner(server, address)

    def without_vote(self, server: ServerId, incarnation: int) -> "Configuration":
        """This configuration with the voter `server` as a learner that awaits its vote: its disk has lost what it held.

        So it has become another server under the same name; as one that was removed it counts no more (§3.8)."""
        rest = replace(self, voters=without(self.voters, server))
        return rest.with_learner(server, self.address_of(server)).with_incarnations({server: incarnation})

    def with_incarnations(self, incarnations: Mapping[ServerId, int]) -> "Configuration":
        """This configuration, in which these incarnations speak for these servers."""
        known = {**dict(self.incarnations), **incarnations}
        return replace(self, incarnations=tuple(sorted((server, number) for server, number in known.items() if number)))

    def joint_with(self, voters: Mapping[ServerId, str]) -> "Configuration":
        """The joint configuration on the way from these voters to `voters`; nobody of those is a learner any more."""
        learners = without(self.learners, *voters)
        return replace(self, voters=in_order(voters), learners=learners, old_voters=self.voters)

    def without_old_voters(self) -> "Configuration":
        """What a joint configuration leads to: the new voters alone (§4.3)."""
        left = {voter for voter, _ in self.old_voters}.difference(voter for voter, _ in self.voters)
        return replace(self, old_voters=()).with_removed(left)

    def with_removed(self, servers: Iterable[ServerId]) -> "Configuration":
        """This configuration, of which `servers` are no members, with their ids among the removed."""
        removed = {*self.removed, *servers}
        incarnations = without(self.incarnations, *removed)
        return replace(self, removed=tuple(sorted(removed)), incarnations=incarnations)

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
            "incarnations": dict(self.incarnations),
        }
        given = {name: part for name, part in parts.items() if part or name == "voters"}
        return json.dumps(given, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Configuration":
        """The inverse of `encode`. Raises ValueError, LookupError, TypeError or AttributeError for any other bytes."""
        parts = json.loads(data)
        given = {name: parts.get(name, {}) for name in ("learners", "old_voters", "removed", "incarnations")}
        return cls.of(parts["voters"], **given)


EMPTY = Configuration()


def in_order(members: Mapping[ServerId, str] | Iterable[ServerId]) -> tuple[tuple[ServerId, str], ...]:
    """Members as a configuration holds them."""
    addresses = dict(members) if isinstance(members, Mapping) else dict.fromkeys(members, "")
    return tuple(sorted(addresses.items()))


def without(members: tuple[tuple[ServerId, T], ...], *servers: ServerId) -> tuple[tuple[ServerId, T], ...]:
    """What is said of all but these servers."""
    return tuple(member for member in members if member[0] not in servers)


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
