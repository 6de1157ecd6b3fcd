"""The commands beside `start`: they follow the tables of settings and verbs, and tell a fault before they connect."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_main import logging_as_before
from tests.clusters.hosted import Hosted
from tests.clusters.lab import run
from tfraft.cli.commands import NEEDS_A_SESSION, NEEDS_OUR_PROCESSES, remote_verbs
from tfraft.cli.exits import ExitCode
from tfraft.cli.main import main
from tfraft.cli.verbs.table import VERBS
from tfraft.clusters.settings import SETTINGS

__all__ = ["logging_as_before"]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that whoever runs the tests has set."""
    for name in list(os.environ):
        if name.startswith("TFRAFT_"):
            monkeypatch.delenv(name)


def test_every_verb_is_a_command_unless_it_cannot_be_one() -> None:
    names = {verb.name for verb in remote_verbs()}
    assert names | NEEDS_OUR_PROCESSES | NEEDS_A_SESSION >= set(VERBS)
    assert {"STATUS", "LOG", "ADD", "REMOVE"} <= names
    assert names.isdisjoint(NEEDS_OUR_PROCESSES | NEEDS_A_SESSION)


@pytest.mark.parametrize("verb", remote_verbs(), ids=lambda verb: verb.name)
def test_the_help_of_a_verb_is_that_of_the_table(verb: object, capsys: pytest.CaptureFixture[str]) -> None:
    name = getattr(verb, "name", "")
    assert main([name.lower(), "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert VERBS[name].summary in shown
    assert "--connect HOST:PORT,…" in shown
    assert "--json" in shown
    assert "5 (status) there is no leader" in shown


def test_the_help_of_serve_has_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["serve", "--help"]) == 0
    shown = capsys.readouterr().out
    assert [setting.option for setting in SETTINGS.values() if setting.option not in shown] == []
    assert "--no-bootstrap" in shown
    assert "[default: 127.0.0.1:7001]" in " ".join(shown.split())


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["serve"], "id is missing: --id ID, or TFRAFT_ID, or id in the file of --config"),
        (["serve", "--id", "n1"], "data_dir is missing: --data-dir DIR, or TFRAFT_DATA_DIR, or data_dir in"),
        (["serve", "--id", "N1"], "id must be 1 to 63 characters of a-z, 0-9 and -, the first of them no -, not 'N1'"),
        (["serve", "--config", "/nowhere.toml"], "/nowhere.toml cannot be read: No such file or directory"),
        (
            ["serve", "--lsten", "x"],
            "no such option: --lsten. Did you mean --listen or --resp-listen?   (tf-raft serve --help)",
        ),
        (["prompt", "--connect", "here"], "'here' is no address: host:port with a port from 1 to 65535"),
        (["prompt", "--timeout", "0"], "--timeout needs seconds above 0 and up to 3600, not 0"),
        (["prompt", "x"], "got unexpected extra argument(s) (x)   (tf-raft prompt --help)"),
        (["status", "--connect", ""], "'' is no address"),
        (["status", "--connect", "a:1,b:x"], "'b:x' is no address"),
        (["status", "x"], "got unexpected extra argument(s) (x)   (tf-raft status --help)"),
        (["remove"], "REMOVE takes other arguments. Usage: REMOVE node   (such as REMOVE n4)"),
        (["log", "a", "b", "c"], "LOG takes other arguments. Usage: LOG [node] [first..last]"),
        (["kill", "n1"], "no such command 'kill'."),
    ],
)
def test_a_wrong_argument_is_one_line_on_stderr_and_exit_code_2(
    args: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(args) == ExitCode.USAGE
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith(f"error: {told}")
    assert errors.count("\n") == 1


def test_a_variable_that_no_command_knows_is_told_and_one_of_another_command_is_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TFRAFT_NODES", "3")
    monkeypatch.setenv("TFRAFT_CONNECT", "a:1")
    assert main(["serve", "--id", "n1"]) == ExitCode.USAGE
    assert "data_dir is missing" in capsys.readouterr().err
    monkeypatch.setenv("TFRAFT_DATADIR", "x")
    assert main(["serve", "--id", "n1"]) == ExitCode.USAGE
    told = "error: the environment: there is no setting TFRAFT_DATADIR. Did you mean TFRAFT_DATA_DIR?\n"
    assert capsys.readouterr().err == told


def tf_raft(state_home: Path, *args: str, script: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command in a process of its own."""
    environ = {**os.environ, "XDG_STATE_HOME": str(state_home)}
    command = [sys.executable, "-m", "tfraft", *args]
    return subprocess.run(command, input=script, capture_output=True, text=True, env=environ, timeout=60)


@pytest.mark.process
def test_a_verb_as_a_command_answers_as_at_the_prompt(state_home: Path) -> None:
    async def story() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()

            async def ask(*args: str, script: str = "") -> subprocess.CompletedProcess[str]:
                at = ("--connect", hosted.address("n1"))
                return await asyncio.to_thread(tf_raft, state_home, *args, *at, script=script)

            done = await ask("status")
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout.splitlines()[0].split("\t")[:3] == ["node", "role", "term"]
            done = await ask("log", "1..2", "--json")
            assert [row["index"] for row in json.loads(done.stdout)["value"]] == [1]
            done = await ask("prompt", "--json", script="SET 'a b' 1\nGET 'a b'\n")
            assert [json.loads(line)["value"] for line in done.stdout.splitlines()] == ["OK", "1"]
            done = await ask("log", "no such node")
            assert (done.returncode, done.stdout) == (4, "")
            assert done.stderr.startswith("error: there is no node no such node. The nodes are n1 n2 n3.")
            done = await ask("log", "n9", "--json")
            assert (done.returncode, done.stderr) == (4, "")
            assert json.loads(done.stdout)["outcome"] == "error"
            for name in [name for name in hosted.nodes if name != "n1"]:
                await hosted.stop(name)
            if leader != "n1":
                done = await ask("remove", "n2", "--timeout", "0.5")
                assert done.returncode == 4
            done = await ask("status")
            assert done.returncode == 5
            assert "no quorum" in done.stdout

    run(story())


@pytest.mark.process
def test_where_nobody_answers_the_exit_code_says_so(state_home: Path) -> None:
    async def story() -> None:
        async with Hosted() as hosted:
            for args in (["status"], ["prompt"], ["remove", "n1"]):
                done = tf_raft(state_home, *args, "--connect", hosted.address("n1"))
                assert (done.returncode, done.stdout) == (3, "")
                assert done.stderr == f"error: no server answers at {hosted.address('n1')}\n"

    run(story())
