"""What is known of a command that a connection answers itself: how it is called, when it may run, and what it gives."""

from collections.abc import Callable, Mapping
from dataclasses import field
from enum import Enum
from typing import Literal

from tfraft.core.requests import ClientCall
from tfraft.record import record
from tfraft.resp.caller import Caller
from tfraft.resp.row import Then
from tfraft.store import replies

Group = Literal["connection", "server", "transactions", "cluster", "generic"]


class Order(Enum):
    """When a command may run, as to what its connection has asked for before."""

    FREE = "at once"
    READ = "as a read"
    WRITE = "when no read is open"
    LAST = "when nothing is open"


@record
class Ask:
    """A reply that a node has to be asked for; `then` makes it of the node's.

    Within a transaction the reply is that of `at_once`."""

    request: ClientCall
    then: Then
    at_once: Callable[[], bytes]


@record
class Later:
    """A reply that comes later: `start` is given the place for it. `at_once` is as above."""

    start: Callable[[Callable[[bytes], None]], None]
    at_once: Callable[[], bytes]


NOTHING = b""
"""The reply of a command that has none."""

Run = Callable[[Caller, list[bytes]], bytes | Ask | Later]


@record
class ConnectionCommand:
    """One command. Its `name` is one word, or two with a bar between them, as in CLIENT|ID.

    Arguments are counted after the name, both words of it; `max_args` is None where there is no limit. One with
    `subcommands` has no `run` of its own, unless it can do without one. What runs `in_transaction` is not queued. If it
    `has_keys`, all its arguments are."""

    name: str
    usage: str
    summary: str
    group: Group
    run: Run | None = None
    min_args: int = 0
    max_args: int | None = 0
    order: Order = Order.FREE
    in_transaction: bool = False
    has_keys: bool = False
    subcommands: Mapping[bytes, "ConnectionCommand"] = field(default_factory=dict)

    def takes(self, count: int) -> bool:
        """Whether the command can have so many arguments."""
        return self.min_args <= count and (self.max_args is None or count <= self.max_args)

    @property
    def arity(self) -> int:
        """As Redis writes it: the words with the name, and negative where there may be more."""
        words = self.min_args + 1 + ("|" in self.name)
        return words if self.max_args == self.min_args else -words


def answer_at_once(command: ConnectionCommand, caller: Caller, args: list[bytes]) -> bytes:
    """The reply of the command within a transaction, where nothing can be waited for."""
    assert command.run is not None, "resolve has seen to that"
    result = command.run(caller, args)
    return (result or replies.OK) if isinstance(result, bytes) else result.at_once()


def container(
    name: str, summary: str, group: Group, members: tuple[ConnectionCommand, ...], run: Run | None = None
) -> ConnectionCommand:
    """A command of subcommands, with a HELP that tells of them."""
    lines = [f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"]
    for member in sorted(members, key=lambda member: member.name):
        lines += [member.usage.removeprefix(name + " "), "    " + member.summary]
    lines += ["HELP", "    Print this help."]
    text = replies.array([replies.simple(line.replace("…", "...").encode()) for line in lines])
    shown = ConnectionCommand(f"{name}|HELP", f"{name} HELP", "Print this help.", group, lambda caller, args: text)
    table = {member.name.partition("|")[2].encode(): member for member in (*members, shown)}
    return ConnectionCommand(name, f"{name} subcommand", summary, group, run, 0 if run else 1, None, subcommands=table)


def find(table: Mapping[bytes, ConnectionCommand], args: list[bytes]) -> ConnectionCommand | None:
    """The command that `args` begins with, its name in any case; without regard to its subcommands."""
    return table.get(args[0]) or table.get(args[0].upper())


def resolve(command: ConnectionCommand, args: list[bytes]) -> ConnectionCommand | bytes:
    """The command or subcommand to run for `args`, which begins with the name of `command`; or the error reply."""
    count = len(args) - 1
    if command.subcommands and count:
        found = command.subcommands.get(args[1].upper())
        if found is None:
            return replies.unknown_subcommand(args)
        command, count = found, count - 1
    return command if command.takes(count) else replies.wrong_arity(command.name)
