"""A backup as bytes: what was written is read, and nothing else is."""

from collections.abc import Iterator
from itertools import pairwise

import orjson
import pytest
from crc32c import crc32c
from hypothesis import given
from hypothesis import strategies as st

from tfraft.adapters.state import sealed_file
from tfraft.adapters.state.backup_file import (
    MAX_HEADER_BYTES,
    Backup,
    BackupReader,
    encode_footer,
    encode_header,
)
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.errors import CorruptState, DataError, ForeignData

DATA = b"sessions and store" * 3
BASE = Base(7, 2, Configuration.of({"n1": "h:1", "ñ2": "h:2"}, ["n3"], removed=["n0"]), 3)
BACKUP = Backup("c" * 32, "ñ2", 1_767_225_600_000, "1.0.0", Snapshot(BASE, len(DATA), crc32c(DATA)))
FILE = encode_header(BACKUP) + DATA + encode_footer(BACKUP)
MAGIC = FILE[:16]


def read(*pieces: bytes) -> tuple[Backup, bytes]:
    reader = BackupReader(pieces, "monday")
    data = b"".join(reader.data())
    assert reader.is_whole
    return reader.backup, data


@given(st.lists(st.integers(0, len(FILE)), max_size=8))
def test_what_was_written_is_read_however_its_pieces_are_cut(cuts: list[int]) -> None:
    ends = [0, *sorted(cuts), len(FILE)]
    assert read(*(FILE[start:end] for start, end in pairwise(ends))) == (BACKUP, DATA)


@pytest.mark.parametrize("flip", [0x01, 0x80])
def test_a_flipped_bit_anywhere_is_refused(flip: int) -> None:
    for place in range(len(FILE)):
        damaged = bytearray(FILE)
        damaged[place] ^= flip
        with pytest.raises(CorruptState, match=r"^monday is no whole backup of tf-raft: .+\. Nothing was changed"):
            read(bytes(damaged))


def test_a_file_that_is_cut_short_anywhere_is_refused() -> None:
    for length in range(len(FILE)):
        with pytest.raises(CorruptState, match="it ends"):
            read(FILE[:length])


def sealed(fields: object, magic: bytes = MAGIC, data: bytes = DATA) -> Iterator[bytes]:
    yield sealed_file.encode_header(magic, orjson.dumps(fields))
    yield data
    yield sealed_file.encode_footer(len(data), crc32c(data))


FIELDS = orjson.loads(sealed_file.decode_header(encode_header(BACKUP)))


def test_the_fields_of_the_header_are_those_that_are_documented() -> None:
    assert read(*sealed(FIELDS)) == (BACKUP, DATA)
    assert {
        "format": 1,
        "cluster_id": "c" * 32,
        "server_id": "ñ2",
        "created_ms": 1_767_225_600_000,
        "version": "1.0.0",
        "base": None,
        "size_bytes": len(DATA),
        "checksum": crc32c(DATA),
    } == {**FIELDS, "base": None}


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        ([], "it ends in the middle of its header"),
        ([b"", FILE, b"x"], "there are bytes behind its end"),
        ([FILE, b"", b"x"], "there are bytes behind its end"),
        ([FILE, FILE], "there are bytes behind its end"),
        (sealed(FIELDS, b"tf-raft snap 1\n\0"), "its first bytes are not those of a backup of tf-raft"),
        (sealed([]), "Expected `object`"),
        (sealed({**FIELDS, "checksum": -1}), "Expected `int` >= 0"),
        (sealed({**FIELDS, "else": 1}), "unknown field `else`"),
        (sealed({key: value for key, value in FIELDS.items() if key != "base"}), "missing required field `base`"),
        (sealed({**FIELDS, "checksum": 1}), "its data have checksum"),
        ([encode_header(BACKUP), DATA, sealed_file.encode_footer(1, 2)], "header and footer are those of two backups"),
        ([sealed_file.encode_header(MAGIC, bytes(MAX_HEADER_BYTES))], "its header claims to have 1,048,600 bytes"),
    ],
)
def test_what_is_no_backup_is_refused_with_the_reason(pieces: list[bytes], told: str) -> None:
    with pytest.raises(CorruptState, match=told):
        read(*pieces)


def test_a_header_that_claims_to_be_huge_takes_no_memory_for_it() -> None:
    with pytest.raises(CorruptState, match=r"claims to have 4,294,967,319 bytes"):
        BackupReader([MAGIC + b"\xff\xff\xff\xff"], "monday")


def test_a_newer_format_is_told_apart_from_damage_whatever_else_has_changed() -> None:
    with pytest.raises(ForeignData, match="monday is of format 2, from a newer tf-raft; this one reads format 1"):
        read(*sealed({"format": 2, "new": True}))


@given(st.binary(max_size=200))
def test_any_other_bytes_are_refused_as_data(data: bytes) -> None:
    with pytest.raises(DataError):
        read(MAGIC, data)
