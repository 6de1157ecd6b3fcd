"""The table of commands: what the store executes, and what prompt, HELP, README and servers know of it.

Besides it stand the limits on what is taken in.
"""

from tfraft.errors import CommandError
from tfraft.store import hashes, keys, replies, sets, strings
from tfraft.store.command import Command
from tfraft.store.values import MAX_KEY_BYTES, MAX_VALUE_BYTES

MAX_COMMAND_BYTES = 2 * MAX_VALUE_BYTES

_ALL = (*strings.COMMANDS, *keys.COMMANDS, *hashes.COMMANDS, *sets.COMMANDS)

COMMANDS: dict[bytes, Command] = {command.name.encode(): command for command in _ALL}


def find(name: bytes) -> Command | None:
    """The command of this name in any case, or None."""
    return COMMANDS.get(name) or COMMANDS.get(name.upper())


def resolve(args: list[bytes]) -> Command | bytes:
    """The command to run for `args`, its name and arguments; or the error reply, if they are none."""
    command = COMMANDS.get(args[0]) or find(args[0])  # Without the second call where the name is in capitals.
    if command is None:
        return replies.unknown_command(args)
    return command if command.takes(len(args) - 1) else replies.wrong_arity(command.name)


def check_limits(args: list[bytes], max_value_bytes: int = MAX_VALUE_BYTES) -> None:
    """Raise CommandError, stating the limit, for a key, a value or a whole command that is too long.

    Only the edge that takes a command in calls this: an entry of the log is applied whatever its size, or
    servers with different limits would differ in state."""
    if sum(map(len, args)) <= min(MAX_KEY_BYTES, max_value_bytes):
        return
    command = find(args[0])
    key_positions = command.key_positions(len(args)) if command else range(0)
    for position, arg in enumerate(args):
        if position in key_positions:
            _check_length("a key", len(arg), MAX_KEY_BYTES)
        else:
            _check_length("a value", len(arg), max_value_bytes)
    _check_length("a command", sum(map(len, args)), max(MAX_COMMAND_BYTES, 2 * max_value_bytes))


def _check_length(what: str, length: int, limit: int) -> None:
    if length > limit:
        raise CommandError(f"{what} may have at most {limit:,} bytes, this one has {length:,}")
