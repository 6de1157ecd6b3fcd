"""What stands in the place of the entries that are compacted away (ch. 5)."""

from tfraft.core.configuration import EMPTY, Configuration
from tfraft.record import record


@record
class Base:
    """What stands before the first entry of a log: all that is at or below `index` is committed, and compacted away.

    `configuration` is the one in force there, and `configuration_index` that of the entry that held it (§5.1). The
    default is the base of a log that has all its entries, of a server that has not heard of its cluster."""

    index: int = 0
    term: int = 0
    configuration: Configuration = EMPTY
    configuration_index: int = 0


NO_BASE = Base()


@record
class Snapshot:
    """A whole snapshot on disk: the state at `base` in `size_bytes` bytes, whose CRC-32C is `checksum` (ch. 5)."""

    base: Base
    size_bytes: int
    checksum: int
