"""What clients may send to the store, and what of it writes."""

from tfraft.errors import CommandError
from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.commands import SHORT_BYTES, check_limits, resolve


def check(args: list[bytes]) -> Command | bytes:
    """The command of the store to run for `args`; or the error reply, if there is none or it is too long."""
    found = resolve(args)
    if isinstance(found, bytes):
        return found
    if found.internal:
        return replies.unknown_command(args)
    if sum(map(len, args)) > SHORT_BYTES:
        try:
            check_limits(args)
        except CommandError as error:
            return replies.error(b"ERR " + str(error).encode())
    return found


def is_write(command: Command, args: list[bytes]) -> bool:
    """Whether `args`, which is this command, may change something."""
    return command.writes and not (command.is_read is not None and command.is_read(args))
