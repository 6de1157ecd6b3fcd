"""PARTITION, HEAL and SLOW: what can happen to the network."""

import re
from collections.abc import Sequence

from tfraft.cli import standing
from tfraft.cli.escapes import safe
from tfraft.cli.verb import Context
from tfraft.cli.verbs import story
from tfraft.cli.verbs.nodes import node_named
from tfraft.clusters.cluster import NodeState
from tfraft.core.configuration import ServerId
from tfraft.errors import CommandError

_MOST_DELAY_MS = 60_000.0


async def partition(context: Context, args: list[str]) -> None:
    """Cut the network between groups of nodes, and tell who still has a quorum."""
    groups = _groups(context, " ".join(args))
    leader, term = context.cluster.leader, story.current_term(context)
    with context.watcher.events() as events:
        since_s = story.now_s()
        await context.cluster.partition(groups)
        context.groups = [frozenset(group) for group in groups]
        quorum = await standing.quorum_of(context)
        told = f"{_cut(context, groups)} can no longer talk."
        if not quorum.holds:
            context.output.say(f"{told} Nobody has a quorum now: writes and reads will wait.")
            return
        majority = f"{len(quorum.connected)} of {len(quorum.voters)}"
        context.output.say(f"{told} {' '.join(quorum.connected)} still have a quorum ({majority}).")
        if leader is None or leader[0] not in quorum.connected:
            await story.tell_until_leader(context, events, since_s, term)


async def heal(context: Context, args: list[str]) -> None:
    """Undo every PARTITION and SLOW, and wait for a leader where there was no quorum."""
    quorum_before = await standing.quorum_of(context)
    term = story.current_term(context)
    with context.watcher.events() as events:
        since_s = story.now_s()
        await context.cluster.heal()
        context.groups = []
        quorum = await standing.quorum_of(context)
        context.output.say(f"network healed: no cuts, no delays. {quorum.sentence()}")
        if quorum.holds and not quorum_before.holds:
            await story.tell_until_leader(context, events, since_s, term)


async def slow(context: Context, args: list[str]) -> None:
    """Delay all messages to and from a node."""
    node = node_named(context, args[0])
    delay_ms = _milliseconds(args[1])
    await context.cluster.slow(node.server_id, delay_ms / 1000)
    if delay_ms:
        told = f"each message to and from {node.server_id} takes {delay_ms:g} ms longer now"
        context.output.say(f"{told}; above its election timeout it will call elections (§3.9). HEAL ends it.")
    else:
        context.output.say(f"messages to and from {node.server_id} are not delayed any more.")


def _milliseconds(text: str) -> float:
    try:
        delay_ms = float(text)
    except ValueError:
        delay_ms = -1.0
    if not 0 <= delay_ms <= _MOST_DELAY_MS:
        raise CommandError(f"SLOW needs milliseconds from 0 to {_MOST_DELAY_MS:g}, not {safe(text)}: SLOW n2 200")
    return delay_ms


def _groups(context: Context, text: str) -> list[list[ServerId]]:
    """The groups in `a,b | c`. Raises CommandError for an empty group and for a node that stands in two."""
    parts = [re.findall(r"[^\s,]+", part) for part in text.split("|")]
    groups = [[node_named(context, name).server_id for name in part] for part in parts]
    nodes = [server_id for group in groups for server_id in group]
    twice = sorted({server_id for server_id in nodes if nodes.count(server_id) > 1})
    if twice:
        raise CommandError(f"{twice[0]} cannot be on two sides: PARTITION n1,n2 | n3")
    if not all(groups) or (len(groups) == 1 and len(nodes) == len(context.cluster.members)):
        raise CommandError("each side of a partition needs a node: PARTITION n1,n2 | n3")
    return groups


def _cut(context: Context, groups: Sequence[Sequence[ServerId]]) -> str:
    """The groups by name, with the one that the unnamed nodes form as far as they run."""
    named = {server_id for group in groups for server_id in group}
    running = [member.server_id for member in context.cluster.members if member.state is NodeState.RUNNING]
    rest = [server_id for server_id in running if server_id not in named]
    return " and ".join(",".join(group) for group in (*groups, rest) if group)
