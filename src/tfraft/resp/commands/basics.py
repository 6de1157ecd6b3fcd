"""What a connection says of itself and of nothing else: PING, ECHO, SELECT, QUIT, RESET, TIME, DEBUG."""

import re

from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand
from tfraft.store import replies
from tfraft.store.numbers import NOT_AN_INTEGER

_NO_DEBUG = (
    b'-ERR DEBUG command not allowed. If the enable-debug-command option is set to "local", you can run it from a '
    b"local connection, otherwise you need to set this option in the configuration file, and then restart the server."
    b"\r\n"
)
_INTEGER = re.compile(rb"0|-?[1-9][0-9]{0,9}")


def ping(caller: Caller, args: list[bytes]) -> bytes:
    """PING: PONG, or its argument."""
    return replies.bulk(args[1]) if len(args) > 1 else b"+PONG\r\n"


def echo(caller: Caller, args: list[bytes]) -> bytes:
    """ECHO: its argument."""
    return replies.bulk(args[1])


def select(caller: Caller, args: list[bytes]) -> bytes:
    """SELECT: there is one database, 0."""
    if not _INTEGER.fullmatch(args[1]):
        return NOT_AN_INTEGER
    return replies.OK if args[1] == b"0" else b"-ERR DB index is out of range\r\n"


def quit_(caller: Caller, args: list[bytes]) -> bytes:
    """QUIT: afterwards nothing more is executed, and the connection ends once all replies are sent."""
    caller.leave()
    return replies.OK


def reset(caller: Caller, args: list[bytes]) -> bytes:
    """RESET: afterwards the connection is as a new one."""
    caller.reset()
    return b"+RESET\r\n"


def time(caller: Caller, args: list[bytes]) -> bytes:
    """TIME: seconds since 1970, and microseconds, by the clock of this server."""
    seconds, microseconds = divmod(caller.hub.wall_clock_us(), 1_000_000)
    return replies.array([replies.bulk(b"%d" % seconds), replies.bulk(b"%d" % microseconds)])


def debug(caller: Caller, args: list[bytes]) -> bytes:
    """DEBUG: refused, as by a Redis that was not set up for it."""
    return _NO_DEBUG


COMMANDS = (
    ConnectionCommand("PING", "PING [message]", "PONG, or the message.", "connection", ping, max_args=1),
    ConnectionCommand("ECHO", "ECHO message", "The message.", "connection", echo, min_args=1, max_args=1),
    ConnectionCommand(
        "SELECT", "SELECT index", "Use a database; there is 0 alone.", "connection", select, min_args=1, max_args=1
    ),
    ConnectionCommand("QUIT", "QUIT", "End the connection.", "connection", quit_, max_args=None, in_transaction=True),
    ConnectionCommand("RESET", "RESET", "Make the connection as a new one.", "connection", reset, in_transaction=True),
    ConnectionCommand("TIME", "TIME", "The time of this server.", "server", time),
    ConnectionCommand("DEBUG", "DEBUG subcommand [arg …]", "Refused.", "server", debug, min_args=1, max_args=None),
)
