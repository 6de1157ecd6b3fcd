"""Transactions: commands that are executed one after another as one entry of the log (MULTI, EXEC and WATCH).

    TF.EXEC <number of watched keys> key version … command …

A server sends it for a client, who sent the commands one by one; each stands in it as `codec` encodes it. If a watched
key has another version than `TF.VERSIONS` gave, nothing is executed and the reply is nil; else it is the replies of all
commands, errors among them.
"""

from collections.abc import Callable

from tfraft.errors import CommandError
from tfraft.store import codec, replies
from tfraft.store.command import ALL_KEYS, Command, Run
from tfraft.store.database import Database
from tfraft.store.numbers import parse_integer

_NAME = b"TF.EXEC"

Resolve = Callable[[list[bytes]], Command | bytes]


def versions(database: Database, args: list[bytes]) -> bytes:
    """TF.VERSIONS: the version of each key, to watch it."""
    return replies.array([replies.integer(database.version_of(key)) for key in args[1:]])


def transaction(watched: list[tuple[bytes, int]], commands: list[bytes]) -> list[bytes]:
    """The words of TF.EXEC for keys with the versions they must have, and for encoded commands."""
    pairs = [word for key, version in watched for word in (key, b"%d" % version)]
    return [_NAME, b"%d" % len(watched), *pairs, *commands]


def commands(resolve: Resolve, run: Run) -> tuple[Command, ...]:
    """The commands of this module. `resolve` finds the command that some words are, and `run` runs it."""
    return (
        Command(
            name=_NAME.decode(),
            usage="TF.EXEC number-of-watched [key version …] [command …]",
            summary="Execute commands as one, unless a watched key has changed.",
            example="TF.EXEC 0",
            group="key",
            writes=True,
            min_args=1,
            max_args=None,
            run=lambda database, args: _execute(database, args, run),
            keys=None,
            internal=True,
            is_read=lambda args: _is_read(args, resolve),
            uses_time=True,
        ),
        Command(
            name="TF.VERSIONS",
            usage="TF.VERSIONS key [key …]",
            summary="The versions of keys, to watch them.",
            example="TF.VERSIONS greeting",
            group="key",
            writes=False,
            min_args=1,
            max_args=None,
            run=versions,
            keys=ALL_KEYS,
            internal=True,
        ),
    )


def _execute(database: Database, args: list[bytes], run: Run) -> bytes:
    try:
        watched, commands = _parse(args)
    except CommandError as error:
        return replies.error(b"ERR " + str(error).encode())
    if any(version != b"%d" % database.version_of(key) for key, version in watched):
        return replies.NIL
    return replies.array([run(database, command) for command in commands])


def _is_read(args: list[bytes], resolve: Resolve) -> bool:
    """Whether nothing in it writes, whatever the state."""
    try:
        _, commands = _parse(args)
    except CommandError:
        return True
    found = map(resolve, commands)
    return not any(isinstance(command, Command) and command.writes for command in found)


def _parse(args: list[bytes]) -> tuple[list[tuple[bytes, bytes]], list[list[bytes]]]:
    """The watched keys with their versions, and the commands. Raises CommandError where there are no such."""
    count = parse_integer(args[1])
    if count is None or not 0 <= 2 * count <= len(args) - 2:
        raise CommandError(f"a transaction of {len(args)} words cannot have {args[1][:20]!r} watched keys")
    end = 2 + 2 * count
    commands = [codec.decode(command) for command in args[end:]]
    if any(command[0].upper() == _NAME for command in commands):
        raise CommandError("a transaction cannot be in a transaction")
    return list(zip(args[2:end:2], args[3:end:2], strict=True)), commands
