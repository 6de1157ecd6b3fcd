"""The write-ahead log against the disk itself, and how fast it is read back.

    python -m bench.wal [MiB of the log to read back] [directory]

Goals: a synced save at most 1.3 times as long as `write` and `fdatasync` of the same bytes to a preallocated file;
recovery of 200 MB/s, in less than 3 times the memory of what is live. Both sides of a comparison take turns, so that
whatever else the machine does meets both.
"""

import asyncio
import os
import subprocess
import sys
from array import array
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Final

from bench.tables import show
from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.saves import encode_save
from tfraft.adapters.state.segment import record_size
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.wal import SEGMENT_SIZE_BYTES, WalStateManager
from tfraft.adapters.state.wal_recovery import create_log, open_log
from tfraft.adapters.state.wal_writer import LogWriter, segment_size
from tfraft.core.effects import Save
from tfraft.core.entry import Entries

ENTRIES_PER_SAVE: Final = (1, 10, 100)
ENTRY_BYTES: Final = 100
TURNS: Final = 60
SAVES_PER_TURN: Final = 100

Work = Callable[[int], None]
"""Does something so many times."""


def save_of(first_index: int, data: list[bytes]) -> Save:
    """A save that appends these entries."""
    return Save(5, "n1", first_index, Entries(array("Q", [5]) * len(data), bytes(len(data)), data))


def random_entries(count: int) -> list[bytes]:
    """Entries of 100 bytes."""
    return [os.urandom(ENTRY_BYTES) for _ in range(count)]


class PlainFile:
    """A preallocated file, full of zeros, that is written from its beginning again once it is full."""

    def __init__(self, path: Path, record_bytes: int) -> None:
        self._record = os.urandom(record_bytes)
        self._offset = 0
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(self._file, bytes(SEGMENT_SIZE_BYTES), 0)
        os.fsync(self._file)

    def append(self) -> None:
        """One write, one sync."""
        if self._offset + len(self._record) > SEGMENT_SIZE_BYTES:
            self._offset = 0
        os.pwrite(self._file, self._record, self._offset)
        os.fdatasync(self._file)
        self._offset += len(self._record)


def new_writer(directory: Path, files: LogFiles | None = None) -> LogWriter:
    """The writer of a new log."""
    metadata = Metadata("", "n1", os.urandom(8))
    directory.mkdir()
    create_log(files or LogFiles(), directory, metadata, SEGMENT_SIZE_BYTES)
    return open_log(files or LogFiles(), directory, metadata, SEGMENT_SIZE_BYTES).writer


def fill_small_segments(writer: LogWriter) -> int:
    """Go on to the first segment of full size, as a server that has run for a while; how many entries that takes."""
    count = 0
    while (size := segment_size(count + 1, SEGMENT_SIZE_BYTES)) < SEGMENT_SIZE_BYTES:
        count += 1
        writer.append(save_of(count, [bytes(size // 2)]))
        writer.prepare()
    return count


def seconds(work: Work) -> float:
    """How long a turn takes."""
    began = perf_counter()
    work(SAVES_PER_TURN)
    return perf_counter() - began


def ratio(log_s: list[float], plain_s: list[float]) -> list[str]:
    """All the time of one side by that of the other, and the same of the median turns."""
    return [f"{sum(log_s) / sum(plain_s):.2f}", f"{median(log_s) / median(plain_s):.2f}"]


def micros(turns_s: list[float]) -> str:
    """One save, on average."""
    return f"{sum(turns_s) / len(turns_s) / SAVES_PER_TURN * 1e6:.0f} µs"


def compare_writer(directory: Path, count: int) -> list[str]:
    """The writer alone against the same bytes; what it does ahead, while nobody waits, is counted in and by itself."""
    writer, data = new_writer(directory / "log"), random_entries(count)
    plain = PlainFile(directory / "plain", record_size(len(encode_save(save_of(1, data)))))
    index = 1 + fill_small_segments(writer)
    ahead_s = 0.0

    def log_saves(times: int) -> None:
        nonlocal index, ahead_s
        for _ in range(times):
            writer.append(save_of(index, data))
            index += count
            began = perf_counter()
            writer.prepare()
            ahead_s += perf_counter() - began

    def plain_saves(times: int) -> None:
        for _ in range(times):
            plain.append()

    turns = [(ahead_s, seconds(log_saves), ahead_s, seconds(plain_saves)) for _ in range(TURNS)]
    before_s, both_s, after_s, plain_s = map(list, zip(*turns, strict=True))
    saves_s = [both - (after - before) for before, both, after in zip(before_s, both_s, after_s, strict=True)]
    writer.close()
    return [micros(saves_s), micros(both_s), micros(plain_s), *ratio(saves_s, plain_s), *ratio(both_s, plain_s)[:1]]


def compare_manager(directory: Path, count: int) -> list[str]:
    """From the event loop and back to it, against the same bytes from a thread in the same way."""
    loop = asyncio.new_event_loop()
    manager, data = WalStateManager("n1", directory / "log"), random_entries(count)
    manager.load()
    plain = PlainFile(directory / "plain", record_size(len(encode_save(save_of(1, data)))))
    thread = ThreadPoolExecutor(1)
    index = 1

    async def save() -> None:
        nonlocal index
        done = loop.create_future()
        manager.save(save_of(index, data), done.set_result)
        assert await done is None
        index += count

    async def write() -> None:
        await loop.run_in_executor(thread, plain.append)

    async def repeat(once: Callable[[], Awaitable[None]], times: int) -> None:
        for _ in range(times):
            await once()

    def log_saves(times: int) -> None:
        loop.run_until_complete(repeat(save, times))

    def plain_saves(times: int) -> None:
        loop.run_until_complete(repeat(write, times))

    turns = [(seconds(log_saves), seconds(plain_saves)) for _ in range(TURNS)]
    log_s, plain_s = map(list, zip(*turns, strict=True))
    manager.close()
    thread.shutdown()
    loop.close()
    return [micros(log_s), micros(plain_s), *ratio(log_s, plain_s)]


class UnsyncedFiles(LogFiles):
    """Syncs nothing: to fill a log in little time."""

    def sync(self, file: int) -> None:
        pass

    def sync_data(self, file: int) -> None:
        pass


RECOVER: Final = """
import resource, sys, time
from tfraft.adapters.state.wal import WalStateManager
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
manager = WalStateManager("n1", sys.argv[1])
before, began = peak(), time.perf_counter()
saved = manager.load()
print(time.perf_counter() - began, time.process_time(), peak() - before, sum(map(len, saved.entries.data)))
manager.close()
"""


def recover(directory: Path, log_bytes: int, count: int) -> list[str]:
    """Fill a log, and read it in a process of its own."""
    writer, data = new_writer(directory / "log", UnsyncedFiles()), random_entries(count)
    size = record_size(len(encode_save(save_of(1, data))))
    for number in range(log_bytes // size):
        writer.append(save_of(1 + number * count, data))
        writer.prepare()
    writer.close()
    os.sync()
    command = [sys.executable, "-c", RECOVER, str(directory / "log")]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    took_s, processor_s, memory, live = map(float, output.split())
    return [
        f"{log_bytes / took_s / 1e6:.0f} MB/s",
        f"{live / took_s / 1e6:.0f} MB/s",
        f"{took_s:.2f} s",
        f"{processor_s:.2f} s",
        f"{memory / live:.2f}",
    ]


def main(log_mib: int, parent: str | None) -> None:
    """Measure all three, and print a table of each."""
    measurements: list[tuple[str, list[str], Callable[[Path, int], list[str]]]] = [
        (
            "A synced save by the writer",
            ["entries", "save", "and ahead", "plain", "ratio", "of medians", "with ahead"],
            compare_writer,
        ),
        (
            "A synced save from the event loop, and ahead",
            ["entries", "log", "plain", "ratio", "of medians"],
            compare_manager,
        ),
        (
            f"Recovery of {log_mib} MiB",
            ["entries", "log", "entries", "time", "processor", "memory / live"],
            lambda directory, count: recover(directory, log_mib << 20, count),
        ),
    ]
    for title, columns, measure in measurements:
        rows = []
        for count in ENTRIES_PER_SAVE:
            with TemporaryDirectory(dir=parent) as directory:
                rows.append([f"{count} of {ENTRY_BYTES} bytes", *measure(Path(directory), count)])
        show(title, columns, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 256, sys.argv[2] if len(sys.argv) > 2 else None)
