"""STATUS: one row for each node, and one sentence on the cluster."""

import time
from collections.abc import Iterator

from tfraft.cli import standing
from tfraft.cli.outputs import Row, Table
from tfraft.cli.standing import Quorum, Standing
from tfraft.cli.verb import Context
from tfraft.clusters.cluster import Member, NodeState
from tfraft.node.status import NodeStatus, PeerStatus

_COLUMNS = ("node", "role", "term", "log", "commit", "applied", "match", "health")
_CHANGES_WITHIN_S = 600.0
# A follower that owes its leader an answer for this long has missed several heartbeats.
_SILENT_AFTER_S = 1.0


async def status(context: Context, args: list[str]) -> None:
    """Ask all nodes, and show what they say of themselves."""
    now = await standing.standing_of(context.cluster)
    context.output.table(Table(_COLUMNS, list(_rows(now)), long="health"))
    quorum = standing.quorum_in(now, context.groups)
    changes = context.watcher.leader_changes(time.time() - _CHANGES_WITHIN_S)
    context.output.say(_sentence(now, quorum, changes))


def _rows(now: Standing) -> Iterator[Row]:
    leader = _leader(now)
    peers = {peer.server_id: peer for peer in leader.peers} if leader else {}
    for member in now.members:
        server_id = member.server_id
        one = now.statuses[server_id]
        if one is None:
            yield Row((server_id, None, None, None, None, None, None, _absence(member)), "faint")
            continue
        leads = leader is not None and server_id == leader.server_id
        match = one.last_index if leads else peers[server_id].match_index if server_id in peers else None
        numbers = (one.current_term, one.last_index, one.commit_index, one.last_applied, match)
        health = _health(one, leader, peers.get(server_id))
        if server_id not in now.voters:
            is_learner = leader is not None and server_id in leader.learners
            health = f"{'learner' if is_learner else 'no vote'}, {health}"
        yield Row((server_id, one.role, *numbers, health), "leader" if leads else "")


def _leader(now: Standing) -> NodeStatus | None:
    """The leader of the highest term; one that was left behind may not know better yet."""
    leaders = [one for one in now.statuses.values() if one is not None and one.role == "leader"]
    return max(leaders, key=lambda one: one.current_term, default=None)


def _absence(member: Member) -> str:
    if member.state is NodeState.RUNNING:
        return "does not answer"
    return f"{member.state.value}: {member.detail}" if member.detail else member.state.value


def _health(one: NodeStatus, leader: NodeStatus | None, peer: PeerStatus | None) -> str:
    """What stands in a node's way, if anything does."""
    if leader is None:
        return "no leader"
    if one.server_id == leader.server_id:
        return "ok"
    if peer is None or peer.heard_s is None:
        return "not heard by the leader yet"
    if peer.snapshot_bytes:
        return f"gets a snapshot: {100 * peer.snapshot_sent // peer.snapshot_bytes} % of {peer.snapshot_bytes:,} bytes"
    if peer.heard_s > _SILENT_AFTER_S:
        return f"not heard for {peer.heard_s:.1f} s"
    if one.repairing:
        return "its disk is being repaired: no vote"
    behind = leader.last_index - peer.match_index
    return f"{behind} entries behind" if behind else f"ok, heard {peer.heard_s * 1000:.0f} ms ago"


def _sentence(now: Standing, quorum: Quorum, changes: int) -> str:
    leader = _leader(now)
    voters = len(quorum.voters)
    if not quorum.holds:
        return f"no quorum · {len(quorum.connected)} of {voters} voters can talk, {quorum.majority} are needed"
    health = "healthy" if leader and _all_well(now, quorum) else "degraded" if leader else "no leader"
    nodes = "1 node" if quorum.spare == 1 else f"{quorum.spare} nodes"
    told = "1 leader change" if changes == 1 else f"{changes} leader changes"
    return f"{health} · quorum {quorum.majority} of {voters} · can lose {nodes} · {told} in the last 10 min"


def _all_well(now: Standing, quorum: Quorum) -> bool:
    """Whether every voter runs, answers, and can talk to the others."""
    return quorum.connected == quorum.voters and all(now.statuses.get(voter) for voter in quorum.voters)
