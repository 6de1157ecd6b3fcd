"""A program that saves for ever, for tests that kill it or break its disk.

    python saver.py DIRECTORY [BYTES]

Prints the number of each save once it is acknowledged: save `n` has term `n`, a log of `n` entries, and a vote for
`n<n>`. After an error it prints `failed: …`, saves once more, prints that too, and ends. A file may grow to BYTES.
"""

import asyncio
import resource
import sys

from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.effects import Save
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import TfRaftError


async def main(directory: str) -> None:
    manager = LocalStateManager("n1", directory)
    manager.load()
    failures = 0
    for number in range(1, 10_000):
        answer: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
        entry = Entry(number, EntryKind.COMMAND, b"command %d" % number)
        manager.save(Save(number, f"n{number}", number, Entries.of(entry)), answer.set_result)
        error = await answer
        failures += error is not None
        print(number if error is None else f"failed: {error}", flush=True)
        if failures == 2:
            break
    manager.close()


def let_files_grow_to(size: int) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


if __name__ == "__main__":
    if len(sys.argv) > 2:
        let_files_grow_to(int(sys.argv[2]))
    asyncio.run(main(sys.argv[1]))
    let_files_grow_to(resource.RLIM_INFINITY)
