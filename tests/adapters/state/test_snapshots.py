"""Snapshot files: their bytes, their names, and what is refused as damaged."""

import asyncio
import stat
import struct
from pathlib import Path

import pytest
from crc32c import crc32c

from tests.adapters.state.snapshot_runs import NAME, base_at, found, make, names_in, snapshot_of, write
from tfraft.adapters.state.bases import encode_base
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.errors import CorruptSnapshot, SettingError


def test_the_file_is_the_documented_one(tmp_path: Path) -> None:
    make(tmp_path)
    base = encode_base(base_at(7))
    header = b"tf-raft snap 1\n\0" + struct.pack("<I", len(base)) + base
    footer = struct.pack("<QI", 4, crc32c(b"data"))
    parts = (header, struct.pack("<I", crc32c(header)), b"data", footer, struct.pack("<I", crc32c(footer)))
    assert (tmp_path / NAME).read_bytes() == b"".join(parts)


def test_files_and_directories_are_for_their_owner_alone(tmp_path: Path) -> None:
    make(tmp_path / "new")
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new", tmp_path / "new" / NAME)]
    assert modes == [0o700, 0o600]


def test_the_files_before_are_removed(tmp_path: Path) -> None:
    for index in (7, 8, 0x1234ABCD):
        make(tmp_path, index)
    assert names_in(tmp_path) == ["000000001234abcd.snapshot"]


def test_servers_of_one_directory_do_not_meet(tmp_path: Path) -> None:
    """As those whose states are JSON files beside each other."""
    servers = ["n1", "n1.0000000000000007", "NODE0:55000", "0000000000000007"]
    (tmp_path / "n1.json").write_text("mine")
    for number, server in enumerate(servers):
        make(tmp_path, 7 + number, server.encode(), server)
    for number, server in enumerate(servers):
        assert found(tmp_path, server) == (snapshot_of(7 + number, server.encode()), server.encode())
    assert found(tmp_path) == (None, b"")
    assert len(names_in(tmp_path)) == 5


@pytest.mark.parametrize("name", [".", "../n1", "a/b", "a\x00", "-n1", "n 1", "n1\n", "ñ", "x" * 64])
def test_a_name_that_cannot_name_a_file_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="the name of a server whose snapshots are kept in files"):
        FileSnapshotStore(tmp_path, name)


def test_what_a_crash_left_unfinished_is_removed_and_nothing_else(tmp_path: Path) -> None:
    make(tmp_path)
    others = ["notes.txt", f"{NAME}.new", "n2.0000000000000001.snapshot.new-1", "0000000001.wal"]
    for name in [*others, f"{NAME}.new-1", "0000000000000009.snapshot.new-12", "0000000000000003.snapshot"]:
        (tmp_path / name).write_bytes(b"half of a f")
    assert found(tmp_path) == (snapshot_of(7, b"data"), b"data")
    assert names_in(tmp_path) == sorted([NAME, *others])


def test_an_aborted_snapshot_and_one_that_is_not_finished_leave_no_file(tmp_path: Path) -> None:
    async def run() -> None:
        store = FileSnapshotStore(tmp_path)
        store.load()
        aborted, begun = store.create(base_at(7)), store.create(base_at(8))
        await write(aborted, b"aborted")
        await write(begun, b"begun")
        assert len(names_in(tmp_path)) == 2
        aborted.abort()
        store.close()

    asyncio.run(run())
    assert names_in(tmp_path) == []


# --- Damage ---


def test_a_flipped_bit_anywhere_is_refused_by_the_name_of_the_file(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    path = tmp_path / NAME
    text = path.read_bytes()
    data_at = text.index(b"some data")
    whats = set()
    for offset in range(len(text)):
        for bit in (0, 3, 7):
            path.write_bytes(text[:offset] + bytes([text[offset] ^ 1 << bit]) + text[offset + 1 :])
            with pytest.raises(CorruptSnapshot) as refusal:
                found(tmp_path)
            assert str(refusal.value).startswith(f"{path} is damaged: ")
            what = str(refusal.value).removeprefix(f"{path} is damaged: ")
            whats.add(what.partition(" ")[2][:12])
            assert ("its data have checksum" in what) == (data_at <= offset < data_at + 9)
    assert names_in(tmp_path) == [NAME]
    assert len(whats) == 4


@pytest.mark.parametrize("change", [-1, 1, -30, 512])
def test_a_file_that_was_cut_or_has_grown_is_refused(tmp_path: Path, change: int) -> None:
    make(tmp_path, 7, b"some data" * 10)
    path = tmp_path / NAME
    text = path.read_bytes()
    for longer in (bytes(max(0, change)), text[-16:]):
        path.write_bytes((text[:change] if change < 0 else text) + longer)
        with pytest.raises(CorruptSnapshot, match=f"{NAME} is damaged"):
            found(tmp_path)


def test_a_file_cut_at_any_length_is_refused(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    path = tmp_path / NAME
    text = path.read_bytes()
    for length in range(len(text)):
        path.write_bytes(text[:length])
        with pytest.raises(CorruptSnapshot, match=f"{NAME} is damaged"):
            found(tmp_path)


def test_a_snapshot_under_another_name_is_refused(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / NAME).rename(tmp_path / "0000000000000008.snapshot")
    with pytest.raises(CorruptSnapshot, match="it is the snapshot of index 7"):
        found(tmp_path)


def test_an_older_snapshot_is_not_taken_for_the_damaged_latest(tmp_path: Path) -> None:
    """The log may begin after the latest: the older one would leave a gap. Nothing is changed."""
    make(tmp_path)
    older = (tmp_path / NAME).read_bytes()
    make(tmp_path, 8)
    (tmp_path / NAME).write_bytes(older)
    (tmp_path / "0000000000000008.snapshot").write_bytes(b"")
    with pytest.raises(CorruptSnapshot, match=r"0000000000000008\.snapshot is damaged"):
        found(tmp_path)
    assert names_in(tmp_path) == [NAME, "0000000000000008.snapshot"]


def test_damage_that_comes_while_it_is_read_is_told_at_the_end(tmp_path: Path) -> None:
    make(tmp_path, 7, b"some data")
    store = FileSnapshotStore(tmp_path)
    latest = store.load()
    assert latest is not None
    (tmp_path / NAME).write_bytes((tmp_path / NAME).read_bytes().replace(b"some", b"same"))
    pieces = store.pieces(latest)
    assert next(pieces) == b"same data"
    with pytest.raises(CorruptSnapshot, match="its data have checksum"):
        next(pieces)
    (tmp_path / NAME).unlink()
    with pytest.raises(CorruptSnapshot, match="it cannot be read: No such file or directory"):
        next(store.pieces(latest))
    store.close()


def test_damaged_snapshots_are_set_aside(tmp_path: Path) -> None:
    make(tmp_path)
    (tmp_path / NAME).write_bytes(b"rot")
    (tmp_path / "aside").mkdir()
    store = FileSnapshotStore(tmp_path)
    with pytest.raises(CorruptSnapshot):
        store.load()
    store.set_aside(tmp_path / "aside")
    assert store.load() is None
    store.close()
    assert (tmp_path / "aside" / NAME).read_bytes() == b"rot"
