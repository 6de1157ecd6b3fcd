"""The first save of a server to a write-ahead log, for the tests of what comes after it."""

from tests.adapters.state.runs import entry
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, EntryKind

SMALL = Save(1, "n1", 1, Entries.of(entry(b"", kind=EntryKind.NO_OP), entry(b"hello")))
STORED = Saved(1, "n1", entries=SMALL.entries)
