"""What a turn of Raft asks the world to do: `Effects`, to be carried out in the order of its fields."""

from typing import Any

from tfraft.core.base import NO_BASE, Base, Snapshot
from tfraft.core.configuration import ServerId
from tfraft.core.entry import NO_ENTRIES, Entries
from tfraft.core.messages import Message
from tfraft.core.requests import Answer
from tfraft.record import record

Token = Any
"""Whatever a caller hands in with a request to know it again: Raft carries it and never looks inside."""

Envelope = tuple[ServerId, Message]
"""To whom, and what."""


@record
class Saved:
    """What a server finds on its disk when it starts; the default is the disk of a server that never ran.

    `entries` follow `base`; CONFIGURATION entries among them replace its configuration (§4.1). Above index 0 the state
    at `base` is in the snapshot with that base, or in a later one."""

    current_term: int = 0
    voted_for: ServerId | None = None
    base: Base = NO_BASE
    entries: Entries = NO_ENTRIES
    incarnation: int = 0
    """How often this disk has lost what it held, and was begun anew under the same name."""
    repairing: bool = False
    """What was lost is not replaced yet: until the others have brought it back the server has no vote."""


@record
class Save:
    """Make this durable, whole or not at all: one write, one sync.

    Afterwards the disk holds this term and vote. Where `base` is given, the log on disk is empty and begins after it.
    Then, where `first_index` is above 0, it is what it was below `first_index`, then `entries`, and nothing after."""

    current_term: int
    voted_for: ServerId | None
    first_index: int = 0
    entries: Entries = NO_ENTRIES
    base: Base | None = None

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
class Piece:
    """Bytes of a snapshot that a leader sends us: what follows `offset`. The first piece of another one starts it."""

    snapshot: Snapshot
    offset: int
    data: bytes

    @property
    def is_last(self) -> bool:
        """Whether the snapshot is whole with it."""
        return self.offset + len(self.data) == self.snapshot.size_bytes


@record
class Settled:
    """A request that ends here without an entry to apply: refused, or a membership change that is done."""

    token: Token
    answer: Answer


@record
class Effects:
    """One turn's work, in the order in which it is to be carried out; the order of the fields is the contract.

    1. `messages` promise nothing about our disk: send them at once, in parallel with the save (§10.2.1). The data of
       an InstallSnapshot are still to be put in.
    2. `save`: make it durable, then tell Raft with `saved`. None where nothing changed or a save is under way.
    3. `replies` promise that something is on disk: send them only after `save` is.
    4. `repaired`: what the disk had lost is back; from now on the server votes, also after a restart.
    5. `pieces` of a snapshot: write them in order, telling Raft with `piece_written`; after the last make the snapshot
       durable, then tell Raft with `snapshot_received`.
    6. `installed`: replace the state machine by this snapshot, which is durable, before anything else is applied.
    7. `committed`: apply in order, answer who waits.
    8. `reads`: answer, now that the state machine has applied far enough.
    9. `settled`: tell those whose request will not be applied here.
    """

    messages: list[Envelope]
    save: Save | None
    replies: list[Envelope]
    repaired: bool
    pieces: list[Piece]
    installed: Snapshot | None
    committed: Committed | None
    reads: list[ConfirmedReads]
    settled: list[Settled]
