"""The Makefile sets up once, then stays out of the way; where it cannot set up, it says why in one line."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tooling.project import ROOT

pytestmark = pytest.mark.process

# Stands for a Python that runs the Makefile's check under other conditions, and answers no other call.
OTHER_PYTHON = """#!/bin/sh
exec {python} -c "
import sys
{condition}
code = sys.argv[1]
exec(code)
" "$2"
"""
# Stands for the Python of .venv and for the program; says how it was called.
SAYS_HOW_IT_WAS_CALLED = '#!/bin/sh\necho "$(basename "$0") $*"\n'


def write_program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory with the Makefile and what it looks at, not set up."""
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        tmp_path.joinpath(name).write_text(ROOT.joinpath(name).read_text(encoding="utf-8"), encoding="utf-8")
    return tmp_path


@pytest.fixture
def tree_set_up(tree: Path) -> Path:
    """The same, set up: the stamp is there and newer than what it stands for."""
    for name in ("python", "tf-raft"):
        write_program(tree / ".venv" / "bin" / name, SAYS_HOW_IT_WAS_CALLED)
    for age, name in enumerate((".venv/.runtime-ready", "pyproject.toml", "constraints.txt")):
        path = tree / name
        path.touch()
        if age == 0:
            path.write_text(f"{tree}\n", encoding="utf-8")
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    return tree


def make(tree: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run make in `tree`, free of the settings of a make that runs these tests."""
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    return subprocess.run(
        ["make", *arguments],
        cwd=tree,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_start_hands_over_to_the_program_and_adds_not_a_word(tree_set_up: Path) -> None:
    done = make(tree_set_up, "start", "ARGS=RPC 5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "tf-raft start RPC 5\n", "")


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_a_changed_dependency_sets_up_anew(tree_set_up: Path, name: str) -> None:
    os.utime(tree_set_up / name, (2_000_000, 2_000_000))
    done = make(tree_set_up, "start", "PYTHON=true")
    assert "python -m pip install" in done.stdout
    assert "Setting up" in done.stderr


def test_a_tree_that_was_moved_is_set_up_anew(tree_set_up: Path) -> None:
    """The programs in .venv name the directory that they were installed in."""
    moved = tree_set_up.rename(tree_set_up.with_name("moved"))
    assert make(moved, "--question", ".venv/.runtime-ready").returncode == 1


@pytest.mark.parametrize(
    ("condition", "complaint"),
    [
        ("sys.version_info = (3, 10, 13)", "tf-raft needs Python 3.11 or newer; {python} is 3.10.13"),
        ("sys.modules['ensurepip'] = None", "tf-raft needs the venv module of Python; on Debian: apt install"),
    ],
)
@pytest.mark.parametrize("target", ["start", "test"])
def test_a_python_that_cannot_do_it_is_named_in_one_line(
    tree: Path, target: str, condition: str, complaint: str
) -> None:
    python = tree / "other-python"
    write_program(python, OTHER_PYTHON.format(python=sys.executable, condition=condition))
    done = make(tree, target, f"PYTHON={python}")
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint.format(python=python) in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tree / ".venv").exists()


def test_a_missing_python_is_named_in_one_line(tree: Path) -> None:
    done = make(tree, "start", "PYTHON=no-such-python")
    assert done.returncode == 2
    assert "tf-raft needs Python 3.11 or newer; no-such-python does not run" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_help_names_every_target_for_people(tree: Path) -> None:
    makefile = tree.joinpath("Makefile").read_text(encoding="utf-8")
    phony = next(line for line in makefile.splitlines() if line.startswith(".PHONY:")).split()[1:]
    listed = {line.split()[1] for line in make(tree, "help").stdout.splitlines()}
    assert listed == set(phony) - {"FORCE"}
