"""The table of commands: what the store executes, and what prompt, HELP, README and servers know of it.

Besides it stand the limits on what is taken in.
"""

from tfraft.errors import CommandError
from tfraft.store import expiry, hashes, keys, keyspace, objects, replies, scanning, sets, strings, transactions
from tfraft.store.command import Command
from tfraft.store.database import Database
from tfraft.store.values import MAX_KEY_BYTES, MAX_VALUE_BYTES

MAX_COMMAND_BYTES = 2 * MAX_VALUE_BYTES
SHORT_BYTES = min(MAX_KEY_BYTES, MAX_VALUE_BYTES)
"""A command of so many bytes in all keeps all limits, whatever they are in it."""

_ALL = (
    *strings.COMMANDS,
    *keys.COMMANDS,
    *expiry.COMMANDS,
    *keyspace.COMMANDS,
    *scanning.COMMANDS,
    *objects.COMMANDS,
    *hashes.COMMANDS,
    *sets.COMMANDS,
)

COMMANDS: dict[bytes, Command] = {command.name.encode(): command for command in _ALL}
"""All commands that clients may send, by name."""


def find(args: list[bytes]) -> Command | None:
    """The command that `args`, its name in any case and arguments, begins with; None if there is none."""
    name = args[0].upper()
    command = _ONE_WORD.get(name)
    if command is None and name in _TWO_WORDS and len(args) > 1:
        return _TWO_WORDS[name].get(args[1].upper())
    return command


def resolve(args: list[bytes]) -> Command | bytes:
    """The command to run for `args`, its name and arguments; or the error reply, if they are none."""
    command = _ONE_WORD.get(args[0]) or find(args)  # Without the second call where the name is in capitals.
    if command is None:
        return _not_found(args)
    count = len(args) - 1
    # Most come with no more than they must, which needs no call to see.
    return command if count == command.min_args or command.takes(count) else replies.wrong_arity(command.name)


def run(database: Database, args: list[bytes]) -> bytes:
    """Run the command that `args` is; the reply, which is an error if they are none."""
    command = resolve(args)
    return command if isinstance(command, bytes) else command.run(database, args)


def _not_found(args: list[bytes]) -> bytes:
    if args[0].upper() not in _TWO_WORDS:
        return replies.unknown_command(args)
    return replies.unknown_subcommand(args) if len(args) > 1 else replies.wrong_arity(args[0].decode())


_ONE_WORD = {
    command.name.encode(): command
    for command in (*_ALL, *transactions.commands(resolve, run))
    if " " not in command.name
}
_TWO_WORDS: dict[bytes, dict[bytes, Command]] = {}
for _name, _command in COMMANDS.items():
    if b" " in _name:
        _first, _second = _name.split()
        _TWO_WORDS.setdefault(_first, {})[_second] = _command


def check_limits(args: list[bytes], max_value_bytes: int = MAX_VALUE_BYTES) -> None:
    """Raise CommandError, stating the limit, for a key, a value or a whole command that is too long.

    Only the edge that takes a command in calls this: an entry of the log is applied whatever its size, or
    servers with different limits would differ in state."""
    if sum(map(len, args)) <= min(MAX_KEY_BYTES, max_value_bytes):
        return
    command = find(args)
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
