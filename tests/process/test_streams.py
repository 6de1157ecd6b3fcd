"""Commands at a cluster, with standard streams that are full or read by nobody: the exit codes that a shell sees."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.process.servers import Site, eventually

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A cluster of one server."""
    with Site(tmp_path_factory.mktemp("site")) as site:
        site.serve("n1", "--bootstrap")
        eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
        yield site


def run(site: Site, line: str, *, stdout: int, stderr: int = subprocess.PIPE) -> tuple[int, str | None]:
    """Exit code and standard error of a command line at the cluster."""
    done = subprocess.run(
        [sys.executable, "-m", "tfraft", *line.split(), "--connect", site.address("n1")],
        input="SET a 1\nBAD\n",
        stdout=stdout,
        stderr=stderr,
        text=True,
        cwd=site.path,
        env=site.environ,
        timeout=DEADLINE_S,
    )
    return done.returncode, done.stderr


@pytest.fixture
def full() -> Iterator[int]:
    """A file of a disk that is full."""
    file = os.open("/dev/full", os.O_WRONLY)
    yield file
    os.close(file)


@pytest.fixture
def unread() -> Iterator[int]:
    """A pipe that nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    yield write_end
    os.close(write_end)


@pytest.mark.parametrize("line", ["status", "status --json", "prompt", "backup monday"])
def test_an_answer_that_finds_no_room_is_one_line_and_exit_code_1(line: str, site: Site, full: int) -> None:
    assert run(site, line, stdout=full) == (1, "error: No space left on device\n")


@pytest.mark.parametrize("line", ["status", "status --json"])
def test_a_reader_that_has_left_is_exit_code_141_and_no_line(line: str, site: Site, unread: int) -> None:
    assert run(site, line, stdout=unread) == (141, "")


@pytest.mark.parametrize(("line", "code"), [("log n9", 4), ("prompt", 4)])
def test_a_line_that_finds_no_room_on_standard_error_changes_no_exit_code(
    line: str, code: int, site: Site, full: int
) -> None:
    assert run(site, line, stdout=subprocess.DEVNULL, stderr=full) == (code, None)
