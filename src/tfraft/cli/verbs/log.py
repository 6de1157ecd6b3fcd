"""LOG: the entries of a node's log, as a person would have typed them, and which of them are committed."""

import re

from tfraft.cli.escapes import as_word
from tfraft.cli.outputs import Row, Table
from tfraft.cli.verb import Context
from tfraft.cli.verbs.nodes import node_named
from tfraft.core.configuration import Configuration, ServerId
from tfraft.errors import CommandError, Unavailable
from tfraft.node.status import LogEntry, NodeStatus
from tfraft.store import codec

_RANGE = re.compile(r"(?P<first>[0-9]*)(?P<dots>\.\.)?(?P<last>[0-9]*)")
_TAIL_ENTRIES = 20
_MOST_ENTRIES = 500
_MOST_CHARACTERS = 200


async def log(context: Context, args: list[str]) -> None:
    """Show the entries of a node, the leader's unless one is named; the last ones unless a range is given."""
    ranges = [arg for arg in args if _RANGE.fullmatch(arg)]
    names = [arg for arg in args if arg not in ranges]
    if len(ranges) > 1 or len(names) > 1:
        raise CommandError("LOG takes one node and one range: LOG n1 5..  or  LOG 3..8")
    status = await _status(context, names)
    first, last = _bounds(ranges[0] if ranges else f"{max(status.last_index - _TAIL_ENTRIES + 1, 1)}..", status)
    entries = await context.cluster.log(status.server_id, first, min(last, first + _MOST_ENTRIES - 1))
    columns = ("index", "term", "what", "committed", "on")
    context.output.table(Table(columns, [_row(entry, status) for entry in entries], long="what"))
    context.output.say(_sentence(status, entries, last))


async def _status(context: Context, names: list[str]) -> NodeStatus:
    """The status of the node that is meant. Raises Unavailable where it gives none."""
    leader = context.cluster.leader
    if names:
        server_id = node_named(context, names[0]).server_id
    elif leader is not None:
        server_id = leader[0]
    else:
        raise Unavailable("no leader is known now. Name the node: LOG n1")
    status = await context.cluster.status(server_id)
    if status is None:
        raise Unavailable(f"{server_id} does not run or does not answer, so its log cannot be shown")
    return status


def _bounds(text: str, status: NodeStatus) -> tuple[int, int]:
    """The first and the last index of a range such as `5..9`, `5..`, `..9` or `7`, within the log."""
    match = _RANGE.fullmatch(text)
    assert match is not None, "only what looks like a range gets here"
    first = max(int(match["first"] or 1), status.first_index)
    last = int(match["last"] or status.last_index) if match["dots"] else int(match["first"])
    return first, min(last, status.last_index)


def _row(entry: LogEntry, status: NodeStatus) -> Row:
    committed = entry.index <= status.commit_index
    cells = (entry.index, entry.term, what(entry), committed, " ".join(_holders(entry.index, status)) or None)
    return Row(cells, "" if committed else "faint")


def _holders(index: int, status: NodeStatus) -> list[ServerId]:
    """The nodes that are known to hold the entry; only a leader knows of others."""
    if status.role != "leader":
        return []
    return sorted([status.server_id, *(peer.server_id for peer in status.peers if peer.match_index >= index)])


def what(entry: LogEntry) -> str:
    """The entry in words: a command as it was typed, anything else in brackets."""
    match entry.kind:
        case "command":
            text = _command(entry.data)
        case "configuration":
            text = f"(configuration: {' '.join(Configuration.decode(entry.data).ids)})"
        case _:
            text = f"({entry.kind})"
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def _command(data: bytes) -> str:
    try:
        return " ".join(as_word(arg[: 4 * _MOST_CHARACTERS]) for arg in codec.decode(data))
    except CommandError as error:
        return f"({error})"


def _sentence(status: NodeStatus, entries: list[LogEntry], last: int) -> str:
    """What the log of this node is, and how to see what was left out."""
    seen = f"{status.server_id}, {status.role} of term {status.current_term}"
    told = f"{seen}: {status.last_index} entries, committed through {status.commit_index}"
    if entries and entries[-1].index < last:
        told += f"; the next with LOG {status.server_id} {entries[-1].index + 1}.."
    return told
