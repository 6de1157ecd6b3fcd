"""Disks for the tests of files: one that tells what was done, one that fails, one that is slow, one without power."""

import errno
import itertools
import os
import threading
from pathlib import Path

from tests.adapters.state.wal_disks import PowerCut
from tfraft.adapters.state.files import Files
from tfraft.adapters.state.segments_on_disk import LogFiles


class ToldFiles(LogFiles):
    """The real disk; `told` lists what was asked of it, in order."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def create(self, path: Path) -> int:
        self.told.append(f"create {path.name}")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self.told.append("write")
        super().write(file, data)

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        self.told.append(f"write at {offset}")
        super().write_at(file, offset, data)

    def sync(self, file: int) -> None:
        super().sync(file)
        self.told.append("synced")

    def sync_data(self, file: int) -> None:
        super().sync_data(file)
        self.told.append("data synced")

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.told.append(f"renamed {source.name} {target.name}")

    def sync_directory(self, directory: Path) -> None:
        super().sync_directory(directory)
        self.told.append("directory synced")


class FailingFiles(LogFiles):
    """The real disk until `broken` names the operation that fails from then on; `told` lists all that were tried."""

    def __init__(self, error: int = errno.EIO) -> None:
        self.broken = ""
        self.told: list[str] = []
        self.failures = 0
        self.error = error

    def _try(self, operation: str) -> None:
        self.told.append(operation)
        if operation == self.broken:
            self.failures += 1
            raise OSError(self.error, os.strerror(self.error))

    def create(self, path: Path) -> int:
        self._try("create")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self._try("write")
        super().write(file, data)

    def write_at(self, file: int, offset: int, data: bytes) -> None:
        self._try("write_at")
        super().write_at(file, offset, data)

    def sync(self, file: int) -> None:
        self._try("sync")
        super().sync(file)

    def sync_data(self, file: int) -> None:
        self._try("sync_data")
        super().sync_data(file)

    def rename(self, source: Path, target: Path) -> None:
        self._try("rename")
        super().rename(source, target)

    def remove(self, path: Path) -> None:
        self._try("remove")
        super().remove(path)

    def sync_directory(self, directory: Path) -> None:
        self._try("sync_directory")
        super().sync_directory(directory)

    def read_at(self, file: int, offset: int, length: int) -> bytes:
        self._try("read_at")
        return super().read_at(file, offset, length)


class SlowFiles(LogFiles):
    """A disk that syncs only while it may."""

    def __init__(self) -> None:
        self.may_sync = threading.Event()
        self.may_sync.set()

    def sync(self, file: int) -> None:
        assert self.may_sync.wait(60)
        super().sync(file)

    def sync_data(self, file: int) -> None:
        assert self.may_sync.wait(60)
        super().sync_data(file)


class FullFiles(Files):
    """A disk on which every write finds no space, by the kernel's own word, while it is `full`."""

    def __init__(self, full: bool) -> None:
        self.full = full

    def create(self, path: Path) -> int:
        return os.open("/dev/full", os.O_WRONLY) if self.full else super().create(path)


class _Inode:
    """A file apart from its names: its contents, and those that a power cut leaves."""

    def __init__(self, contents: bytes) -> None:
        self.contents = contents
        self.synced = b""


class VirtualFiles(Files):
    """A disk in memory whose power is cut after `steps` operations; `after_cut` is the disk that is found then.

    What was not synced may be there or not. The four ways that matter: whether names that were not synced are there,
    and whether contents that were not synced are."""

    def __init__(self, steps: float = float("inf"), contents: dict[Path, bytes] | None = None) -> None:
        self.steps_left = steps
        self.names = {path: self._settled(data) for path, data in (contents or {}).items()}
        self.synced_names = dict(self.names)
        self._open: dict[int, _Inode] = {}
        self._descriptors = itertools.count(1000)

    @staticmethod
    def _settled(data: bytes) -> _Inode:
        inode = _Inode(data)
        inode.synced = data
        return inode

    def after_cut(self, *, new_names: bool, new_contents: bool) -> "VirtualFiles":
        names = self.names if new_names else self.synced_names
        found = {path: inode.contents if new_contents else inode.synced for path, inode in names.items()}
        return VirtualFiles(contents=found)

    def _step(self) -> None:
        if self.steps_left <= 0:
            raise PowerCut("the power is off")
        self.steps_left -= 1

    def read(self, path: Path) -> bytes | None:
        return self.names[path].contents if path in self.names else None

    def create(self, path: Path) -> int:
        self._step()
        file = next(self._descriptors)
        self._open[file] = self.names[path] = _Inode(b"")
        return file

    def write(self, file: int, data: bytes) -> None:
        # In two pieces, so that the cut may come between them.
        for piece in (data[: len(data) // 2], data[len(data) // 2 :]):
            self._step()
            self._open[file].contents += piece

    def sync(self, file: int) -> None:
        self._step()
        self._open[file].synced = self._open[file].contents

    def close(self, file: int) -> None:
        del self._open[file]

    def rename(self, source: Path, target: Path) -> None:
        self._step()
        self.names[target] = self.names.pop(source)

    def remove(self, path: Path) -> None:
        self._step()
        self.names.pop(path, None)

    def sync_directory(self, directory: Path) -> None:
        self._step()
        self.synced_names = dict(self.names)
