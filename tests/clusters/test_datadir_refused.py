"""The data directories that are refused, and not touched: in use, another cluster's, somebody else's, unreadable."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clusters.data_directories import NODES, everything, opened, run_nodes
from tfraft.clusters.cluster_file import ClusterKind, StateKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData, SettingError, TfRaftError


def assert_refused(path: Path, error: type[TfRaftError], match: str, **options: object) -> None:
    """Opening is refused in one line, and nothing is changed."""
    before = everything(path)
    with pytest.raises(error, match=match) as refusal, opened(path, **options):
        pass
    assert "\n" not in str(refusal.value)
    assert everything(path) == before


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
