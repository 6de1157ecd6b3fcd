"""Where a backup is written and read: the whole of it or nothing."""

import errno
import os
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.adapters.state.disks import FailingFiles
from tfraft.adapters.state.backup_places import BackupPlace, LocalFile, UrlPlace, place_of
from tfraft.errors import DataError, SettingError, StorageFailed


@pytest.fixture(params=["file", "file://", "memory://"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> BackupPlace:
    path = tmp_path / "monday"
    return place_of({"file": f"{path}", "file://": f"file://{path}", "memory://": f"memory://{uuid4()}"}[request.param])


def write(place: BackupPlace, *pieces: bytes) -> None:
    sink = place.create()
    for piece in pieces:
        sink.write(piece)
    sink.commit()


def read(place: BackupPlace) -> bytes:
    return b"".join(place.read())


def test_what_was_committed_is_read(place: BackupPlace) -> None:
    data = os.urandom(3_000_000)
    write(place, data[:10], data[10:])
    assert read(place) == data


def test_until_it_is_committed_the_one_before_is_there(place: BackupPlace) -> None:
    write(place, b"before")
    sink = place.create()
    sink.write(b"af")
    assert read(place) == b"before"
    sink.write(b"ter")
    sink.commit()
    assert read(place) == b"after"


def test_one_that_is_given_up_leaves_the_one_before(place: BackupPlace) -> None:
    write(place, b"before")
    sink = place.create()
    sink.write(b"after")
    sink.abort()
    sink.abort()
    assert read(place) == b"before"


def test_giving_up_what_is_committed_changes_nothing(place: BackupPlace) -> None:
    sink = place.create()
    sink.write(b"after")
    sink.commit()
    sink.abort()
    assert read(place) == b"after"


def test_one_that_is_given_up_was_never_there(place: BackupPlace) -> None:
    place.create().abort()
    with pytest.raises(DataError, match=f"^{place.name} cannot be read: "):
        read(place)


def test_a_file_is_its_owners_alone_and_leaves_none_beside_it(tmp_path: Path) -> None:
    """PROOF §3: it holds all data of the cluster, whatever the umask."""
    write(LocalFile(tmp_path / "monday"), b"x")
    LocalFile(tmp_path / "tuesday").create().abort()
    assert [(path.name, path.stat().st_mode & 0o777) for path in tmp_path.iterdir()] == [("monday", 0o600)]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"untouched")
    (tmp_path / "monday").symlink_to(tmp_path / "elsewhere")
    write(LocalFile(tmp_path / "monday"), b"x")
    assert ((tmp_path / "elsewhere").read_bytes(), (tmp_path / "monday").is_symlink()) == (b"untouched", False)


@pytest.mark.parametrize("operation", ["create", "write", "sync", "rename"])
def test_a_disk_that_fails_leaves_the_one_before_and_nothing_beside_it(operation: str, tmp_path: Path) -> None:
    path = tmp_path / "monday"
    path.write_bytes(b"before")
    told = f"^the backup could not be written to {path}: No space left on device$"
    files = FailingFiles(errno.ENOSPC)
    files.broken = operation
    with pytest.raises(StorageFailed, match=told):
        write(LocalFile(path, files), b"after")
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("monday", b"before")]


@pytest.mark.parametrize(
    ("text", "kind", "told"),
    [
        ("{}/nowhere/monday", StorageFailed, "the backup could not be written to .*: No such file or directory"),
        ("{}", SettingError, "is a directory; a backup is a file, such as"),
        ("nowhere://monday", SettingError, "nowhere://monday cannot be used: ValueError: Protocol not known"),
    ],
)
def test_a_place_that_cannot_be_is_told(text: str, kind: type[Exception], told: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=told):
        place_of(text.format(tmp_path)).create()


def test_an_empty_name_is_told() -> None:
    with pytest.raises(SettingError, match="a backup needs a file, or a URL such as"):
        place_of("")


def test_a_password_in_a_url_is_never_shown() -> None:
    place = place_of("nowhere://ann:secret@host/monday")
    assert place.name == "nowhere://…@host/monday"
    with pytest.raises(SettingError) as caught:
        place.create()
    assert "secret" not in str(caught.value)


def test_without_fsspec_a_url_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    told = (
        r"s3://b/monday is a URL, and those need fsspec, which is not installed   \(pip install 'tf-raft\[backup\]'\)"
    )
    with pytest.raises(SettingError, match=told):
        place_of("s3://b/monday").create()
    with pytest.raises(SettingError, match=told):
        read(place_of("s3://b/monday"))


class BrokenFiles:
    """A file system of a stranger, in which nothing works."""

    transaction: Any = None

    def start_transaction(self) -> None:
        raise ZeroDivisionError("ann:secret@b is what a stranger's code may tell")

    def open(self, path: str, mode: str) -> None:
        raise ZeroDivisionError("ann:secret@b is what a stranger's code may tell")


def test_whatever_a_file_system_raises_is_one_error_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(UrlPlace, "_resolved", lambda self: (BrokenFiles(), "monday"))
    with pytest.raises(StorageFailed, match="could not be written to s3://…@b/monday: ZeroDivisionError: …@b is"):
        place_of("s3://ann:secret@b/monday").create()
    with pytest.raises(DataError, match="s3://…@b/monday cannot be read: ZeroDivisionError: …@b is"):
        read(place_of("s3://ann:secret@b/monday"))
