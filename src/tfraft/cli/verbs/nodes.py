"""STOP, START, RESTART and KILL: what can happen to one node."""

import asyncio
from collections.abc import Awaitable, Callable

from tfraft.cli import standing
from tfraft.cli.escapes import safe
from tfraft.cli.suggest import nearest
from tfraft.cli.verb import Context
from tfraft.cli.verbs import story
from tfraft.clusters.cluster import Member, NodeState
from tfraft.core.configuration import ServerId
from tfraft.errors import CommandError
from tfraft.node.status import NodeStatus

_CATCH_UP_PATIENCE_S = 5.0
_ASK_AGAIN_S = 0.02


def node_named(context: Context, name: str) -> Member:
    """The node of this name, in any case; raises CommandError, which names those that exist."""
    members = {member.server_id: member for member in context.cluster.members}
    for candidate in (name, name.lower()):
        if candidate in members:
            return members[candidate]
    meant = nearest(name, [server_id.upper() for server_id in members])
    advice = f" Did you mean {meant.lower()}?" if meant and meant.lower() in members else ""
    raise CommandError(f"there is no node {safe(name)}. The nodes are {' '.join(members)}.{advice}")


async def stop(context: Context, args: list[str]) -> None:
    """End a node in good order, and tell what is left."""
    await _end(context, node_named(context, args[0]), context.cluster.stop_node, "stopped")


async def kill(context: Context, args: list[str]) -> None:
    """End a node as kill -9 does, and tell what is left."""
    await _end(context, node_named(context, args[0]), context.cluster.kill_node, "killed")


async def _end(context: Context, node: Member, end: Callable[[ServerId], Awaitable[None]], done: str) -> None:
    term = story.current_term(context)
    led = context.cluster.leader is not None and context.cluster.leader[0] == node.server_id
    with context.watcher.events() as events:
        since_s = story.now_s()
        await end(node.server_id)
        quorum = await standing.quorum_of(context)
        left = quorum.sentence() if node.server_id in quorum.voters else "It had no vote: nothing changes."
        context.output.say(f"{node.server_id} {done}. {left}")
        if led and quorum.holds:
            await story.tell_until_leader(context, events, since_s, term)


async def start(context: Context, args: list[str]) -> None:
    """Start a node from what it saved, and wait until it has caught up."""
    await _start(context, node_named(context, args[0]), "started", term_before=None)


async def restart(context: Context, args: list[str]) -> None:
    """Stop a node if it runs, start it again, and wait until it has caught up."""
    node = node_named(context, args[0])
    before = await context.cluster.status(node.server_id)
    if node.state is NodeState.RUNNING:
        await context.cluster.stop_node(node.server_id)
    await _start(context, node, "restarted", before.current_term if before else None)


async def _start(context: Context, node: Member, done: str, term_before: int | None) -> None:
    loop = asyncio.get_running_loop()
    quorum_before = await standing.quorum_of(context)
    term = story.current_term(context)
    with context.watcher.events() as events:
        since_s, started = story.now_s(), loop.time()
        await context.cluster.start_node(node.server_id)
        quorum = await standing.quorum_of(context)
        if quorum.holds and not quorum_before.holds:
            await story.tell_until_leader(context, events, since_s, term)
    what = f"{node.server_id} {done} from what it saved"
    status = await _caught_up(context, node.server_id) if quorum.holds else None
    if status is not None:
        what += f": {_terms(term_before, status.current_term)}all {status.last_applied} entries"
        what += f" after {(loop.time() - started) * 1000:.0f} ms"
    elif quorum.holds:
        what += ", and has not caught up yet"
    context.output.say(f"{what}. {quorum.sentence()}")


def _terms(before: int | None, now: int) -> str:
    return f"term {before} → {now}, " if before not in (None, now) else ""


async def _caught_up(context: Context, server_id: ServerId) -> NodeStatus | None:
    """The status of the node once it has applied what the leader has committed; None if that takes too long."""
    cluster = context.cluster
    try:
        async with asyncio.timeout(_CATCH_UP_PATIENCE_S):
            while True:
                leader = cluster.leader
                lead = await cluster.status(leader[0]) if leader else None
                status = await cluster.status(server_id)
                if lead and status and status.leader_id and 0 < lead.commit_index <= status.last_applied:
                    return status
                await asyncio.sleep(_ASK_AGAIN_S)
    except TimeoutError:
        return None
