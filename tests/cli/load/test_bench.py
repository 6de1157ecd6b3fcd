"""`tf-raft bench` as its users meet it: what it refuses, what it prints and where, and how it ends."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep
from xml.etree import ElementTree

import pexpect
import pytest

from tests.cli.load.fake_redis import FakeRedis, closed_port
from tests.cli.test_main import logging_as_before
from tests.tooling.project import ROOT
from tfraft.cli.exits import ExitCode
from tfraft.cli.main import main

__all__ = ["logging_as_before"]

Captured = pytest.CaptureFixture[str]
QUICK = ["--clients", "3", "--duration", "0.1s", "--keys", "20"]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that whoever runs the tests has set."""
    for name in list(os.environ):
        if name.startswith("TFRAFT_"):
            monkeypatch.delenv(name)


def test_the_help_says_whose_time_it_takes_and_has_examples_and_exit_codes(capsys: Captured) -> None:
    assert main(["bench", "--help"]) == 0
    shown = capsys.readouterr().out
    assert "  tf-raft bench 127.0.0.1:7379\n" in shown
    assert "takes that core from the node" in " ".join(shown.split())
    assert "Exit codes:\n" in shown


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ([], "missing argument 'HOST:PORT[,HOST:PORT…]'.   (tf-raft bench --help)"),
        (["here"], "'here' is no address: host:port with a port from 1 to 65535"),
        (["a:1", "--clients", "0"], "--clients needs a number from 1 to 10000, not 0"),
        (["a:1", "--duration", "long"], '--duration needs a time up to 24h, such as 10s, 500ms or 2m, not "long"'),
        (["a:1", "--read-mode", "fast"], '--read-mode is linearizable, lease, follower or stale:SECONDS, not "fast"'),
        (["a:1", "--html", "/nowhere/x.html"], "--html /nowhere/x.html cannot be written: No such file or directory"),
    ],
)
def test_a_wrong_argument_is_one_line_on_stderr_and_exit_code_2(args: list[str], told: str, capsys: Captured) -> None:
    assert main(["bench", *args]) == ExitCode.USAGE
    out, errors = capsys.readouterr()
    assert (out, errors.count("\n")) == ("", 1)
    assert errors.startswith(f"error: {told}")


def test_where_nobody_listens_the_exit_code_is_3(capsys: Captured) -> None:
    dead = closed_port()
    assert main(["bench", dead]) == ExitCode.NO_CLUSTER
    assert capsys.readouterr() == ("", f"error: nobody listens at {dead}\n")


def test_a_server_of_another_protocol_is_told_and_the_exit_code_is_3(capsys: Captured) -> None:
    with FakeRedis(lambda words: b"HTTP/1.1 400 Bad Request\r\n\r\n") as fake:
        assert main(["bench", fake.address]) == ExitCode.NO_CLUSTER
        assert capsys.readouterr() == ("", f"error: {fake.address} answers, but not in the Redis protocol\n")


def test_where_a_read_mode_is_refused_the_exit_code_is_4(capsys: Captured) -> None:
    def refuse(words: list[bytes]) -> bytes | None:
        return b"-ERR unknown command 'READMODE'\r\n" if words[0] == b"READMODE" else None

    with FakeRedis(refuse) as fake:
        assert main(["bench", fake.address, "--read-mode", "lease"]) == ExitCode.COMMAND_FAILED
        told = f"error: {fake.address} refuses READMODE lease: ERR unknown command 'READMODE'\n"
        assert capsys.readouterr() == ("", told)


def test_where_every_request_fails_the_figures_say_so_and_the_exit_code_is_4(capsys: Captured) -> None:
    def refuse(words: list[bytes]) -> bytes | None:
        return b"-CLUSTERDOWN No Raft leader\r\n" if words[0] == b"SET" else None

    with FakeRedis(refuse) as fake:
        assert main(["bench", fake.address, *QUICK, "--json"]) == ExitCode.COMMAND_FAILED
        document = json.loads(capsys.readouterr().out)
        assert document["ok"] is False
        assert document["value"]["errors"] == {"CLUSTERDOWN": fake.seen["SET"]}


def test_json_html_and_text_tell_of_the_same_load(tmp_path: Path, capsys: Captured) -> None:
    with FakeRedis() as fake:
        args = ["bench", fake.address, *QUICK, "--reads", "0.5", "--json", "--html", str(tmp_path / "load.html")]
        assert main(args) == ExitCode.OK
        out, errors = capsys.readouterr()
        assert errors == "", "a pipe sees no progress"
        document = json.loads(out)
        assert document["ok"] is True
        requests = document["value"]["requests"]
        assert requests == fake.seen["GET"] + fake.seen["SET"]
        assert f"{requests:,} answered in " in document["text"]
        cells = [cell.text for cell in ElementTree.parse(tmp_path / "load.html").iter("td")]
        assert [cells[1], cells[9]] == [f"{fake.seen['GET']:,}", f"{fake.seen['SET']:,}"]


@pytest.mark.process
def test_ctrl_c_ends_it_with_the_figures_so_far_and_takes_the_keys_away(state_home: Path) -> None:
    with FakeRedis() as fake:
        command = [sys.executable, "-m", "tfraft", "bench", fake.address, "--duration", "1h"]
        environ = {**os.environ, "XDG_STATE_HOME": str(state_home)}
        bench = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ)
        deadline_s = monotonic() + 60
        while fake.seen["SET"] < 100 and monotonic() < deadline_s:
            sleep(0.01)
        bench.send_signal(signal.SIGINT)
        out, errors = bench.communicate(timeout=60)
        assert (bench.returncode, errors) == (ExitCode.INTERRUPTED, "")
        assert f"{fake.seen['SET']:,} answered in " in out
        assert "interrupted: these are the figures so far" in out
        assert fake.values == {}


@pytest.mark.process
def test_a_terminal_sees_how_far_it_is_and_then_the_figures_alone(state_home: Path) -> None:
    with FakeRedis() as fake:
        environ = {**os.environ, "XDG_STATE_HOME": str(state_home), "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"}
        args = ["-m", "tfraft", "bench", fake.address, "--duration", "1s"]
        with pexpect.spawn(
            sys.executable, args, env=environ, encoding="utf-8", timeout=60, dimensions=(24, 120)
        ) as bench:
            bench.expect(r"loading .* [0-9,]+/s · [0-9,]+ requests")
            bench.expect(r"writes +[0-9,]+ ")
            bench.expect(r"[0-9,]+ answered in [0-9.]+ s: [0-9,]+/s, none failed")
            bench.expect(pexpect.EOF)
            assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", bench.before or "")
        assert bench.exitstatus == 0


def test_the_lines_in_the_page_about_it_work(tmp_path: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/operations.md, with another address and less time."""
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    lines = re.findall(r"^tf-raft (bench .*)$", page, re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        with FakeRedis() as fake:
            words = shlex.split(line, comments=True)
            words[1] = fake.address
            assert main([*words, "--duration", "0.1s", "--keys", "100"]) == ExitCode.OK
            assert fake.seen["SET"] + fake.seen["GET"] > 0
    assert capsys.readouterr().err == ""
    assert (tmp_path / "load.html").exists()
