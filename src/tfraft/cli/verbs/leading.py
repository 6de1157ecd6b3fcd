"""TRANSFER: let another node lead (§3.10)."""

from tfraft.cli.verb import Context
from tfraft.cli.verbs.membership import check
from tfraft.cli.verbs.nodes import node_named
from tfraft.core.requests import TransferLeadership


async def transfer(context: Context, args: list[str]) -> None:
    """The successor is brought up to date, then it stands at once; nobody's request fails by it (§3.10)."""
    target = node_named(context, args[0]).server_id if args else ""
    answer = await context.cluster.ask(TransferLeadership(target), context.timeout_s)
    check(answer, "leadership stays where it is")
    now = context.cluster.leader
    leader = target or answer.leader_hint or (now[0] if now else "another node")
    context.output.say(answer.reason if answer.reason else f"{leader} leads now (§3.10).")
