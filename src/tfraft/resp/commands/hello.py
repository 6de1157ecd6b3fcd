"""HELLO and AUTH: the first words of a client. There are no users yet, so they go as in a Redis without a password."""

from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand
from tfraft.store import replies

REDIS_VERSION = "7.0.15"
"""The version whose commands and texts we have: clients ask for it, and use what it has."""

BAD_NAME = b"-ERR Client names cannot contain spaces, newlines or special characters.\r\n"

_PROTOCOLS = {b"2": 2, b"3": 3}
_WRONG_PASSWORD = b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"
_NO_PASSWORD = (
    b"-ERR AUTH <password> called without any password configured for the default user. "
    b"Are you sure your configuration is correct?\r\n"
)


def hello(caller: Caller, args: list[bytes]) -> bytes:
    """HELLO: afterwards the connection speaks this protocol; who we are."""
    protocol = 2 if caller.in_resp2 else 3
    if len(args) > 1:
        if not args[1].isdigit():
            return b"-ERR Protocol version is not an integer or out of range\r\n"
        if args[1] not in _PROTOCOLS:
            return b"-NOPROTO unsupported protocol version\r\n"
        protocol = _PROTOCOLS[args[1]]
    name = _options(args[2:])
    if isinstance(name, _Refusal):
        return name.reply
    if name is not None:
        caller.name = name
    caller.in_resp2 = protocol == 2
    fields = (
        *(_word("server"), _word("redis"), _word("version"), _word(REDIS_VERSION)),
        *(_word("proto"), replies.integer(protocol), _word("id"), replies.integer(caller.identity.caller_id)),
        *(_word("mode"), _word("standalone"), _word("role"), _word("master"), _word("modules"), replies.array([])),
    )
    return b"%%%d\r\n%b" % (len(fields) // 2, b"".join(fields))


class _Refusal:
    def __init__(self, reply: bytes) -> None:
        self.reply = reply


def _options(words: list[bytes]) -> bytes | _Refusal | None:
    """The name that the client gives itself; None if it gives none."""
    name: bytes | None = None
    at = 0
    while at < len(words):
        option, left = words[at].upper(), len(words) - at - 1
        if option == b"AUTH" and left >= 2:
            if words[at + 1] != b"default":
                return _Refusal(_WRONG_PASSWORD)
            at += 3
        elif option == b"SETNAME" and left >= 1:
            name = words[at + 1]
            if not is_fit(name):
                return _Refusal(BAD_NAME)
            at += 2
        else:
            return _Refusal(replies.error(b"ERR Syntax error in HELLO option '%b'" % words[at]))
    return name


def is_fit(text: bytes) -> bool:
    """Whether a client may call itself so: printable, without spaces, so that CLIENT LIST can be read."""
    return all(ord("!") <= byte <= ord("~") for byte in text)


def auth(caller: Caller, args: list[bytes]) -> bytes:
    """AUTH: there is no password to give, and one user, `default`, who needs none."""
    if len(args) > 3:
        return replies.SYNTAX_ERROR
    if len(args) == 2:
        return _NO_PASSWORD
    return replies.OK if args[1] == b"default" else _WRONG_PASSWORD


def _word(text: str) -> bytes:
    return replies.bulk(text.encode())


COMMANDS = (
    ConnectionCommand(
        name="HELLO",
        usage="HELLO [protover [AUTH username password] [SETNAME clientname]]",
        summary="Choose the protocol, and say who calls.",
        group="connection",
        run=hello,
        max_args=None,
    ),
    ConnectionCommand(
        name="AUTH",
        usage="AUTH [username] password",
        summary="Authenticate.",
        group="connection",
        run=auth,
        min_args=1,
        max_args=None,
    ),
)
