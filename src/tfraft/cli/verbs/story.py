"""Tell what the nodes do after a verb, until the cluster has a leader again."""

import asyncio
import time

from tfraft.cli.verb import Context
from tfraft.node.status import Event, EventKind

# The default election timeout is at most a second; a vote may be split a few times.
PATIENCE_S = 5.0
_WHY_COLUMN = 74
_TOLD = (EventKind.CANDIDATE, EventKind.VOTED, EventKind.REFUSED_VOTE, EventKind.LEADER, EventKind.STORAGE_FAILED)


def line_of(event: Event, since_s: float) -> str:
    """The event as one line, with the milliseconds since then and the section that explains it."""
    line = f"  {(event.at_s - since_s) * 1000:+.0f} ms  {event.text}"
    return f"{line.ljust(_WHY_COLUMN)}  why: {event.section}" if event.section else line


async def tell_until_leader(context: Context, events: "asyncio.Queue[Event]", since_s: float, old_term: int) -> None:
    """Show the events of the election until a node leads a term above `old_term`; gives up after `PATIENCE_S`.

    With VERBOSE on all events are shown anyway, so that here we only wait."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while True:
                event = await events.get()
                if event.kind in _TOLD and not context.verbose:
                    context.output.story(line_of(event, since_s))
                if event.kind is EventKind.LEADER and event.term > old_term:
                    return
    except TimeoutError:
        context.output.story(f"no leader after {PATIENCE_S:g} s: STATUS shows how each node stands")


def now_s() -> float:
    """The wall-clock time by which events are dated."""
    return time.time()


def current_term(context: Context) -> int:
    """The term of the leader that was last heard of; 0 where there was none."""
    leader = context.cluster.leader
    return leader[1] if leader else 0
