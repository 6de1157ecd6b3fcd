"""A program that saves to a write-ahead log for ever, for tests that kill it or break its disk.

    python wal_saver.py DIRECTORY SEGMENT_BYTES [BYTES]

Prints `ready` once the log is open, then the number of each save once it is acknowledged: save `n` has term `n`, a vote
for `n<n>`, and a log that ends with entry `n`; every fourth save cuts the entry before, too. After an error it prints
`failed: …`, saves once more, prints that too, and ends. A file may grow to BYTES.
"""

import asyncio
import resource
import sys

from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import TfRaftError


def save_of(number: int) -> Save:
    """The save of this number."""
    first = number - 1 if number > 1 and number % 4 == 0 else number
    rows = (Entry(number, EntryKind.COMMAND, b"%d." % index * 40) for index in range(first, number + 1))
    return Save(number, f"n{number}", first, Entries.from_rows(rows))


async def main(directory: str, segment_bytes: int) -> None:
    manager = WalStateManager("n1", directory, segment_size_bytes=segment_bytes)
    saved = manager.load()
    print("ready", flush=True)
    failures = 0
    for number in range(saved.current_term + 1 if saved else 1, 100_000):
        answer: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
        manager.save(save_of(number), answer.set_result)
        error = await answer
        failures += error is not None
        print(number if error is None else f"failed: {error}", flush=True)
        if failures == 2:
            break
    manager.close()


def let_files_grow_to(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


if __name__ == "__main__":
    if len(sys.argv) > 3:
        let_files_grow_to(int(sys.argv[3]))
    try:
        asyncio.run(main(sys.argv[1], int(sys.argv[2])))
    finally:
        # Standard error may be a file, too: what Python tells there when it exits must not fail.
        let_files_grow_to(resource.RLIM_INFINITY)
