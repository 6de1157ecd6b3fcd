"""WAIT and ROLE: how far the log has come on the other servers.

Whatever was answered is on a majority. So a server that does not lead knows of that many, and of no more.
"""

import re
from collections.abc import Callable
from functools import partial

from tfraft.node.status import NodeStatus
from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand, Later, Order
from tfraft.store import replies
from tfraft.store.numbers import NOT_AN_INTEGER

_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,17}")
_LOOK_AGAIN_S = 0.005


def holders(status: NodeStatus, index: int) -> int:
    """How many servers besides the leader surely have the log up to `index`, which is committed."""
    if status.peers:
        return sum(peer.match_index >= index for peer in status.peers)
    return len(status.voters) // 2


def wait(caller: Caller, args: list[bytes]) -> bytes | Later:
    """WAIT: how many servers besides the leader have all that was written before, as soon as there are as many."""
    if not _INTEGER.fullmatch(args[1]):
        return NOT_AN_INTEGER
    if not _INTEGER.fullmatch(args[2]):
        return b"-ERR timeout is not an integer or out of range\r\n"
    wanted, timeout_ms = int(args[1]), int(args[2])
    if timeout_ms < 0:
        return b"-ERR timeout is negative\r\n"
    status = caller.hub.gateway.status()
    index = status.commit_index
    count = holders(status, index)
    if count >= wanted or caller.transaction is not None:
        return replies.integer(count)
    if not status.peers and not timeout_ms:
        return replies.integer(count)  # It could learn of no more, and wait for ever.
    deadline_s = caller.hub.loop.time() + timeout_ms / 1000 if timeout_ms else None
    start = partial(_look, caller, index, wanted, deadline_s)
    return Later(start, lambda: replies.integer(holders(caller.hub.gateway.status(), index)))


def _look(caller: Caller, index: int, wanted: int, deadline_s: float | None, fill: Callable[[bytes], None]) -> None:
    count = holders(caller.hub.gateway.status(), index)
    loop = caller.hub.loop
    is_over = deadline_s is not None and loop.time() >= deadline_s
    if count >= wanted or is_over or caller.is_leaving:
        fill(replies.integer(count))
    else:
        loop.call_later(_LOOK_AGAIN_S, _look, caller, index, wanted, deadline_s, fill)


def role(caller: Caller, args: list[bytes]) -> bytes:
    """ROLE: master, on each server, since each takes writes; how far its log is, and that of the others."""
    status = caller.hub.gateway.status()
    others = []
    for peer in status.peers:
        host, _, port = {**status.voters, **status.learners}.get(peer.server_id, "").rpartition(":")
        words = (host, port, str(peer.match_index))
        others.append(replies.array([replies.bulk(word.encode()) for word in words]))
    return replies.array([replies.bulk(b"master"), replies.integer(status.commit_index), replies.array(others)])


COMMANDS = (
    ConnectionCommand(
        name="WAIT",
        usage="WAIT numreplicas timeout",
        summary="Wait until so many other servers have all that was written before.",
        group="generic",
        run=wait,
        min_args=2,
        max_args=2,
        order=Order.LAST,
    ),
    ConnectionCommand("ROLE", "ROLE", "The role of this server in replication.", "server", role),
)
