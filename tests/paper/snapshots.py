"""Snapshots of 100 bytes, in pieces of 40, for the tests of chapter 5."""

from dataclasses import replace

from tests.servers import CONFIG
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.messages import InstallSnapshotReply

KEEP_NONE = replace(CONFIG, keep_entries=0, snapshot_piece_bytes=40, snapshot_window=2)
VOTERS = Configuration.of("abc")


def snapshot_at(index: int, term: int = 1) -> Snapshot:
    """A snapshot of 100 bytes, of the founders' cluster."""
    return Snapshot(Base(index, term, VOTERS), size_bytes=100, checksum=7)


def wants(offset: int, index: int = 3, *, server_id: str = "c", term: int = 1) -> InstallSnapshotReply:
    """What a server answers that has so many bytes."""
    return InstallSnapshotReply(term, server_id, index, offset)
