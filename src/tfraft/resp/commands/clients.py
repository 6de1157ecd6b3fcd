"""CLIENT LIST, CLIENT INFO and CLIENT KILL: who is connected, and how to be rid of them."""

import re
from collections.abc import Callable, Iterable

from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand
from tfraft.store import replies

_ID = re.compile(rb"[1-9][0-9]{0,18}")
_TYPES = (b"NORMAL", b"MASTER", b"REPLICA", b"SLAVE", b"PUBSUB")

Filter = Callable[[Caller], bool]


def verbatim(text: str) -> bytes:
    """A text for people."""
    encoded = text.encode()
    return b"=%d\r\ntxt:%b\r\n" % (len(encoded) + 4, encoded)


def info(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT INFO: the line of CLIENT LIST for this connection."""
    return verbatim(_line(caller) + "\n")


def list_(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT LIST: a line for each connection, or for those of a type, or with these numbers."""
    shown: Iterable[Caller] = caller.hub.callers.values()
    options = args[2:]
    if len(options) == 2 and options[0].upper() == b"TYPE":
        if options[1].upper() not in _TYPES:
            return replies.error(b"ERR Unknown client type '%b'" % options[1])
        shown = shown if options[1].upper() == b"NORMAL" else ()
    elif len(options) > 1 and options[0].upper() == b"ID":
        if not all(map(_ID.fullmatch, options[1:])):
            return b"-ERR Invalid client ID\r\n"
        found = (caller.hub.callers.get(int(option)) for option in options[1:])
        shown = [one for one in found if one is not None]
    elif options:
        return replies.SYNTAX_ERROR
    return verbatim("".join(_line(one) + "\n" for one in shown))


def _line(caller: Caller) -> str:
    now_s, identity, transaction = caller.hub.loop.time(), caller.identity, caller.transaction
    fields = {
        "id": identity.caller_id,
        "addr": identity.address,
        "laddr": identity.local_address,
        "name": caller.name.decode(),
        "age": int(now_s - identity.connected_at_s),
        "idle": int(now_s - caller.last_heard_s),
        "flags": "N" if transaction is None else "x",
        "db": 0,
        "sub": 0,
        "psub": 0,
        "multi": -1 if transaction is None else len(transaction.commands),
        "oll": len(caller.row),
        "omem": caller.row.unsent_bytes,
        "cmd": caller.last_command.lower(),
        "user": "default",
        "redir": -1,
        "resp": 2 if caller.in_resp2 else 3,
        "lib-name": identity.library.get(b"LIB-NAME", b"").decode(),
        "lib-ver": identity.library.get(b"LIB-VER", b"").decode(),
    }
    return " ".join(f"{name}={value}" for name, value in fields.items())


def kill(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT KILL: afterwards the connection at this address is gone; or all that the filters choose: how many."""
    if len(args) == 3:
        address = args[2].decode(errors="replace")
        found = [one for one in caller.hub.callers.values() if one.identity.address == address]
        if not found:
            return b"-ERR No such client\r\n"
        _end(caller, found)
        return replies.OK
    filters = _filters(caller, args[2:])
    if isinstance(filters, bytes):
        return filters
    found = [one for one in caller.hub.callers.values() if all(chosen(one) for chosen in filters)]
    _end(caller, found)
    return replies.integer(len(found))


def _end(caller: Caller, found: list[Caller]) -> None:
    for one in found:
        if one is caller:
            caller.leave()  # It still gets the reply.
        else:
            one.hang_up()


def _filters(caller: Caller, options: list[bytes]) -> list[Filter] | bytes:
    """What chooses the connections to end; or the error reply."""
    if len(options) % 2:
        return replies.SYNTAX_ERROR
    filters: list[Filter] = []
    may_end_caller = False
    for name, value in zip(options[::2], options[1::2], strict=True):
        if name.upper() == b"SKIPME":
            if value.upper() not in (b"YES", b"NO"):
                return replies.SYNTAX_ERROR
            may_end_caller = value.upper() == b"NO"
            continue
        chosen = _filter(name.upper(), value)
        if isinstance(chosen, bytes):
            return chosen
        filters.append(chosen)
    return filters if may_end_caller else [*filters, lambda one: one is not caller]


def _filter(name: bytes, value: bytes) -> Filter | bytes:
    text = value.decode(errors="replace")
    match name:
        case b"ID":
            if not _ID.fullmatch(value):
                return b"-ERR client-id should be greater than 0\r\n"
            return lambda one: one.identity.caller_id == int(value)
        case b"TYPE":
            if value.upper() not in _TYPES:
                return replies.error(b"ERR Unknown client type '%b'" % value)
            return lambda one: value.upper() == b"NORMAL"
        case b"ADDR":
            return lambda one: one.identity.address == text
        case b"LADDR":
            return lambda one: one.identity.local_address == text
        case b"USER":
            return (lambda one: True) if value == b"default" else replies.error(b"ERR No such user '%b'" % value)
        case _:
            return replies.SYNTAX_ERROR


COMMANDS = (
    ConnectionCommand("CLIENT|INFO", "CLIENT INFO", "All that is known of this connection.", "connection", info),
    ConnectionCommand(
        name="CLIENT|LIST",
        usage="CLIENT LIST [TYPE type | ID id …]",
        summary="All that is known of each connection.",
        group="connection",
        run=list_,
        max_args=None,
    ),
    ConnectionCommand(
        name="CLIENT|KILL",
        usage="CLIENT KILL (address | option value …)",
        summary="End connections, chosen by ID, TYPE, ADDR, LADDR, USER, SKIPME.",
        group="connection",
        run=kill,
        min_args=1,
        max_args=None,
    ),
)
