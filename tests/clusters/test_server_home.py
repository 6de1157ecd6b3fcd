"""The data directory of one server: whose it is, how far the server has come, and what is refused."""

from pathlib import Path

import pytest

from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.server_home import SERVER_FILE, ServerFile, ServerHome, decode
from tfraft.clusters.states import state_file
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData, TfRaftError

CLUSTER = "0123456789abcdef" * 2


def state(path: Path) -> Path:
    """The file without which the state of n1 is lost."""
    return state_file(StateKind.WAL, path, "n1")


def begun(path: Path, *, started: bool = True) -> Path:
    """A directory of n1, which has begun, and run if `started`."""
    home = ServerHome.open(path, "n1")
    home.begin(CLUSTER, ("a:1",))
    if started:
        state(path).parent.mkdir()
        state(path).touch()
        home.record_started()
    home.close()
    return path


def known(path: Path) -> ServerFile | None:
    home = ServerHome.open(path, "n1")
    home.close()
    return home.file


def test_a_new_directory_is_made_and_holds_nothing_of_a_server(tmp_path: Path) -> None:
    assert known(tmp_path / "a" / "b") is None
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    assert known(tmp_path / "a" / "b") is None


def test_how_far_a_server_has_come_is_kept(tmp_path: Path) -> None:
    begun(tmp_path)
    assert known(tmp_path) == ServerFile(CLUSTER, "n1", ("a:1",), started=True)
    home = ServerHome.open(tmp_path, "n1")
    home.record_joined()
    home.close()
    assert known(tmp_path) == ServerFile(CLUSTER, "n1", (), started=True)


def test_nobody_else_gets_the_directory_meanwhile(tmp_path: Path) -> None:
    home = ServerHome.open(tmp_path, "n1")
    with pytest.raises(DataLocked, match="is in use by this same process"):
        ServerHome.open(tmp_path, "n1")
    home.close()
    home.close()
    ServerHome.open(tmp_path, "n1").close()


def test_a_server_that_has_run_does_not_come_back_without_its_state(tmp_path: Path) -> None:
    path = begun(tmp_path)
    state(path).unlink()
    with pytest.raises(CorruptState, match="the state of n1 is lost"):
        ServerHome.open(path, "n1")
    state(path).parent.rmdir()
    with pytest.raises(CorruptState, match="the state of n1 is lost"):
        ServerHome.open(path, "n1")


def test_a_server_that_has_not_run_begins_again(tmp_path: Path) -> None:
    assert known(begun(tmp_path, started=False)) == ServerFile(CLUSTER, "n1", ("a:1",))


def test_a_removed_server_does_not_come_back(tmp_path: Path) -> None:
    home = ServerHome.open(begun(tmp_path), "n1")
    home.record_removed()
    home.close()
    with pytest.raises(DataError, match="n1 was removed from its cluster, and its id is never given again"):
        ServerHome.open(tmp_path, "n1")


def test_the_directory_of_another_server_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ForeignData, match="is of server n1, not of n2"):
        ServerHome.open(begun(tmp_path), "n2")


def test_a_directory_of_somebody_else_is_not_touched(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").touch()
    with pytest.raises(ForeignData, match=r"has no server\.toml but other files \(thesis\.txt\)"):
        ServerHome.open(tmp_path, "n1")
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.txt"]
    with pytest.raises(DataError, match="is a file; data need a directory"):
        ServerHome.open(tmp_path / "thesis.txt", "n1")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (b"", CorruptState),
        (b"\xff", CorruptState),
        (b"format = 1\n", CorruptState),
        (b"format = 2\nsomething = 1\n", ForeignData),
        (ServerFile(CLUSTER, "../n1").encode(), CorruptState),
        (ServerFile("short", "n1").encode(), CorruptState),
        (ServerFile(CLUSTER, "n1").encode() + b"more = 1\n", CorruptState),
        (ServerFile(CLUSTER, "n1").encode().replace(b"false", b"0"), CorruptState),
    ],
)
def test_a_damaged_file_is_named_and_left_as_it_is(text: bytes, kind: type[TfRaftError], tmp_path: Path) -> None:
    (tmp_path / SERVER_FILE).write_bytes(text)
    with pytest.raises(kind, match=SERVER_FILE):
        ServerHome.open(tmp_path, "n1")
    assert (tmp_path / SERVER_FILE).read_bytes() == text


def test_every_file_reads_back() -> None:
    file = ServerFile(CLUSTER, "n1", ("a:1", "[::1]:2"), started=True, removed=True)
    assert decode(file.encode(), "") == file
