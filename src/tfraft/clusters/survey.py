"""Survey: what the servers of a cluster say of themselves, found from the address of any one of them."""

import asyncio
from collections.abc import Collection, Mapping, Sequence

from tfraft.adapters.network.admin import AdminClient
from tfraft.core.configuration import ServerId
from tfraft.errors import Unavailable
from tfraft.node.status import NodeStatus
from tfraft.record import record

PATIENCE_S = 1.0


@record
class Picture:
    """What was found: the members with the addresses at which we reach them, and what each node that answers says."""

    addresses: dict[ServerId, str]
    statuses: dict[ServerId, NodeStatus]

    @property
    def leader(self) -> NodeStatus | None:
        """The leader of the highest term; one that was left behind may not know better yet."""
        leaders = [status for status in self.statuses.values() if status.role == "leader"]
        return max(leaders, key=lambda one: one.current_term, default=None)

    @property
    def latest(self) -> NodeStatus | None:
        """The status that knows most: the leader's, or that of whoever has heard most."""
        rest = max(self.statuses.values(), key=lambda one: (one.current_term, one.last_index), default=None)
        return self.leader or rest


class Survey:
    """Asks at `seeds` first, and then at the members that these know. A server that a seed has reached is reached there
    from then on: a proxy may stand between it and us, while others reach it where it is advertised."""

    def __init__(self, seeds: Sequence[str], cluster_id: str = "") -> None:
        self._seeds = tuple(seeds)
        self._by_seed: dict[ServerId, str] = {}
        self._known: dict[ServerId, str] = {}
        self._admins: dict[str, AdminClient] = {}
        self._cluster_id = cluster_id

    @property
    def seeds(self) -> tuple[str, ...]:
        """Where it begins."""
        return self._seeds

    def admin(self, address: str) -> AdminClient:
        """The way to look into the node at `address`."""
        if address not in self._admins:
            self._admins[address] = AdminClient(address)
        return self._admins[address]

    async def look(self) -> Picture:
        """Ask all servers that can be found, at the same time; takes about a second where one does not answer."""
        asked = {*self._seeds, *self._known.values()}
        by_address = await self._ask(asked)
        for address in self._seeds:
            if address in by_address:
                self._by_seed[by_address[address].server_id] = address
        self._learn(by_address)
        strangers = set(self._known.values()) - asked
        if strangers:
            by_address |= await self._ask(strangers)
            self._learn(by_address)
        return Picture(dict(self._known), {status.server_id: status for status in by_address.values()})

    async def close(self) -> None:
        """End all connections."""
        for admin in self._admins.values():
            await admin.close()
        self._admins.clear()

    def _learn(self, by_address: Mapping[str, NodeStatus]) -> None:
        """Afterwards the known members are those of whoever knows most; where nobody answers, they stay."""
        latest = Picture({}, {status.server_id: status for status in by_address.values()}).latest
        if latest is not None:
            members = members_of(latest)
            self._known = {name: self._by_seed.get(name, members[name]) for name in sorted(members, key=_natural)}

    async def _ask(self, addresses: Collection[str]) -> dict[str, NodeStatus]:
        """What the nodes at these addresses say; without those that say nothing."""
        ordered = sorted(addresses)
        answers = await asyncio.gather(*(self._status(address) for address in ordered))
        return self._ours({address: one for address, one in zip(ordered, answers, strict=True) if one is not None})

    def _ours(self, by_address: dict[str, NodeStatus]) -> dict[str, NodeStatus]:
        """Without the nodes of another cluster than ours, which by default is that of the first seed that answers.

        Servers of one that was restored or recovered may listen where members of the old one are looked for."""
        told = (by_address[seed].cluster_id for seed in self._seeds if seed in by_address)
        self._cluster_id = self._cluster_id or next(filter(None, told), "")
        ours = ("", self._cluster_id)
        return {address: one for address, one in by_address.items() if not self._cluster_id or one.cluster_id in ours}

    async def _status(self, address: str) -> NodeStatus | None:
        try:
            return await self.admin(address).status(PATIENCE_S)
        except Unavailable:
            return None


def members_of(status: NodeStatus) -> dict[ServerId, str]:
    """The members that a node knows, by id and address: those who vote, and the learners."""
    return {**status.learners, **status.old_voters, **status.voters}


def _natural(server_id: ServerId) -> tuple[int, str]:
    """The order of people: n2 before n10."""
    return len(server_id), server_id
