"""Disks for the tests of files: one that tells what was done, one that fails, one that loses its power."""

import errno
import itertools
import os
from pathlib import Path

from tfraft.adapters.state.files import Files


class ToldFiles(Files):
    """The real disk; `told` lists what was asked of it, in order."""

    def __init__(self, told: list[str]) -> None:
        self.told = told

    def create(self, path: Path) -> int:
        self.told.append(f"create {path.name}")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self.told.append("write")
        super().write(file, data)

    def sync(self, file: int) -> None:
        super().sync(file)
        self.told.append("synced")

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self.told.append(f"renamed {source.name} {target.name}")

    def sync_directory(self, directory: Path) -> None:
        super().sync_directory(directory)
        self.told.append("directory synced")


class FailingFiles(Files):
    """The real disk until `broken` names the operation that fails from then on, with EIO."""

    def __init__(self) -> None:
        self.broken = ""
        self.tries = 0

    def _fail(self, operation: str) -> None:
        if operation == self.broken:
            self.tries += 1
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def create(self, path: Path) -> int:
        self._fail("create")
        return super().create(path)

    def write(self, file: int, data: bytes) -> None:
        self._fail("write")
        super().write(file, data)

    def sync(self, file: int) -> None:
        self._fail("sync")
        super().sync(file)

    def rename(self, source: Path, target: Path) -> None:
        self._fail("rename")
        super().rename(source, target)

    def sync_directory(self, directory: Path) -> None:
        self._fail("sync_directory")
        super().sync_directory(directory)


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


class PowerCut(OSError):
    """The machine went off before this was done."""


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
