"""CLIENT: what a connection tells of itself, and what it wants to know of itself."""

from tfraft.resp.caller import Caller, ReplyMode
from tfraft.resp.command import NOTHING, ConnectionCommand, container
from tfraft.resp.commands.clients import COMMANDS as OF_OTHERS
from tfraft.resp.commands.hello import BAD_NAME, is_fit
from tfraft.store import replies

_LIBRARY = (b"LIB-NAME", b"LIB-VER")


def get_id(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT ID: the number of this connection, which no other has or had."""
    return replies.integer(caller.identity.caller_id)


def getname(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT GETNAME: the name, or nil."""
    return replies.bulk(caller.name) if caller.name else replies.NIL


def setname(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT SETNAME: afterwards CLIENT LIST shows this name; an empty one is none."""
    if not is_fit(args[2]):
        return BAD_NAME
    caller.name = args[2]
    return replies.OK


def setinfo(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT SETINFO: afterwards CLIENT LIST shows the client's library, or its version."""
    option = args[2].upper()
    if option not in _LIBRARY:
        return replies.error(b"ERR Unrecognized option '%b'" % args[2])
    if not is_fit(args[3]):
        return replies.error(b"ERR %b cannot contain spaces, newlines or special characters." % option.lower())
    caller.identity.library[option] = args[3]
    return replies.OK


def reply(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT REPLY: afterwards commands are answered, or not, or the next one is not."""
    match args[2].upper():
        case b"ON":
            caller.reply_mode = ReplyMode.ON
            return replies.OK
        case b"OFF":
            caller.reply_mode = ReplyMode.OFF
        case b"SKIP":
            if caller.reply_mode is ReplyMode.ON:
                caller.reply_mode = ReplyMode.SKIP_NEXT
        case _:
            return replies.SYNTAX_ERROR
    return NOTHING


def on_or_off(caller: Caller, args: list[bytes]) -> bytes:
    """CLIENT NO-EVICT, CLIENT NO-TOUCH: taken, and without effect, since no client and no key is ever evicted."""
    return replies.OK if args[2].upper() in (b"ON", b"OFF") else replies.SYNTAX_ERROR


COMMANDS = (
    container(
        "CLIENT",
        "About the connections of clients.",
        "connection",
        (
            ConnectionCommand("CLIENT|ID", "CLIENT ID", "The number of this connection.", "connection", get_id),
            ConnectionCommand("CLIENT|GETNAME", "CLIENT GETNAME", "Its name.", "connection", getname),
            ConnectionCommand("CLIENT|SETNAME", "CLIENT SETNAME name", "Name it.", "connection", setname, 1, 1),
            ConnectionCommand(
                name="CLIENT|SETINFO",
                usage="CLIENT SETINFO (LIB-NAME name | LIB-VER version)",
                summary="Tell which library calls.",
                group="connection",
                run=setinfo,
                min_args=2,
                max_args=2,
            ),
            ConnectionCommand(
                name="CLIENT|REPLY",
                usage="CLIENT REPLY (ON | OFF | SKIP)",
                summary="Say which commands are answered.",
                group="connection",
                run=reply,
                min_args=1,
                max_args=1,
            ),
            ConnectionCommand(
                name="CLIENT|NO-EVICT",
                usage="CLIENT NO-EVICT (ON | OFF)",
                summary="Without effect: no client is ever evicted.",
                group="connection",
                run=on_or_off,
                min_args=1,
                max_args=1,
            ),
            ConnectionCommand(
                name="CLIENT|NO-TOUCH",
                usage="CLIENT NO-TOUCH (ON | OFF)",
                summary="Without effect: no key is ever evicted.",
                group="connection",
                run=on_or_off,
                min_args=1,
                max_args=1,
            ),
            *OF_OTHERS,
        ),
    ),
)
