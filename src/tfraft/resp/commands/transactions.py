"""MULTI, EXEC, DISCARD, WATCH and UNWATCH: a transaction is one entry of the log, executed in one piece or not at all.

WATCH asks for the versions of its keys, and EXEC sends them along: whether a key has changed is decided where the
transaction is applied, and so on all servers alike.
"""

from functools import partial

from tfraft.core.requests import ClientQuery, ClientRequest
from tfraft.resp.caller import Caller, Queued, Transaction
from tfraft.resp.command import Ask, ConnectionCommand, Order
from tfraft.resp.resp2 import NIL_ARRAY, end_of_reply
from tfraft.store import codec, replies
from tfraft.store.transactions import transaction as words_of

_ABORTED = b"-EXECABORT Transaction discarded because of previous errors.\r\n"
_WRONG_ARITY = b"-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' command\r\n"


def multi(caller: Caller, args: list[bytes]) -> bytes:
    """MULTI: afterwards commands are queued until EXEC or DISCARD."""
    if caller.transaction is not None:
        return b"-ERR MULTI calls can not be nested\r\n"
    caller.transaction = Transaction()
    return replies.OK


def discard(caller: Caller, args: list[bytes]) -> bytes:
    """DISCARD: afterwards there is no transaction, and nothing is watched."""
    if caller.transaction is None:
        return b"-ERR DISCARD without MULTI\r\n"
    caller.transaction = None
    caller.unwatch()
    return replies.OK


def exec_(caller: Caller, args: list[bytes]) -> bytes | Ask:
    """EXEC: execute the transaction; nil if a watched key has changed."""
    if len(args) > 1:
        caller.transaction = None
        caller.unwatch()
        return _WRONG_ARITY
    return execute(caller, ClientRequest(b""))


def execute(caller: Caller, request: ClientRequest) -> bytes | Ask:
    """Execute the transaction of `caller`, in the session that `request` names, if any."""
    transaction, watched, watch_failed = caller.transaction, list(caller.watched.items()), caller.watch_failed
    if transaction is None:
        return b"-ERR EXEC without MULTI\r\n"
    caller.transaction = None
    caller.unwatch()
    if transaction.is_spoiled or watch_failed:
        return _ABORTED
    commands = [queued.encoded for queued in transaction.commands if queued.encoded]
    then = partial(_reply, transaction.commands, NIL_ARRAY if caller.in_resp2 else replies.NIL)
    if not commands and not watched and not request.client_id:
        return then(replies.array([]))
    encoded = codec.encode(words_of(watched, commands))
    if transaction.only_reads and not request.client_id:
        return Ask(ClientQuery(encoded), then, lambda: replies.NIL)
    in_log = ClientRequest(encoded, request.client_id, request.sequence_num, request.lowest_unanswered)
    return Ask(in_log, then, lambda: replies.NIL)


def _reply(commands: list[Queued], nil: bytes, reply: bytes) -> bytes:
    """The reply to EXEC: that of the store, with the replies of what is not its own put where they belong."""
    if reply == replies.NIL:
        return nil
    if not reply.startswith(b"*") or all(queued.encoded for queued in commands):
        return reply
    parts = []
    at = reply.index(b"\n") + 1
    for queued in commands:
        if queued.answer is not None:
            parts.append(queued.answer())
        elif at < len(reply):  # A session may answer with what an earlier, shorter transaction gave.
            end = end_of_reply(reply, at)
            parts.append(reply[at:end])
            at = end
    return replies.array(parts)


def watch(caller: Caller, args: list[bytes]) -> bytes | Ask:
    """WATCH: afterwards EXEC gives nil if one of the keys changes before it."""
    if caller.transaction is not None:
        return b"-ERR WATCH inside MULTI is not allowed\r\n"
    keys = args[1:]
    query = ClientQuery(codec.encode([b"TF.VERSIONS", *keys]))
    return Ask(query, partial(_watched, caller, keys), lambda: replies.OK)


def _watched(caller: Caller, keys: list[bytes], reply: bytes) -> bytes:
    versions = replies.parse(reply)
    if not isinstance(versions, list):
        caller.watch_failed = True  # EXEC must not do what the client wanted to be sure of.
        return reply
    for key, version in zip(keys, versions, strict=True):
        assert isinstance(version, int), "TF.VERSIONS gives numbers"
        caller.watched.setdefault(key, version)
    return replies.OK


def unwatch(caller: Caller, args: list[bytes]) -> bytes:
    """UNWATCH: afterwards no key is watched."""
    caller.unwatch()
    return replies.OK


COMMANDS = (
    ConnectionCommand("MULTI", "MULTI", "Begin a transaction.", "transactions", multi, in_transaction=True),
    ConnectionCommand(
        name="EXEC",
        usage="EXEC",
        summary="Execute the transaction as one, unless a watched key has changed.",
        group="transactions",
        run=exec_,
        max_args=None,  # Its own text, which says that the transaction is gone.
        order=Order.WRITE,
        in_transaction=True,
    ),
    ConnectionCommand("DISCARD", "DISCARD", "Forget the transaction.", "transactions", discard, in_transaction=True),
    ConnectionCommand(
        name="WATCH",
        usage="WATCH key [key …]",
        summary="Let the next transaction do nothing if one of these keys changes before it.",
        group="transactions",
        run=watch,
        min_args=1,
        max_args=None,
        order=Order.READ,
        has_keys=True,
        in_transaction=True,
    ),
    ConnectionCommand("UNWATCH", "UNWATCH", "Watch no key any more.", "transactions", unwatch),
)
