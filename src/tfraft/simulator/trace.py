"""The trace of a run: one line per event, and a checksum of them all. The same seed gives the same trace, anywhere.

12.345678 s2 AppendEntries 3/17/15      time in seconds, server, kind of event, term/last index/commit index
"""

from typing import TextIO
from zlib import crc32


class Trace:
    """Takes the lines of one run; writes them to `file` where one is given."""

    def __init__(self, file: TextIO | None = None) -> None:
        self.checksum = 0
        self._file = file

    def event(self, time: float, server: str, kind: str, term: int, last_index: int, commit_index: int) -> None:
        """Add the line of an event of a node."""
        self.line(f"{time:.6f} {server} {kind} {term}/{last_index}/{commit_index}\n")

    def note(self, time: float, text: str) -> None:
        """Add a line for something that happens to the cluster, such as a fault."""
        self.line(f"{time:.6f} - {text}\n")

    def line(self, line: str) -> None:
        """Add a whole line."""
        self.checksum = crc32(line.encode(), self.checksum)
        if self._file is not None:
            self._file.write(line)
