"""The data directory: what it remembers, and what it refuses to touch."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tfraft.adapters.state.json import LocalStateManager
from tfraft.adapters.state.wal import WalStateManager
from tfraft.clusters.cluster_file import ClusterKind, NodeRecord, StateKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData, SettingError, TfRaftError

NODES = [NodeRecord("n1", "127.0.0.1:50051"), NodeRecord("n2", "127.0.0.1:50061"), NodeRecord("n3", "[::1]:50053")]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the data shall be; not there yet."""
    return tmp_path / "demo"


@contextmanager
def opened(path: Path, **options: object) -> Iterator[DataDirectory]:
    with closing(DataDirectory.open(path, **options)) as directory:  # type: ignore[arg-type]
        yield directory


def run_nodes(directory: DataDirectory, *server_ids: str) -> None:
    """Let these nodes run once, as a cluster does: load, which makes the file, then remember it."""
    for server_id in server_ids:
        directory.check_state(server_id)
        manager = LocalStateManager(server_id, directory.path, cluster_id=directory.cluster_id)
        manager.load()
        manager.close()
    directory.record_started(*server_ids)


def everything(path: Path) -> dict[str, bytes]:
    """All files below `path` but the lock files, which name the last process."""
    files = [file for file in path.rglob("*") if file.is_file() and file.name != "LOCK"]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def assert_refused(path: Path, error: type[TfRaftError], match: str, **options: object) -> None:
    """Opening is refused in one line, and nothing is changed."""
    before = everything(path)
    with pytest.raises(error, match=match) as refusal, opened(path, **options):
        pass
    assert "\n" not in str(refusal.value)
    assert everything(path) == before


# --- What it remembers ---


def test_a_new_directory_is_a_cluster_with_an_id_of_128_random_bits(path: Path) -> None:
    with opened(path) as first, opened(path.with_name("other")) as other:
        assert (first.kind, first.state, first.nodes) == (ClusterKind.MEMORY, StateKind.JSON, ())
        assert len(bytes.fromhex(first.cluster_id)) == 16
        assert first.cluster_id != other.cluster_id


def test_kind_state_nodes_ports_and_id_are_remembered(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES, cluster_id="5a0c") as directory:
        assert directory.nodes == tuple(NODES)
    with opened(path) as directory:
        assert (directory.kind, directory.state, directory.cluster_id) == (ClusterKind.RPC, StateKind.WAL, "5a0c")
        assert directory.nodes == tuple(NODES)
    # The same words again, as in the history of a shell; what is remembered wins over a new wish for nodes.
    with opened(path, kind=ClusterKind.RPC, state=StateKind.WAL, nodes=NODES[:1], cluster_id="new") as directory:
        assert (directory.cluster_id, directory.nodes) == ("5a0c", tuple(NODES))


def test_nodes_that_are_recorded_later_are_remembered(path: Path) -> None:
    with opened(path, nodes=NODES[:2]) as directory:
        directory.record_nodes(NODES[1:])
        assert directory.nodes == tuple(NODES[1:])
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES[1:])


def test_directory_and_files_are_for_their_owner_alone(path: Path) -> None:
    with opened(path / "deeper") as directory:
        modes = {
            file.name: stat.S_IMODE(file.stat().st_mode) for file in [path, directory.path, *directory.path.iterdir()]
        }
    assert modes == {"demo": 0o700, "deeper": 0o700, "cluster.toml": 0o600, "LOCK": 0o600}


def test_the_state_of_a_node_lies_where_its_state_manager_puts_it(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1")
        assert directory.state_path("n1").read_bytes().startswith(b"{")


def test_a_second_cluster_on_the_directory_is_refused_until_the_first_is_closed(path: Path) -> None:
    first = DataDirectory.open(path)
    assert_refused(path, DataLocked, rf"demo is in use by this same process {os.getpid()}")
    assert_refused(path, DataLocked, "in use", fresh=True)
    first.close()
    first.close()
    with opened(path):
        pass


def test_a_refused_directory_is_free_for_the_next(path: Path) -> None:
    with opened(path):
        pass
    assert_refused(path, SettingError, "memory cluster", kind=ClusterKind.RPC)
    with opened(path):
        pass


# --- Another cluster than was asked for ---


def test_another_kind_of_cluster_is_refused(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC):
        pass
    assert_refused(
        path, SettingError, r"demo holds a rpc cluster, not a memory cluster: .* --fresh", kind=ClusterKind.MEMORY
    )


def test_another_state_adapter_is_refused(path: Path) -> None:
    with opened(path):
        pass
    assert_refused(
        path, SettingError, r"cluster with json state, not a cluster with memory state", state=StateKind.MEMORY
    )


@pytest.mark.parametrize("server_id", ["../n1", "", "a/b"])
def test_a_node_whose_id_cannot_name_a_file_is_not_recorded(path: Path, server_id: str) -> None:
    with opened(path) as directory:
        before = everything(path)
        with pytest.raises(SettingError, match="needs an id"):
            directory.record_nodes([NodeRecord(server_id)])
        assert everything(path) == before


# --- Not a directory of ours ---


def test_a_file_is_refused(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(DataError, match="demo is a file; data need a directory"), opened(path):
        pass
    assert path.read_text() == "mine"


@pytest.mark.parametrize("fresh", [False, True])
@pytest.mark.parametrize("names", [["letter.txt"], ["LOCK", "CURRENT", "LOG", "MANIFEST-1"], ["n1.json", "n1.lock"]])
def test_a_directory_with_files_of_somebody_else_is_refused_and_not_touched(
    path: Path, names: list[str], fresh: bool
) -> None:
    path.mkdir()
    for name in names:
        (path / name).write_text("mine")
    listing = sorted(path.iterdir())
    assert_refused(path, ForeignData, rf"demo has no cluster.toml but other files \({names[-1][0]}?", fresh=fresh)
    assert sorted(path.iterdir()) == listing
    with pytest.raises(ForeignData):
        DataDirectory.contents(path)


def test_an_empty_directory_is_taken_and_its_mode_is_left_to_its_owner(path: Path) -> None:
    path.mkdir(mode=0o750)
    with opened(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o750


@pytest.mark.parametrize("left", [["LOCK"], ["LOCK", "cluster.toml.new"]])
def test_what_a_crash_leaves_of_the_first_start_is_taken(path: Path, left: list[str]) -> None:
    path.mkdir()
    for name in left:
        (path / name).write_text("")
    with opened(path):
        assert sorted(file.name for file in path.iterdir()) == ["LOCK", "cluster.toml"]


def test_a_path_below_a_file_is_refused(path: Path) -> None:
    path.write_text("mine")
    with (
        pytest.raises(DataError, match=r"cannot be made a directory: (File exists|Not a directory); mend that"),
        opened(path / "x"),
    ):
        pass


UNWRITABLE = """
import os, sys
from tfraft.clusters.datadir import DataDirectory
from tfraft.errors import DataError
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.setresuid(65534, 65534, 65534)
try:
    DataDirectory.open(sys.argv[2])
except DataError as error:
    print(error, flush=True)
# No tool that came along may write anything at the end: it could not.
os._exit(0)
"""


@pytest.mark.process
@pytest.mark.parametrize(
    ("path_below", "what"),
    [("closed/new", "closed/new cannot be made a directory"), ("closed", "closed/LOCK cannot be locked")],
)
def test_an_unwritable_directory_is_refused(path: Path, path_below: str, what: str) -> None:
    """In a process of its own, since the superuser may write anywhere."""
    path.mkdir(mode=0o755)
    (path / "closed").mkdir(mode=0o555)
    command = [sys.executable, "-c", UNWRITABLE, str(path), path_below]
    output = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert (output.stdout, output.stderr) == (
        f"{what}: Permission denied; mend that, or choose another directory\n",
        "",
    )


def test_a_cluster_file_that_cannot_be_written_is_an_error_and_what_is_remembered_stays(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        (path / "cluster.toml.new").mkdir()
        with pytest.raises(DataError, match=r"cluster\.toml cannot be written: Is a directory"):
            directory.record_nodes([])
        assert directory.nodes == tuple(NODES)
        (path / "cluster.toml.new").rmdir()
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES)


# --- A cluster.toml that cannot be read ---


def test_a_damaged_cluster_file_is_refused_and_not_changed(path: Path) -> None:
    with opened(path):
        pass
    (path / "cluster.toml").write_text("format = 1\nkind =")
    assert_refused(path, CorruptState, r"demo/cluster\.toml is damaged: .*end of document.* Nothing was changed")


@pytest.mark.parametrize("fresh", [False, True])
def test_a_newer_format_is_foreign(path: Path, fresh: bool) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1")
    file = path / "cluster.toml"
    file.write_text(file.read_text().replace("format = 1", "format = 2\nnew = [1]"))
    assert_refused(path, ForeignData, r"cluster\.toml is of format 2, from a newer tf-raft", fresh=fresh)


# --- Nodes that lost their state ---


def test_a_node_that_never_ran_needs_no_state(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        assert directory.wiped == ()
        for node in NODES:
            directory.check_state(node.server_id)


def test_a_node_that_ran_and_has_its_state_may_run_again(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n3")
        assert [node.started for node in directory.nodes] == [True, False, True]
    with opened(path) as directory:
        assert directory.wiped == ()
        run_nodes(directory, "n1", "n2")
        assert [node.started for node in directory.nodes] == [True, True, True]


def test_a_wiped_node_must_not_come_back_under_its_id(path: Path) -> None:
    """PITFALLS 27: it forgot its vote, and could vote again in the same term."""
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2", "n3")
        directory.state_path("n2").unlink()
    with opened(path) as directory:
        assert directory.wiped == ("n2",)
        directory.check_state("n1")
        with pytest.raises(
            CorruptState, match=r"the state of n2 is lost: .*demo/n2\.json is missing\. .* --fresh"
        ) as refusal:
            directory.check_state("n2")
        assert "\n" not in str(refusal.value)


def run_with_logs(directory: DataDirectory, *server_ids: str) -> None:
    """What nodes with a write-ahead log leave."""
    for server_id in server_ids:
        state = WalStateManager(server_id, directory.path / server_id, cluster_id=directory.cluster_id)
        state.load()
        state.close()
    directory.record_started(*server_ids)


def test_a_node_whose_write_ahead_log_is_gone_must_not_come_back(path: Path) -> None:
    """PITFALLS 27: with an empty directory in its place as well as with none."""
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2", "n3")
        assert directory.wiped == ()
        directory.check_state("n1")
        shutil.rmtree(path / "n1")
        shutil.rmtree(path / "n2")
        (path / "n2").mkdir()
    with opened(path) as directory:
        assert directory.wiped == ("n1", "n2")
        with pytest.raises(CorruptState, match=r"the state of n2 is lost: .*demo/n2/metadata\.json is missing\."):
            directory.check_state("n2")


def test_contents_names_the_directories_of_write_ahead_logs_and_snapshots_and_fresh_removes_them(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2")
    (path / "n1.00000000000000000007.snapshot").write_bytes(b"of a node with JSON")
    (path / "letters").mkdir()
    (path / "letters" / "metadata.txt").write_text("mine")
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    size -= len("mine") + (path / "LOCK").stat().st_size
    assert DataDirectory.contents(path) == (
        f"cluster.toml, n1, n1.00000000000000000007.snapshot, n2 in {path} ({size:,} bytes)"
    )
    with opened(path, fresh=True):
        left = {file.name for file in path.iterdir()} - {"LOCK", "n1.lock", "n2.lock", "n3.lock"}
        assert left == {"cluster.toml", "letters"}


def test_fresh_removes_nothing_while_a_node_with_a_write_ahead_log_still_runs(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES) as directory:
        run_with_logs(directory, "n1", "n2")
        cluster_id = directory.cluster_id
    node = WalStateManager("n2", path / "n2", cluster_id=cluster_id)
    node.load()
    before = {file for file in path.rglob("*") if file.suffix != ".lock"}
    with pytest.raises(DataLocked), opened(path, fresh=True):
        pass
    assert {file for file in path.rglob("*") if file.suffix != ".lock"} == before
    node.close()


def test_a_node_whose_state_was_in_memory_must_not_come_back_in_the_same_run(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, state=StateKind.MEMORY, nodes=NODES) as directory:
        directory.check_state("n1")
        directory.record_started("n1", "n2", "n3")
        with pytest.raises(CorruptState, match="the state of n1 is lost: it was kept in the memory of its process"):
            directory.check_state("n1")
    # The next run begins anew with all of them, at the same addresses.
    with opened(path) as directory:
        assert directory.nodes == tuple(NODES)
        directory.check_state("n1")


# --- Beginning anew ---


def test_contents_names_what_fresh_would_remove(path: Path) -> None:
    assert DataDirectory.contents(path) == ""
    assert not path.exists()
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    size = sum((path / name).stat().st_size for name in ("cluster.toml", "n1.json", "n2.json"))
    assert DataDirectory.contents(path) == f"cluster.toml, n1.json, n2.json in {path} ({size:,} bytes)"


def test_contents_of_an_empty_directory_is_nothing(path: Path) -> None:
    path.mkdir()
    assert DataDirectory.contents(path) == ""


def test_fresh_begins_a_new_cluster_and_leaves_the_files_of_others(path: Path) -> None:
    with opened(path, kind=ClusterKind.RPC, nodes=NODES, cluster_id="5a0c") as directory:
        run_nodes(directory, "n1", "n2", "n3")
    for name in ("notes.json", "n4.json", "n5.json.bak", "letter"):
        (path / name).write_text("mine")
    (path / "dir.json").mkdir()
    (path / "n1.json.new").write_text("half of a f")
    with opened(path, fresh=True, nodes=NODES[:1]) as directory:
        assert (directory.kind, directory.nodes, directory.wiped) == (ClusterKind.MEMORY, tuple(NODES[:1]), ())
        assert directory.cluster_id != "5a0c"
        run_nodes(directory, "n1")
    assert set(everything(path)) - {"n1.lock", "n2.lock", "n3.lock"} == {
        *("cluster.toml", "n1.json"),
        *("notes.json", "n4.json", "n5.json.bak", "letter"),
    }


def test_fresh_removes_the_state_of_nodes_that_a_damaged_cluster_file_does_not_name(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    (path / "cluster.toml").write_text("?")
    assert "n1.json, n2.json" in DataDirectory.contents(path)
    with opened(path, fresh=True):
        assert not list(path.glob("*.json"))


def test_fresh_removes_the_damaged_state_of_a_node_that_is_named(path: Path) -> None:
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1")
        directory.state_path("n1").write_text("?")
    with opened(path, fresh=True):
        assert not list(path.glob("*.json"))


def test_fresh_removes_nothing_while_one_of_the_nodes_still_runs(path: Path) -> None:
    """A node process may outlive the one that started it by a moment."""
    with opened(path, nodes=NODES) as directory:
        run_nodes(directory, "n1", "n2")
    node = LocalStateManager("n2", path)
    node.load()
    before = everything(path)
    with pytest.raises(DataLocked, match=r"lock n2\.lock"), opened(path, fresh=True):
        pass
    assert {**everything(path), "n3.lock": b""} == {**before, "n3.lock": b""}
    node.close()
