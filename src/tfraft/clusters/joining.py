"""How a server that runs gets into a cluster: first as a learner, then, once it is caught up, with a vote (§4.2.1)."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from tfraft.adapters.network.grpc import identify
from tfraft.client.routing import ClusterClient
from tfraft.clusters.logs import untrusted
from tfraft.clusters.survey import Picture, Survey, members_of
from tfraft.core.configuration import ServerId
from tfraft.core.requests import AddServer, Answer, AnswerStatus
from tfraft.errors import SettingError, Unavailable
from tfraft.node.status import NodeStatus
from tfraft.ports import PeerFactory

logger = logging.getLogger(__name__)

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 5.0
"""Between one try and the next we pause, twice as long each time, from the first to the longest."""

PATIENCE_S: Final = 30.0
"""How long the leader may take for one change: it catches the server up meanwhile."""


NEVER_AGAIN: Final = "its id is never given again"
"""The words in which a leader refuses the id of a removed server (core/membership.py): asking again will not help."""


async def find_cluster(seeds: Sequence[str], server_id: ServerId) -> str:
    """The id of the cluster behind `seeds`, which a new server of this name may try to enter. Waits for its leader.

    Raises SettingError where the name is that of a member: its data are lost, and with them what it has promised."""
    survey, pauses = Survey(seeds), Pauses(server_id)
    try:
        while True:
            picture = await survey.look()
            leader = picture.leader
            if leader is None or leader.server_id not in picture.addresses:
                await pauses.next(why_nobody_leads(picture, seeds))
                continue
            refuse_known(leader, server_id)
            try:
                return (await identify(picture.addresses[leader.server_id])).cluster_id
            except Unavailable as error:
                await pauses.next(str(error))
    finally:
        await survey.close()


class Joining:
    """The way of the server `server_id`, which others reach at `address`, into the cluster behind `seeds`.

    One that `is_new` is no member before it has asked; one that goes on with its join may be."""

    def __init__(
        self, server_id: ServerId, address: str, seeds: Sequence[str], connect: PeerFactory, *, is_new: bool
    ) -> None:
        self._server_id = server_id
        self._address = address
        self._survey = Survey(seeds)
        self._client = ClusterClient(connect, {})
        self._pauses = Pauses(server_id)
        self._has_asked = not is_new

    async def run(self) -> None:
        """Return once this server votes. Raises SettingError where it never will under this name or address."""
        try:
            while True:
                picture = await self._survey.look()
                if picture.leader is None:
                    await self._pauses.next(why_nobody_leads(picture, self._survey.seeds))
                    continue
                if not self._has_asked:
                    refuse_known(picture.leader, self._server_id)
                request = next_step(picture.leader, self._server_id, self._address)
                if request is None:
                    return
                await self._ask(request, picture)
        finally:
            await self._client.close()
            await self._survey.close()

    async def _ask(self, request: AddServer, picture: Picture) -> None:
        """Ask the leader for one step; what became of it shows when we look again."""
        self._has_asked = True
        self._client.set_members(picture.addresses)
        answer = await self._client.ask(request, PATIENCE_S)
        if answer.status is AnswerStatus.OK:
            self._pauses.begin_anew()
            logger.info("%s", told_of(request))
        elif answer.status is AnswerStatus.REFUSED and NEVER_AGAIN in answer.reason:
            raise SettingError(answer.reason)
        else:
            await self._pauses.next(why_not(answer))


class Pauses:
    """The pauses between one try and the next; each reason is told once."""

    def __init__(self, server_id: ServerId) -> None:
        self._server_id = server_id
        self._pause_s = FIRST_PAUSE_S
        self._told = ""

    def begin_anew(self) -> None:
        """The next pause is a short one."""
        self._pause_s = FIRST_PAUSE_S

    async def next(self, why: str) -> None:
        """Wait before the next try; tell why, unless that is what was told last."""
        if why != self._told:
            logger.warning("%s has not joined yet: %s. It goes on trying", self._server_id, why)
            self._told = why
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)


def next_step(leader: NodeStatus, server_id: ServerId, address: str) -> AddServer | None:
    """What to ask of this leader next for a server of ours; None once it votes.

    Raises SettingError where its address is another's, or the cluster knows it at another address."""
    members = members_of(leader)
    others = [member for member, at in members.items() if at == address and member != server_id]
    if others:
        raise SettingError(f"{address} is the address of {others[0]} in the cluster: advertise another one")
    known = members.get(server_id)
    if known is not None and known != address:
        raise SettingError(
            f"{server_id} is in the cluster at {untrusted(known)}, not at {address}: advertise that address, or let "
            f"the cluster know of the new one first   (UPDATE {server_id} {address})"
        )
    if server_id in leader.voters:
        return None
    return AddServer(server_id, address, learner=known is None)


def refuse_known(leader: NodeStatus, server_id: ServerId) -> None:
    """Raise SettingError for the name of a member, which a server without data must not take."""
    if server_id in members_of(leader):
        raise SettingError(
            f"{server_id} is a member already; if its data are lost, remove {server_id} and join under a new id"
        )


def told_of(request: AddServer) -> str:
    """What has been done, in a sentence."""
    if request.learner:
        return f"{request.new_server} is a learner now; it gets a vote once it is caught up (§4.2.1)"
    return f"{request.new_server} is a voter now"


def why_not(answer: Answer) -> str:
    """Why the leader has not done it."""
    return answer.reason or ("there is no leader now" if answer.status is AnswerStatus.NOT_LEADER else "no answer")


def why_nobody_leads(picture: Picture, seeds: Sequence[str]) -> str:
    """Why there is nobody to be asked."""
    if not picture.statuses:
        return f"no server answers at {', '.join(seeds)}"
    return f"there is no leader now, say {' '.join(sorted(picture.statuses))}"
