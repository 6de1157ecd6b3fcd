"""What may stand behind the name of a command, and how far its reply is settled: one entry for each command."""

from __future__ import annotations

from enum import Enum, auto

from tests.differential.words import Words
from tfraft.record import record


class Settled(Enum):
    """How far the command and the state settle the reply; an error is always the same, byte for byte."""

    WHOLLY = auto()
    """Byte for byte."""
    BUT_FOR_ORDER = auto()
    """What is in it, in any order."""
    BUT_FOR_THE_CLOCK = auto()
    """A time that is left: less by as much as has passed since."""
    BUT_FOR_THE_CLOCK_THEN = auto()
    """A moment: later by as much as had passed when it was set."""
    BY_CHANCE = auto()
    """As many as there, all of what the key holds."""
    IN_PARTS = auto()
    """What all calls of a scan give together, in any order."""
    IN_KIND = auto()
    """Its type, and nothing more."""


@record
class Grammar:
    """`words` are those behind the name; correct in most cases."""

    words: Words
    settled: Settled = Settled.WHOLLY
    in_transactions: bool = True


Table = dict[bytes, Grammar]
