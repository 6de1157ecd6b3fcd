"""SESSION: writes that are executed once, however often they are sent, over any number of connections (§6.3).

    SESSION OPEN                             a new session, which this connection uses: its number
    SESSION USE id                           use one that was opened before, after a new connect
    SESSION RUN seq [lowest] command …       execute the command, or give the reply that it got when it came first
    SESSION CLOSE                            end the session

A client numbers its commands; one whose outcome it does not know it sends again, with the same number. `lowest` tells
that it has the replies to all numbers below, so that they can be forgotten. RUN also takes EXEC, for a transaction.
"""

import re
from functools import partial
from typing import Final

from tfraft.core.requests import ClientRequest, RegisterClient
from tfraft.resp.caller import Caller
from tfraft.resp.command import Ask, ConnectionCommand, Order, container
from tfraft.resp.commands.transactions import execute
from tfraft.resp.for_store import check
from tfraft.store import codec, replies
from tfraft.store.numbers import NOT_AN_INTEGER

_NUMBER = re.compile(rb"[0-9]{1,20}")
_LARGEST: Final = 2**63 - 1
_CLOSING: Final = _LARGEST
"""The number of the last request of a session: whatever comes after it is refused as answered."""

_NO_SESSION: Final = b"-ERR no session: SESSION OPEN or SESSION USE comes first\r\n"
_UNFIT: Final = b"-ERR SESSION RUN takes a command of the store, or EXEC\r\n"
_IN_TRANSACTION: Final = b"-ERR within MULTI, SESSION RUN takes EXEC alone\r\n"


def open_(caller: Caller, args: list[bytes]) -> Ask:
    """SESSION OPEN: afterwards the connection uses a new session; its number."""
    return Ask(RegisterClient(), partial(_opened, caller), lambda: replies.NIL)


def _opened(caller: Caller, reply: bytes) -> bytes:
    if not reply.isdigit():
        return reply
    caller.session_id = int(reply)
    return replies.integer(caller.session_id)


def use(caller: Caller, args: list[bytes]) -> bytes:
    """SESSION USE: afterwards the connection uses this session. Whether there is one shows at its first command."""
    number = _number(args[2])
    if not number:
        return NOT_AN_INTEGER
    caller.session_id = number
    return replies.OK


def run(caller: Caller, args: list[bytes]) -> bytes | Ask:
    """SESSION RUN: the reply of the command, which is executed if this number comes for the first time."""
    words = args[4:] if _NUMBER.fullmatch(args[3]) else args[3:]  # No command has a number for a name.
    sequence_num = _number(args[2])
    lowest = _number(args[3]) if len(words) < len(args) - 3 else 0
    if not caller.session_id:
        return _NO_SESSION
    if sequence_num is None or lowest is None or sequence_num == _CLOSING:
        return NOT_AN_INTEGER
    if not words:
        return replies.wrong_arity("session|run")
    request = ClientRequest(b"", caller.session_id, sequence_num, lowest)
    if words[0].upper() == b"EXEC" and len(words) == 1:
        return execute(caller, request)
    if caller.transaction is not None:
        caller.transaction.is_spoiled = True
        return _IN_TRANSACTION
    found = check(words)
    if isinstance(found, bytes):
        return _UNFIT if found.startswith(b"-ERR unknown command") else found
    encoded = codec.encode(words)
    return Ask(
        ClientRequest(encoded, caller.session_id, sequence_num, lowest), lambda reply: reply, lambda: replies.NIL
    )


def close(caller: Caller, args: list[bytes]) -> bytes | Ask:
    """SESSION CLOSE: afterwards the session answers no request any more, and holds no replies."""
    if not caller.session_id:
        return _NO_SESSION
    last = ClientRequest(codec.encode([b"DBSIZE"]), caller.session_id, _CLOSING, _CLOSING)
    return Ask(last, partial(_closed, caller), lambda: replies.NIL)


def _closed(caller: Caller, reply: bytes) -> bytes:
    if reply.startswith(b"-") and not reply.startswith(b"-SESSIONEXPIRED"):
        return reply
    caller.session_id = 0
    return replies.OK


def _number(text: bytes) -> int | None:
    return number if _NUMBER.fullmatch(text) and (number := int(text)) <= _LARGEST else None


COMMANDS = (
    container(
        "SESSION",
        "Execute writes once, however often they are sent.",
        "connection",
        (
            ConnectionCommand(
                name="SESSION|OPEN",
                usage="SESSION OPEN",
                summary="Open a session, and use it.",
                group="connection",
                run=open_,
                order=Order.WRITE,
            ),
            ConnectionCommand(
                name="SESSION|USE",
                usage="SESSION USE id",
                summary="Use a session that was opened before.",
                group="connection",
                run=use,
                min_args=1,
                max_args=1,
            ),
            ConnectionCommand(
                name="SESSION|RUN",
                usage="SESSION RUN seq [lowest] command [arg …]",
                summary="Execute a command, or give the reply that it got when this number came first.",
                group="connection",
                run=run,
                min_args=2,
                max_args=None,
                order=Order.WRITE,
                in_transaction=True,
            ),
            ConnectionCommand(
                name="SESSION|CLOSE",
                usage="SESSION CLOSE",
                summary="End the session.",
                group="connection",
                run=close,
                order=Order.WRITE,
            ),
        ),
    ),
)
