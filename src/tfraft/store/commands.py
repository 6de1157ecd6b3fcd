"""The table of commands: what the store executes, and what prompt, HELP, README and servers know of it.

Besides it stand the limits on what is taken in.
"""

from collections.abc import Callable
from typing import Literal

from tfraft.errors import CommandError
from tfraft.record import record
from tfraft.store import hashes, keys, replies, sets, strings
from tfraft.store.database import Database
from tfraft.store.values import MAX_KEY_BYTES, MAX_VALUE_BYTES

MAX_COMMAND_BYTES = 2 * MAX_VALUE_BYTES

Group = Literal["string", "hash", "set", "key"]
Run = Callable[[Database, list[bytes]], bytes]


@record
class KeyPositions:
    """Where keys stand in a command, as Redis counts: the name is 0, a `last` of -1 is the last argument."""

    first: int
    last: int
    step: int


ONE_KEY = KeyPositions(first=1, last=1, step=1)
ALL_KEYS = KeyPositions(first=1, last=-1, step=1)


@record
class Command:
    """One command, to show and to run.

    `group` is the type that the command needs, `key` if any will do. Arguments are counted without the name;
    those beyond `min_args` come `args_step` at a time; `max_args` is None where there is no limit. `run` is
    called with as many as the command `takes`; it is total and deterministic."""

    name: str
    usage: str
    summary: str
    example: str
    group: Group
    writes: bool
    min_args: int
    max_args: int | None
    run: Run
    keys: KeyPositions | None = ONE_KEY
    args_step: int = 1

    def takes(self, count: int) -> bool:
        """Whether the command can have so many arguments."""
        beyond = count - self.min_args
        if beyond <= 0:
            return beyond == 0  # No more to ask in the usual case.
        return beyond % self.args_step == 0 and (self.max_args is None or count <= self.max_args)

    def key_positions(self, length: int) -> range:
        """The places of the keys in a command of `length` words, its name included."""
        if self.keys is None:
            return range(0)
        end = length if self.keys.last < 0 else min(self.keys.last + 1, length)
        return range(self.keys.first, end, self.keys.step)


_ALL = (
    Command(
        name="SET",
        usage="SET key value",
        summary="Store a string under a key, in place of whatever is there.",
        example='SET greeting "hello world"',
        group="string",
        writes=True,
        min_args=2,
        max_args=2,
        run=strings.set_,
    ),
    Command(
        name="GET",
        usage="GET key",
        summary="Read a string; nil if there is none.",
        example="GET greeting",
        group="string",
        writes=False,
        min_args=1,
        max_args=1,
        run=strings.get,
    ),
    Command(
        name="DEL",
        usage="DEL key [key …]",
        summary="Remove keys of any type; answers how many there were.",
        example="DEL greeting",
        group="key",
        writes=True,
        min_args=1,
        max_args=None,
        run=keys.del_,
        keys=ALL_KEYS,
    ),
    Command(
        name="HSET",
        usage="HSET hash field value [field value …]",
        summary="Set fields of a hash, at the prompt also as field:value; answers how many are new.",
        example="HSET user name Ada site https://a.b/c",
        group="hash",
        writes=True,
        min_args=3,
        max_args=None,
        run=hashes.hset,
        args_step=2,
    ),
    Command(
        name="HGET",
        usage="HGET hash field",
        summary="Read a field of a hash; nil if there is none.",
        example="HGET user site",
        group="hash",
        writes=False,
        min_args=2,
        max_args=2,
        run=hashes.hget,
    ),
    Command(
        name="HDEL",
        usage="HDEL hash field [field …]",
        summary="Remove fields of a hash; answers how many there were.",
        example="HDEL user name",
        group="hash",
        writes=True,
        min_args=2,
        max_args=None,
        run=hashes.hdel,
    ),
    Command(
        name="SSET",
        usage="SSET set value [value …]",
        summary="Add values to a set; answers how many are new.",
        example="SSET colours red Green",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=sets.sset,
    ),
    Command(
        name="SHAS",
        usage="SHAS set value",
        summary="Whether a set has a value.",
        example="SHAS colours Green",
        group="set",
        writes=False,
        min_args=2,
        max_args=2,
        run=sets.shas,
    ),
    Command(
        name="SDEL",
        usage="SDEL set value [value …]",
        summary="Remove values from a set; answers how many there were.",
        example="SDEL colours red",
        group="set",
        writes=True,
        min_args=2,
        max_args=None,
        run=sets.sdel,
    ),
    Command(
        name="TYPE",
        usage="TYPE key",
        summary="The type under a key: string, hash, set or none.",
        example="TYPE user",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=keys.type_,
    ),
    Command(
        name="EXISTS",
        usage="EXISTS key [key …]",
        summary="How many of these keys exist.",
        example="EXISTS greeting user",
        group="key",
        writes=False,
        min_args=1,
        max_args=None,
        run=keys.exists,
        keys=ALL_KEYS,
    ),
    Command(
        name="KEYS",
        usage="KEYS pattern",
        summary="The keys that match a pattern of * ? [a-z] [^a-z], sorted.",
        example="KEYS user*",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=keys.keys,
        keys=None,
    ),
    Command(
        name="DBSIZE",
        usage="DBSIZE",
        summary="How many keys there are.",
        example="DBSIZE",
        group="key",
        writes=False,
        min_args=0,
        max_args=0,
        run=keys.dbsize,
        keys=None,
    ),
)

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
