"""Whether a server that was away still belongs to its cluster (§4.2.2): who removed it cannot tell it any more."""

import asyncio
import logging
from typing import Final

from tfraft.adapters.network.grpc import identify
from tfraft.clusters.survey import Picture, Survey, members_of
from tfraft.core.state import RaftState
from tfraft.errors import Unavailable
from tfraft.node.status import NodeStatus

logger = logging.getLogger(__name__)

LOOK_AFTER_TIMEOUTS: Final = 5
"""A server that has not heard of a leader for so many election timeouts asks the others, and again after as long."""


async def removed_while_away(raft: RaftState, cluster_id: str) -> bool:
    """Whether the cluster has removed this server; returns False as soon as it has heard of a leader by itself.

    Looks only while no leader is heard of, and believes only a leader of this cluster that has committed a later
    configuration than ours: configurations are committed one after the other, and a removed id never comes back."""
    addresses = [raft.configuration.address_of(server) for server in raft.configuration.members]
    others = [address for address in addresses if address != raft.configuration.address_of(raft.server_id)]
    survey = Survey(others, cluster_id)
    try:
        while raft.leader_id is None:
            await asyncio.sleep(LOOK_AFTER_TIMEOUTS * raft.config.election_timeout_s)
            picture = await survey.look() if others and raft.leader_id is None else Picture({}, {})
            if picture.leader is not None and excludes(picture.leader, raft):
                address = picture.addresses.get(picture.leader.server_id, "")
                if address and await is_of(cluster_id, address):
                    logger.info("%s says that %s was removed", picture.leader.server_id, raft.server_id)
                    return True
    finally:
        await survey.close()
    return False


def excludes(leader: NodeStatus, raft: RaftState) -> bool:
    """Whether this leader has committed a configuration, later than ours, of which we are no member."""
    is_later = leader.current_term >= raft.current_term and leader.configuration_index > raft.configuration_index
    is_committed = leader.commit_index >= leader.configuration_index
    return is_later and is_committed and raft.server_id not in members_of(leader)


async def is_of(cluster_id: str, address: str) -> bool:
    """Whether the server at `address` belongs to this cluster, and not to one that has taken over the address."""
    try:
        return (await identify(address)).cluster_id == cluster_id
    except Unavailable:
        return False
