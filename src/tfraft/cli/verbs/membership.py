"""ADD and REMOVE: one server at a time (§4.1)."""

from tfraft.cli import standing
from tfraft.cli.escapes import safe
from tfraft.cli.standing import Quorum
from tfraft.cli.verb import Context
from tfraft.cli.verbs import story
from tfraft.cli.verbs.nodes import node_named
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.errors import OutcomeUnknown, Refused


async def add(context: Context, args: list[str]) -> None:
    """Start a new node; the leader catches it up, then it may vote (§4.2.1)."""
    server_id, answer = await context.cluster.add(args[0] if args else None, context.timeout_s)
    _check(answer, f"{safe(server_id)} was not added")
    quorum = await standing.quorum_of(context)
    context.output.say(f"{server_id} added: caught up first, then made a voter (§4.2.1). {_voters(quorum)}")


async def remove(context: Context, args: list[str]) -> None:
    """Take a node's vote, then stop it; a leader that removes itself leads until that is committed (§4.2.2)."""
    node = node_named(context, args[0])
    leader, term = context.cluster.leader, story.current_term(context)
    with context.watcher.events() as events:
        since_s = story.now_s()
        answer = await context.cluster.remove(node.server_id, context.timeout_s)
        _check(answer, f"{node.server_id} was not removed")
        quorum = await standing.quorum_of(context)
        context.output.say(f"{node.server_id} left (§4.2.2). {_voters(quorum)}")
        if leader is not None and leader[0] == node.server_id and quorum.holds:
            await story.tell_until_leader(context, events, since_s, term)


def _check(answer: Answer, what: str) -> None:
    """Raise the error that the answer stands for, unless it is OK."""
    match answer.status:
        case AnswerStatus.OK:
            return
        case AnswerStatus.TIMEOUT:
            why = answer.reason or "no answer in time"
            raise OutcomeUnknown(f"{why}. The change may still happen: see STATUS.")
        case AnswerStatus.NOT_LEADER | AnswerStatus.REFUSED:
            raise Refused(f"{what}: {answer.reason or 'there is no leader now'}")


def _voters(quorum: Quorum) -> str:
    count = len(quorum.voters)
    told = f"{count} voters, quorum {quorum.majority}"
    return f"{told}." if count % 2 else f"{told}: no more of them may fail than of {count - 1}."
