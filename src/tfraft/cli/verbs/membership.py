"""ADD, REMOVE and UPDATE change one server at a time (§4.1), CHANGE several in one step (§4.3)."""

from tfraft.cli import standing
from tfraft.cli.escapes import safe
from tfraft.cli.standing import Quorum
from tfraft.cli.verb import Context
from tfraft.cli.verbs import story
from tfraft.cli.verbs.nodes import node_named
from tfraft.core.requests import Answer, AnswerStatus, UpdateServer
from tfraft.errors import CommandError, OutcomeUnknown, Refused


async def add(context: Context, args: list[str]) -> None:
    """Start a new node; the leader catches it up, then it may vote (§4.2.1), unless it is to be a learner."""
    learner = bool(args) and args[-1].lower() == "learner"
    names = args[:-1] if learner else args
    if len(names) > 1:
        raise CommandError("ADD takes one node, and LEARNER if it shall not vote: ADD n4 LEARNER")
    server_id, answer = await context.cluster.add(names[0] if names else None, context.timeout_s, learner=learner)
    check(answer, f"{safe(server_id)} was not added")
    quorum = await standing.quorum_of(context)
    if learner:
        context.output.say(f"{server_id} added as a learner: it gets all, and has no vote. {_voters(quorum)}")
    else:
        context.output.say(f"{server_id} added: caught up first, then made a voter (§4.2.1). {_voters(quorum)}")


async def change(context: Context, args: list[str]) -> None:
    """Let other nodes vote, all in one step: new ones are started, those that are not named leave (§4.3)."""
    there = {member.server_id for member in context.cluster.members}
    names = [name for arg in args for name in arg.split(",") if name]
    if not names:
        raise CommandError("CHANGE needs a node: CHANGE n1,n4,n5")
    voters = [name.lower() if name.lower() in there and name not in there else name for name in names]
    answer = await context.cluster.change(voters, context.timeout_s)
    check(answer, "the voters were not changed")
    quorum = await standing.quorum_of(context)
    context.output.say(f"{' '.join(quorum.voters)} vote now, by joint consensus (§4.3). {_voters(quorum)}")


async def update(context: Context, args: list[str]) -> None:
    """Tell all where a node is reached from now on."""
    node = node_named(context, args[0])
    check(
        await context.cluster.ask(UpdateServer(node.server_id, args[1]), context.timeout_s),
        f"{node.server_id} has not moved",
    )
    context.output.say(f"{node.server_id} is reached at {safe(args[1])} from now on.")


async def remove(context: Context, args: list[str]) -> None:
    """Take a node's vote, then stop it; a leader that removes itself leads until that is committed (§4.2.2)."""
    node = node_named(context, args[0])
    leader, term = context.cluster.leader, story.current_term(context)
    with context.watcher.events() as events:
        since_s = story.now_s()
        answer = await context.cluster.remove(node.server_id, context.timeout_s)
        check(answer, f"{node.server_id} was not removed")
        quorum = await standing.quorum_of(context)
        context.output.say(f"{node.server_id} left (§4.2.2). {_voters(quorum)}")
        if leader is not None and leader[0] == node.server_id and quorum.holds:
            await story.tell_until_leader(context, events, since_s, term)


def check(answer: Answer, what: str) -> None:
    """Raise the error that the answer stands for, unless it is OK."""
    match answer.status:
        case AnswerStatus.OK:
            return
        case AnswerStatus.TIMEOUT:
            why = answer.reason or "no answer in time"
            raise OutcomeUnknown(f"{why}. The change may still happen: see STATUS.")
        case _:
            raise Refused(f"{what}: {answer.reason or 'there is no leader now'}")


def _voters(quorum: Quorum) -> str:
    count = len(quorum.voters)
    told = f"{count} voters, quorum {quorum.majority}"
    return f"{told}." if count % 2 else f"{told}: no more of them may fail than of {count - 1}."
