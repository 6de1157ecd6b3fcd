"""What a turn of Raft asks the world to do: `Effects`, to be carried out in the order of its fields."""

from typing import Any

from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.entry import NO_ENTRIES, Entries
from tfraft.core.messages import Message, ServerId
from tfraft.core.requests import Answer
from tfraft.record import record

Token = Any
"""Whatever a caller hands in with a request to know it again: Raft carries it and never looks inside."""

Envelope = tuple[ServerId, Message]
"""To whom, and what."""


@record
class Saved:
    """What a server finds on its disk when it starts; the default is the disk of a server that never ran.

    `configuration` is the one in force before the first entry; CONFIGURATION entries replace it (§4.1)."""

    current_term: int = 0
    voted_for: ServerId | None = None
    configuration: Configuration = EMPTY
    entries: Entries = NO_ENTRIES


@record
class Save:
    """Make this durable, whole or not at all: one write, one sync.

    Afterwards the disk holds this term and vote. Where `first_index` is above 0, the log on disk is what it was below
    `first_index`, then `entries`, and nothing after. Where `configuration` is given it is the one before the log."""

    current_term: int
    voted_for: ServerId | None
    first_index: int = 0
    entries: Entries = NO_ENTRIES
    configuration: Configuration | None = None

    @property
    def last_index(self) -> int:
        """The index of the last entry on disk afterwards; 0 where the log is not touched."""
        return self.first_index + len(self.entries) - 1 if self.first_index else 0


@record
class Committed:
    """A run of entries that is committed, to be applied in order, once. The first has index `first_index`.

    `tokens[i]` belongs to whoever waits here for entry `i`, or is None; the list is empty where nobody waits."""

    first_index: int
    entries: Entries
    tokens: list[Token]


@record
class ConfirmedReads:
    """These reads may be answered from a state machine that has applied through `read_index` (§6.4)."""

    read_index: int
    tokens: list[Token]


@record
class Settled:
    """A request that ends here without an entry to apply: refused, or a membership change that is done."""

    token: Token
    answer: Answer


@record
class Effects:
    """One turn's work, in the order in which it is to be carried out; the order of the fields is the contract.

    1. `messages` promise nothing about our disk: send them at once, in parallel with the save (§10.2.1).
    2. `save`: make it durable, then tell Raft with `saved`. None where nothing changed or a save is under way.
    3. `replies` promise that something is on disk: send them only after `save` is.
    4. `committed`: apply in order, answer who waits.
    5. `reads`: answer, now that the state machine has applied far enough.
    6. `settled`: tell those whose request will not be applied here.
    """

    messages: list[Envelope]
    save: Save | None
    replies: list[Envelope]
    committed: Committed | None
    reads: list[ConfirmedReads]
    settled: list[Settled]
