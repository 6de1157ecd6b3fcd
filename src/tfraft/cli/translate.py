"""From the words of a line to a command of the store, or to a sentence that says what to type instead."""

from tfraft.errors import CommandError
from tfraft.record import record
from tfraft.store import Command, check_limits, colon_pairs
from tfraft.store.commands import find

IN_QUOTES = '(words that belong together go in quotes: "two words")'


@record
class StoreCommand:
    """A command as the store takes it: `args` are its name in capitals and as many arguments as it needs."""

    command: Command
    args: list[bytes]

    @property
    def name(self) -> str:
        """The name in capitals."""
        return self.command.name

    @property
    def keys(self) -> list[bytes]:
        """The keys that the command names."""
        return [self.args[position] for position in self.command.key_positions(len(self.args))]


def to_store_command(words: list[bytes]) -> StoreCommand | None:
    """The command that these words make; None if the first of them names no command.

    Raises CommandError for a number of arguments that it does not take, and for what is over a limit."""
    command = find(words)
    if command is None:
        return None
    args = colon_pairs([words[0].upper(), *words[1:]])
    if not command.takes(len(args) - 1):
        raise CommandError(arity_error(command, len(args) - 1))
    check_limits(args)
    return StoreCommand(command, args)


def arity_error(command: Command, count: int) -> str:
    """What to say where `command` was given `count` arguments."""
    match command.usage.split("[")[0].split()[1:]:
        case [only]:
            rule = f"requires a {only} argument"
        case [*most, last]:
            rule = f"requires {', '.join(most)} and {last} arguments"
        case _:
            rule = "takes no arguments"
    too_many = command.max_args is not None and count > command.max_args > 0
    advice = f"   {IN_QUOTES}" if too_many else ""
    return f"{command.name} command {rule}, not {count}. Usage: {command.usage}{advice}"
