"""What a verb is, and what it may use: a verb is a command for the cluster itself, such as STATUS or KILL."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from tfraft.cli.outputs import Output
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import Cluster
from tfraft.core.configuration import ServerId
from tfraft.core.requests import Consistency
from tfraft.record import record

Confirm = Callable[[str], Awaitable[bool]]


@dataclass(slots=True)
class Context:
    """The cluster and what the user did to it so far.

    `groups` are those of the last PARTITION; nodes in none of them are one more group. `confirm` asks the user a
    question with yes or no for its answer, and is None where nobody is to be asked."""

    cluster: Cluster
    output: Output
    watcher: Watcher
    verbs: "Mapping[str, Verb]"
    timeout_s: float
    confirm: Confirm | None = None
    groups: list[frozenset[ServerId]] = field(default_factory=list)
    verbose: bool = False
    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness_s: float = 0.0
    ended: bool = False


@record
class Verb:
    """One verb. Arguments are counted without the name; `max_args` is None where there is no limit.

    `words` are those that it knows besides nodes, one of which may stand in it. `changes` is false for a verb that
    only shows something; `asks_first` is set for one whose harm cannot be undone where data are kept."""

    name: str
    usage: str
    summary: str
    example: str
    run: Callable[[Context, list[str]], Awaitable[None]]
    min_args: int = 0
    max_args: int | None = 0
    takes_nodes: bool = False
    words: tuple[str, ...] = ()
    changes: bool = True
    asks_first: bool = False

    def takes(self, count: int) -> bool:
        """Whether the verb can have so many arguments."""
        return count >= self.min_args and (self.max_args is None or count <= self.max_args)
