"""Disks for the tests of the write-ahead log: bytes in memory, and what a power cut, a kill or a failed sync leaves.

A file is what is on the disk, what the system holds in memory, and the writes in between. A sync brings those to the
disk. A power cut brings some of them: any sectors of 512 bytes, or the first bytes; so it does with new names.
"""

import copy
import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path
from random import Random

from tfraft.adapters.state.metadata import Metadata
from tfraft.adapters.state.segment import SECTOR
from tfraft.adapters.state.segments_on_disk import LogFiles
from tfraft.adapters.state.wal_recovery import OpenLog, create_log, open_log, read_metadata
from tfraft.core.effects import Saved

DIRECTORY = Path("/log")
MARK = b"\x11\x22\x33\x44\x55\x66\x77\x88"


class PowerCut(OSError):
    """The machine went off in the middle of this."""


class Inode:
    """A file apart from its names."""

    def __init__(self, contents: bytes = b"") -> None:
        self.on_disk = bytearray(contents)
        self.seen = bytearray(contents)
        self.unsynced: list[tuple[int, bytes]] = []

    def write(self, offset: int, data: bytes) -> None:
        _put(self.seen, offset, data)
        self.unsynced.append((offset, data))

    def sync(self) -> None:
        for offset, data in self.unsynced:
            _put(self.on_disk, offset, data)
        self.unsynced.clear()

    def fail_to_sync(self) -> None:
        """As Linux does: what could not be written counts as written, and is read back until the power is cut."""
        self.unsynced.clear()


def _put(contents: bytearray, offset: int, data: bytes) -> None:
    contents.extend(bytes(max(0, offset - len(contents))))
    contents[offset : offset + len(data)] = data


Loss = Callable[[Inode, Random], bytes]
"""What is found of a file after a power cut."""


def nothing_unsynced(inode: Inode, rng: Random) -> bytes:
    return bytes(inode.on_disk)


def everything(inode: Inode, rng: Random) -> bytes:
    found = copy.deepcopy(inode)
    found.sync()
    return bytes(found.on_disk)


def first_bytes(inode: Inode, rng: Random) -> bytes:
    """The writes in their order, up to a byte in the middle of one."""
    found = bytearray(inode.on_disk)
    left = rng.randint(0, sum(len(data) for _, data in inode.unsynced))
    for offset, data in inode.unsynced:
        _put(found, offset, data[:left])
        left -= min(left, len(data))
    return bytes(found)


def any_sectors(inode: Inode, rng: Random) -> bytes:
    """Some sectors; where the file has grown, its size may have grown without its contents."""
    after = everything(inode, rng)
    size = rng.choice([len(inode.on_disk), len(after)])
    found = bytearray(inode.on_disk[:size].ljust(size, b"\0"))
    likely = rng.choice([0.1, 0.5, 0.9])
    for start in range(0, size, SECTOR):
        if rng.random() < likely:
            found[start : start + SECTOR] = after[start : min(start + SECTOR, size)]
    return bytes(found)


LOSSES: list[Loss] = [nothing_unsynced, everything, first_bytes, any_sectors]


class VirtualLogFiles(LogFiles):
    """A disk in memory. The power is cut in the middle of the operation number `steps` that changes something."""

    def __init__(self, contents: dict[Path, bytes] | None = None, steps: float = float("inf")) -> None:
        self.steps_left = steps
        self.failing = ""
        """The operation that fails from now on, with EIO."""
        self.inodes = {path: Inode(data) for path, data in (contents or {}).items()}
        self._names_on_disk = dict(self.inodes)
        self._renamed: list[Callable[[dict[Path, Inode]], object]] = []
        self._open: dict[int, Inode] = {}
        self._positions: dict[int, int] = {}
        self._descriptors = itertools.count(1000)

    def contents(self) -> dict[Path, bytes]:
        """What can be read now."""
        return {path: bytes(inode.seen) for path, inode in self.inodes.items()}

    @property
    def open_files(self) -> int:
        """How many descriptors nobody has closed."""
        return len(self._open)

    def after_cut(self, loss: Loss, rng: Random) -> "VirtualLogFiles":
        """The disk that is found when the power is back."""
        names = dict(self._names_on_disk)
        kept = rng.choice([0, len(self._renamed), rng.randint(0, len(self._renamed))])
        for rename in self._renamed[:kept]:
            rename(names)
        return VirtualLogFiles({path: loss(inode, rng) for path, inode in names.items()})

    def after_kill(self) -> "VirtualLogFiles":
        """The same disk for another process: nothing is lost, and nothing is more durable than before."""
        found = VirtualLogFiles()
        found.inodes, found._names_on_disk, found._renamed = self.inodes, self._names_on_disk, self._renamed
        return found

    def _fail(self, operation: str) -> None:
        if operation == self.failing:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def _step(self, operation: str, change: Callable[[], object]) -> None:
        """Change something, unless the power is off already; if it goes off now, the change is begun."""
        self._fail(operation)
        if self.steps_left <= 0:
            raise PowerCut("the power is off")
        self.steps_left -= 1
        change()
        if self.steps_left <= 0:
            raise PowerCut("the power goes off")

    def _change_names(self, operation: str, change: Callable[[dict[Path, Inode]], object]) -> None:
        def do() -> None:
            change(self.inodes)
            self._renamed.append(change)

        self._step(operation, do)

    # --- Files ---

    def read(self, path: Path) -> bytes | None:
        return bytes(self.inodes[path].seen) if path in self.inodes else None

    def create(self, path: Path) -> int:
        inode = Inode()
        self._change_names("create", lambda names: names.__setitem__(path, inode))
        return self._descriptor(inode)

    def write(self, file: int, data: bytes) -> None:
        self._fail("write")
        self.write_at(file, self._positions[file], data)
        self._positions[file] += len(data)

    def sync(self, file: int) -> None:
        self._sync("sync", self._open[file])

    def close(self, file: int) -> None:
        del self._open[file]

    def rename(self, source: Path, target: Path) -> None:
        self._change_names("rename", lambda names: names.__setitem__(target, names.pop(source)))

    def remove(self, path: Path) -> None:
        if path in self.inodes:
            self._change_names("remove", lambda names: names.pop(path))

    def sync_directory(self, directory: Path) -> None:
        def do() -> None:
            if self.steps_left > 0:
                self._names_on_disk = dict(self.inodes)
                self._renamed.clear()

        self._step("sync_directory", do)

    # --- LogFiles ---

    def names(self, directory: Path) -> list[str]:
        """A directory in it is there as long as it holds something."""
        below = (path.relative_to(directory) for path in self.inodes if path.is_relative_to(directory))
        return sorted({path.parts[0] for path in below})

    def make_directory(self, path: Path) -> None:
        self._step("make_directory", lambda: None)

    def open(self, path: Path) -> int:
        self._fail("open")
        if path not in self.inodes:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        return self._descriptor(self.inodes[path])

    def size(self, file: int) -> int:
        self._fail("size")
        return len(self._open[file].seen)

    def read_at(self, file: int, offset: int, length: int) -> bytes:
        return bytes(self._open[file].seen[offset : offset + length])

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        self._step("write_at", lambda: self._open[file].write(offset, bytes(data)))

    def sync_data(self, file: int) -> None:
        self._sync("sync_data", self._open[file])

    def _sync(self, operation: str, inode: Inode) -> None:
        if operation == self.failing:
            inode.fail_to_sync()
        # A sync in which the power goes off has promised nothing.
        self._step(operation, lambda: inode.sync() if self.steps_left > 0 else None)

    def _descriptor(self, inode: Inode) -> int:
        file = next(self._descriptors)
        self._open[file] = inode
        self._positions[file] = 0
        return file


def opened_log(files: LogFiles, segment_bytes: int = 1024, mark: bytes = MARK) -> OpenLog:
    """Open the log in `DIRECTORY`, or make one, without thread and lock."""
    metadata = read_metadata(files, DIRECTORY)
    if metadata is None:
        metadata = Metadata("c1", "n1", mark)
        create_log(files, DIRECTORY, metadata, segment_bytes)
    return open_log(files, DIRECTORY, metadata, segment_bytes)


def found_in(files: LogFiles, segment_bytes: int = 1024) -> Saved | None:
    """What the next start reads."""
    log = opened_log(files, segment_bytes)
    log.writer.close()
    return log.saved
