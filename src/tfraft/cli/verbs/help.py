"""HELP: what can be typed, in two tables; or all about one command."""

from tfraft.cli.escapes import safe
from tfraft.cli.outputs import Row, Table
from tfraft.cli.suggest import unknown_command
from tfraft.cli.verb import Context, Verb
from tfraft.errors import CommandError
from tfraft.store import COMMANDS, MAX_KEY_BYTES, MAX_VALUE_BYTES, Command


async def help_(context: Context, args: list[str]) -> None:
    """Show all commands, or one with an example."""
    known: dict[str, Command | Verb] = {command.name: command for command in COMMANDS.values()}
    known.update(context.verbs)
    if not args:
        rows = [Row((one.usage, one.summary)) for one in known.values()]
        context.output.table(Table(("type", "what it does"), rows, long="what it does"))
        context.output.say('HELP command tells more. Quotes keep words together: SET greeting "hello world"')
        context.output.say(f"A key may have {MAX_KEY_BYTES:,} bytes, a value {MAX_VALUE_BYTES:,}.")
        return
    found = known.get(args[0].upper())
    if found is None:
        raise CommandError(unknown_command(safe(args[0]), {name: f"HELP {name}" for name in known}))
    for sentence in (found.usage, found.summary, f"Example: {found.example}", _more(found)):
        context.output.say(sentence)


def _more(found: Command | Verb) -> str:
    match found:
        case Command(writes=True):
            return "It writes: answered once a majority has it and the leader has applied it (§3.5)."
        case Command():
            return "It reads: answered by the leader, after a majority has confirmed that it leads (§6.4)."
        case Verb(asks_first=True):
            return "It is for the cluster, and asks first where data are kept."
        case Verb():
            return "It is for the cluster, not for the data in it."
