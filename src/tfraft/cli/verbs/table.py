"""The table of verbs; prompt, HELP and completion know of them from here."""

from tfraft.cli.verb import Context, Verb
from tfraft.cli.verbs import faults, help, leading, log, membership, nodes, reading, status
from tfraft.errors import CommandError


async def verbose(context: Context, args: list[str]) -> None:
    """Show the events of all nodes as they happen, or do so no more."""
    match args[0].lower():
        case "on":
            context.verbose = True
            context.output.say("from now on you see what each node does, and why.")
        case "off":
            context.verbose = False
            context.output.say("quiet again.")
        case _:
            raise CommandError("VERBOSE is on or off: VERBOSE on")


async def leave(context: Context, args: list[str]) -> None:
    """End the session."""
    context.ended = True


_ALL = (
    Verb(
        "STATUS",
        "STATUS",
        "How each node stands, and whether there is a quorum.",
        "STATUS",
        status.status,
        changes=False,
    ),
    Verb(
        "LOG",
        "LOG [node] [first..last]",
        "The entries of a node's log, and which are committed; the leader's by default.",
        "LOG n1 5..9",
        log.log,
        max_args=2,
        takes_nodes=True,
        changes=False,
    ),
    Verb(
        "ADD",
        "ADD [node] [LEARNER]",
        "Start a new node and make it a voter, or a learner without a vote.",
        "ADD n4",
        membership.add,
        max_args=2,
        words=("LEARNER",),
    ),
    Verb(
        "REMOVE",
        "REMOVE node",
        "Take a node's vote, then stop it.",
        "REMOVE n4",
        membership.remove,
        min_args=1,
        max_args=1,
        takes_nodes=True,
        asks_first=True,
    ),
    Verb(
        "CHANGE",
        "CHANGE node,…",
        "Let these nodes vote, and no others, in one step; new ones are started.",
        "CHANGE n1,n4,n5",
        membership.change,
        min_args=1,
        max_args=None,
        takes_nodes=True,
        asks_first=True,
    ),
    Verb(
        "UPDATE",
        "UPDATE node address",
        "Tell all nodes where a node is reached from now on.",
        "UPDATE n2 127.0.0.1:7002",
        membership.update,
        min_args=2,
        max_args=2,
        takes_nodes=True,
    ),
    Verb(
        "TRANSFER",
        "TRANSFER [node]",
        "Let another node lead; without a name the one whose log is furthest.",
        "TRANSFER n2",
        leading.transfer,
        max_args=1,
        takes_nodes=True,
    ),
    Verb(
        "STOP",
        "STOP node",
        "Stop a node in good order.",
        "STOP n2",
        nodes.stop,
        min_args=1,
        max_args=1,
        takes_nodes=True,
    ),
    Verb(
        "START",
        "START node",
        "Start a node again, from what it saved.",
        "START n2",
        nodes.start,
        min_args=1,
        max_args=1,
        takes_nodes=True,
    ),
    Verb(
        "RESTART",
        "RESTART node",
        "Stop a node and start it again, from what it saved.",
        "RESTART n2",
        nodes.restart,
        min_args=1,
        max_args=1,
        takes_nodes=True,
    ),
    Verb(
        "KILL",
        "KILL node",
        "End a node at once, as kill -9 does.",
        "KILL n2",
        nodes.kill,
        min_args=1,
        max_args=1,
        takes_nodes=True,
        asks_first=True,
    ),
    Verb(
        "PARTITION",
        "PARTITION node,… | node,…",
        "Cut the network between groups of nodes.",
        "PARTITION n1,n2 | n3",
        faults.partition,
        min_args=1,
        max_args=None,
        takes_nodes=True,
    ),
    Verb("HEAL", "HEAL", "Undo every PARTITION and SLOW.", "HEAL", faults.heal),
    Verb(
        "SLOW",
        "SLOW node ms",
        "Delay all messages to and from a node; 0 ends it.",
        "SLOW n2 200",
        faults.slow,
        min_args=2,
        max_args=2,
        takes_nodes=True,
    ),
    Verb(
        "CONSISTENCY",
        "CONSISTENCY [linearizable|lease|follower|stale seconds]",
        "What reads may miss from now on; without a word, what it is now.",
        "CONSISTENCY stale 5s",
        reading.consistency,
        max_args=2,
        words=reading.NAMES,
        changes=False,
    ),
    Verb(
        "VERBOSE",
        "VERBOSE on|off",
        "Show what each node does, and why, as it happens.",
        "VERBOSE on",
        verbose,
        min_args=1,
        max_args=1,
        words=("on", "off"),
        changes=False,
    ),
    Verb(
        "HELP",
        "HELP [command]",
        "This list, or all about one command.",
        "HELP HSET",
        help.help_,
        max_args=1,
        changes=False,
    ),
    Verb("EXIT", "EXIT", "Stop all nodes and leave; so do QUIT and Ctrl-D.", "EXIT", leave, changes=False),
    Verb("QUIT", "QUIT", "The same as EXIT.", "QUIT", leave, changes=False),
)

VERBS: dict[str, Verb] = {verb.name: verb for verb in _ALL}
