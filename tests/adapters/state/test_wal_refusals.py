"""The directories that a write-ahead log does not take: of somebody else, in use, or with damaged metadata."""

from pathlib import Path

import pytest
from crc32c import crc32c

from tests.adapters.state.runs import contents, loaded, saves
from tests.adapters.state.wal_runs import SMALL, STORED
from tfraft.adapters.state.wal import WalStateManager
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData


def test_the_log_of_another_server_is_foreign(directory: Path) -> None:
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"metadata\.json is of the log of server n1, not of n2"):
        loaded(WalStateManager("n2", directory, cluster_id="c1"))
    assert contents(directory) == before


def test_the_log_of_another_cluster_is_foreign(directory: Path) -> None:
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"metadata\.json belongs to cluster c1, not to c2"):
        loaded(WalStateManager("n1", directory, cluster_id="c2"))
    assert contents(directory) == before
    assert loaded(WalStateManager("n1", directory)) == STORED


def test_the_log_of_no_cluster_is_foreign_to_a_cluster(tmp_path: Path) -> None:
    saves(WalStateManager("n1", tmp_path), SMALL)
    with pytest.raises(ForeignData, match="belongs to cluster without an id, not to c1"):
        loaded(WalStateManager("n1", tmp_path, cluster_id="c1"))


def test_the_log_of_a_newer_format_is_foreign(directory: Path) -> None:
    path = directory / "metadata.json"
    path.write_text(path.read_text().replace('"format": 1', '"format": 2, "more": true'))
    before = contents(directory)
    with pytest.raises(ForeignData, match=r"is of format 2, from a newer tf-raft; this one reads format 1"):
        loaded(WalStateManager("n1", directory))
    assert contents(directory) == before


def test_a_second_manager_is_refused_until_the_first_is_closed(directory: Path) -> None:
    first, second = (WalStateManager("n1", directory) for _ in range(2))
    first.load()
    with pytest.raises(DataLocked, match=r"in use by this same process \d+"):
        second.load()
    first.close()
    assert second.load() == STORED
    second.close()


def test_a_manager_that_refused_its_directory_has_freed_it(directory: Path) -> None:
    with pytest.raises(ForeignData):
        WalStateManager("n1", directory, cluster_id="c2").load()
    assert loaded(WalStateManager("n1", directory)) == STORED


@pytest.mark.parametrize("planted", ["directory", "symbolic link"])
def test_something_else_in_the_place_of_a_segment_is_an_error(directory: Path, planted: str) -> None:
    path = directory / "0000000001.wal"
    path.rename(directory / "elsewhere")
    if planted == "directory":
        path.mkdir()
    else:
        path.symlink_to(directory / "elsewhere")
    with pytest.raises(DataError, match=r"0000000001\.wal cannot be read: "):
        loaded(WalStateManager("n1", directory))


def test_a_file_in_the_place_of_the_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("mine")
    with pytest.raises(DataError, match=r"data cannot be made a directory: File exists"):
        loaded(WalStateManager("n1", tmp_path / "data"))


# --- Metadata ---


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"format": 1', '"format": 0', "its format must be a number from 1 on, not 0"),
        ('"format": 1', '"format": "1"', "its format must be a number from 1 on, not '1'"),
        ('"last_segment": 1', '"last_segment": 2', "its checksum does not fit what stands above it"),
        ('"checksum"', '"checksums"', "its checksum does not fit what stands above it"),
        ("{", "[", "it is not a JSON object"),
        ("n1", "\udcff", "it is not a JSON object"),
    ],
)
def test_damaged_metadata_are_refused(directory: Path, old: str, new: str, what: str) -> None:
    path = directory / "metadata.json"
    path.write_text(path.read_text().replace(old, new), errors="surrogateescape")
    with pytest.raises(CorruptState) as refusal:
        loaded(WalStateManager("n1", directory))
    assert str(refusal.value).startswith(f"{path} is damaged: {what}")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('"first_segment": 1', '"first_segment": 0', "$.first_segment"),
        ('"mark": "', '"mark": "0', "$.mark"),
        ('"term":0', '"term":-1', "$.base.term"),
        ('"voters":{}', '"voters":{"n1":1}', "$.base.configuration"),
        ('{"voters":{}}', "{}", "`voters`"),
        ('"cluster_id"', '"cluster"', "cluster"),
    ],
)
def test_metadata_of_fitting_checksum_and_wrong_fields_are_refused_by_name(
    directory: Path, old: str, new: str, what: str
) -> None:
    path = directory / "metadata.json"
    body = path.read_text()
    assert old in body
    body = body[: body.index('"checksum"')].replace(old, new)
    path.write_text(body + f'"checksum": "crc32c:{crc32c(body.encode()):08x}"\n}}\n')
    with pytest.raises(CorruptState, match="its fields are wrong: ") as refusal:
        loaded(WalStateManager("n1", directory))
    assert what in str(refusal.value)
