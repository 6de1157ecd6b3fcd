"""What is looked at before a command leaves the client: that there is such a command, and that it is not too long."""

from collections.abc import Sequence
from typing import Final

from tfraft.errors import CommandError
from tfraft.record import record
from tfraft.store import codec, replies
from tfraft.store.commands import MAX_COMMAND_BYTES, check_limits, resolve
from tfraft.store.replies import ErrorReply, parse

_NO_WORDS: Final = "a command needs a name"


@record
class Prepared:
    """A command as it travels, and whether it goes through the log."""

    encoded: bytes
    writes: bool


def prepare(args: Sequence[bytes]) -> Prepared:
    """The command of these words. Raises CommandError where it is none, is not well-formed or is too long."""
    words = list(args)
    if not words:
        raise CommandError(_NO_WORDS)
    check_limits(words)
    command = resolve(words)
    if isinstance(command, bytes):
        raise command_error(command)
    if command.internal:
        raise command_error(replies.unknown_command(words))
    writes = command.writes and not (command.is_read is not None and command.is_read(words))
    return Prepared(codec.encode(words), writes)


def prepare_transaction(words: list[bytes], *, writes: bool) -> Prepared:
    """The same for the words of a transaction, whose commands are prepared already."""
    encoded = codec.encode(words)
    if len(encoded) > MAX_COMMAND_BYTES:
        raise CommandError(f"a transaction may have at most {MAX_COMMAND_BYTES:,} bytes, this one has {len(encoded):,}")
    return Prepared(encoded, writes)


def command_error(reply: bytes) -> CommandError:
    """The error that an error reply of the store tells of."""
    error = parse(reply)
    assert isinstance(error, ErrorReply), "a command is refused with an error"
    return CommandError(f"{error.code} {error.message}")
