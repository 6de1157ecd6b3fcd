"""Standard streams that are full, closed or read by nobody: one plain line where it can be read, and the exit code."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.test_main import logging_as_before
from tests.cli.test_upkeep import monday, no_variables, server
from tfraft.cli.exits import ExitCode
from tfraft.cli.main import main

__all__ = ["logging_as_before", "monday", "no_variables", "server"]

Captured = pytest.CaptureFixture[str]
Run = Callable[[str], int]

ANSWERING = pytest.mark.parametrize(
    "line",
    [
        "--version",
        "serve --help",
        "log verify --data-dir SERVER",
        "log verify --data-dir SERVER --json",
        "log show --data-dir SERVER",
        "log show --data-dir SERVER --json",
        "restore MONDAY --check",
        "restore MONDAY --id m1 --data-dir NEW --json",
        "recover --force-new-cluster --id n1 --data-dir SERVER --yes",
    ],
)


@pytest.fixture
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """Runs a command line, in which SERVER and MONDAY are the fixtures of these names, and NEW is not there yet."""

    def word(given: str) -> str:
        if given == "NEW":
            return str(tmp_path / "new")
        return str(request.getfixturevalue(given.lower())) if given.isupper() else given

    return lambda line: main(list(map(word, line.split())))


@contextmanager
def stream(name: str, target: str | int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within the block this standard stream writes to `target`. The block fails as Python would when it exits."""
    with open(target, "w") as file, monkeypatch.context() as patch:
        patch.setattr(sys, name, file)
        yield


@ANSWERING
def test_an_answer_that_finds_no_room_is_one_line_and_exit_code_1(
    line: str, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with stream("stdout", "/dev/full", monkeypatch):
        assert run(line) == ExitCode.INTERNAL
    assert capsys.readouterr().err.splitlines()[-1] == "error: No space left on device"


@ANSWERING
def test_a_reader_that_has_left_is_exit_code_141_and_no_line(
    line: str, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    read_end, write_end = os.pipe()
    os.close(read_end)
    with stream("stdout", write_end, monkeypatch):
        assert run(line) == ExitCode.PIPE_CLOSED
    assert "error" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("start quantum", ExitCode.USAGE),
        ("log verify --data-dir NEW", ExitCode.DATA_REFUSED),
        ("status --connect 127.0.0.1:1 --timeout 0.1", ExitCode.NO_CLUSTER),
        ("recover --force-new-cluster --id n1 --data-dir SERVER --yes", ExitCode.OK),
    ],
)
def test_a_line_that_finds_no_room_on_standard_error_changes_no_exit_code(
    line: str, code: ExitCode, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stream("stderr", "/dev/full", monkeypatch):
        assert run(line) == code


def test_a_line_for_a_closed_standard_error_does_not_turn_to_standard_output(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", None)
        assert run("start quantum") == ExitCode.USAGE
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("line", ["log verify --data-dir SERVER", "restore MONDAY --check", "status", "prompt"])
def test_no_verb_begins_where_standard_output_is_closed(
    line: str, run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert run(line) == ExitCode.USAGE
    told = "error: standard input and standard output must be open: < /dev/null will do\n"
    assert capsys.readouterr() == ("", told)


def test_a_server_needs_no_standard_output(run: Run, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", None)
        assert run("serve --id n1") == ExitCode.USAGE
    assert "data_dir" in capsys.readouterr().err
