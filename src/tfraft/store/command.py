"""What is known of a command: its name and arguments, where its keys stand, and the function that runs it."""

from collections.abc import Callable
from typing import Literal

from tfraft.record import record
from tfraft.store.database import Database

Group = Literal["string", "hash", "set", "key"]
Run = Callable[[Database, list[bytes]], bytes]
IsRead = Callable[[list[bytes]], bool]


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

    A `name` is one word, or two, such as OBJECT ENCODING. `group` is the type that the command needs, `key` if any will
    do. Arguments are counted after the first word, as in Redis; those beyond `min_args` come `args_step` at a time;
    `max_args` is None where there is no limit. `run` is called with as many as the command `takes`; it is total and
    deterministic. With `keys` None it may look at any key. An `internal` command is for servers: no client may send it.
    `is_read`, if there is one, says of some commands of this name that they write nothing, though others do. A command
    that `uses_time` answers what depends on log time, wherever a key that it looks at has a deadline."""

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
    internal: bool = False
    is_read: IsRead | None = None
    uses_time: bool = False

    def takes(self, count: int) -> bool:
        """Whether the command can have so many arguments."""
        beyond = count - self.min_args
        return beyond >= 0 and beyond % self.args_step == 0 and (self.max_args is None or count <= self.max_args)

    def key_positions(self, length: int) -> range:
        """The places of the keys in a command of `length` words, its name included."""
        if self.keys is None:
            return range(0)
        end = length if self.keys.last < 0 else min(self.keys.last + 1, length)
        return range(self.keys.first, end, self.keys.step)
