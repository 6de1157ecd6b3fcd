"""How the cluster stands: what each node says of itself, who votes, and who of them can still talk to whom."""

import asyncio
from collections.abc import Sequence

from tfraft.cli.verb import Context
from tfraft.clusters.cluster import Cluster, Member, NodeState
from tfraft.core.configuration import ServerId
from tfraft.node.status import NodeStatus
from tfraft.record import record


@record
class Standing:
    """What all nodes said when they were asked together; None for one that gave no answer."""

    members: tuple[Member, ...]
    statuses: dict[ServerId, NodeStatus | None]

    @property
    def latest(self) -> NodeStatus | None:
        """The status that knows most: of the leader of the highest term, or of whoever has heard most."""
        there = [status for status in self.statuses.values() if status is not None]
        return max(there, key=lambda one: (one.current_term, one.role == "leader", one.last_index), default=None)

    @property
    def voters(self) -> tuple[ServerId, ...]:
        """The servers that vote, in the order of the members; all members where nobody could be asked."""
        latest = self.latest
        ids = dict.fromkeys(member.server_id for member in self.members)
        if latest is None:
            return tuple(ids)
        strangers = dict.fromkeys(voter for voter in latest.voters if voter not in ids)
        return tuple(server_id for server_id in (*ids, *strangers) if server_id in latest.voters)


@record
class Quorum:
    """`connected` are the most voters that run and can talk to one another; `cut` if that is for a cut network."""

    voters: tuple[ServerId, ...]
    connected: tuple[ServerId, ...]
    cut: bool

    @property
    def majority(self) -> int:
        """How many voters are a quorum."""
        return len(self.voters) // 2 + 1

    @property
    def spare(self) -> int:
        """How many of the connected voters may still go; below 0 where there is no quorum."""
        return len(self.connected) - self.majority

    @property
    def holds(self) -> bool:
        """Whether the connected voters are a quorum."""
        return self.spare >= 0

    def sentence(self) -> str:
        """What is left, and what follows from it."""
        left = f"{len(self.connected)} of {len(self.voters)} {'can talk' if self.cut else 'left'}"
        if not self.holds:
            return f"{left}, {self.majority} are a quorum: writes and reads will wait."
        return f"{left}: still a quorum."


async def standing_of(cluster: Cluster) -> Standing:
    """Ask all nodes at the same time; takes about a second where one does not answer."""
    members = tuple(cluster.members)
    statuses = await asyncio.gather(*(cluster.status(member.server_id) for member in members))
    return Standing(members, dict(zip((member.server_id for member in members), statuses, strict=True)))


async def quorum_of(context: Context) -> Quorum:
    """Who votes, and how many of them are left to do so."""
    return quorum_in(await standing_of(context.cluster), context.groups)


def quorum_in(standing: Standing, groups: Sequence[frozenset[ServerId]]) -> Quorum:
    """The quorum in this standing, with the network cut between `groups`."""
    running = {member.server_id for member in standing.members if member.state is NodeState.RUNNING}
    together = [voter for voter in standing.voters if voter in running]
    rest = frozenset(together).difference(*groups)
    islands = [tuple(voter for voter in together if voter in group) for group in (*groups, rest)]
    return Quorum(standing.voters, max(islands, key=len), cut=bool(groups))
