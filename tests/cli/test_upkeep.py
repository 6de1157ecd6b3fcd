"""`backup`, `restore`, `recover` and `log` with a data directory: what they tell, ask and refuse."""

import json
import os
import stat
from io import StringIO
from pathlib import Path

import pytest

from tests.cli.test_main import logging_as_before
from tests.clusters.stored import FOUNDING, LOG, OLD, stored
from tests.clusters.test_backup import a_backup
from tfraft.adapters.state.backup_places import LocalFile
from tfraft.cli.exits import ExitCode
from tfraft.cli.main import main
from tfraft.clusters.server_home import SERVER_FILE, ServerHome, decode
from tfraft.core.effects import Save

__all__ = ["logging_as_before"]

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that whoever runs the tests has set."""
    for name in list(os.environ):
        if name.startswith("TFRAFT_"):
            monkeypatch.delenv(name)


@pytest.fixture
def monday(tmp_path: Path) -> Path:
    """A backup of a cluster with one value."""
    (tmp_path / "here").mkdir()
    a_backup(LocalFile(tmp_path / "here" / "monday"), greeting="hello")
    return tmp_path / "here" / "monday"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    """The data directory of n1, which does not run, with a log of five entries."""
    stored(tmp_path / "n1", Save(3, "n2", 1, LOG, FOUNDING))
    return tmp_path / "n1"


@pytest.mark.parametrize("name", ["backup", "restore", "recover", "log"])
def test_the_help_of_each_has_an_example_and_the_exit_codes(name: str, capsys: Captured) -> None:
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"  tf-raft {name} " in shown
    assert "Exit codes:\n" in shown


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (["backup"], "missing argument 'FILE|URL'.   (tf-raft backup --help)"),
        (["backup", ""], "a backup needs a file, or a URL such as s3://bucket/name"),
        (["backup", "x", "--connect", "here"], "'here' is no address"),
        (["backup", "x", "--timeout", "0"], "--timeout needs seconds above 0 and up to 3600, not 0"),
        (["restore"], "missing argument 'FILE|URL'.   (tf-raft restore --help)"),
        (["restore", "x"], "--data-dir is missing   (tf-raft restore FILE --id n1 --data-dir ./n1)"),
        (["restore", "x", "--data-dir", "d"], "--id is missing   (tf-raft restore FILE --id n1 --data-dir ./n1)"),
        (["restore", "x", "--data-dir", "", "--id", "n1"], "data_dir must be a directory, not ''   (--data-dir)"),
        (["restore", "x", "--data-dir", "d", "--id", "../n1"], "id must be 1 to 63 characters of a-z, 0-9 and -"),
        (["restore", "x", "--data-dir", "d", "--id", "n1", "--advertise", "h"], "advertise must be host:port"),
        (["restore", "nowhere://x", "--check"], "nowhere://x cannot be used: ValueError: Protocol not known: nowhere"),
        (["recover", "--id", "n1"], "--data-dir is missing   (tf-raft recover --force-new-cluster --id n1"),
        (["recover", "--id", "n1", "--data-dir", "d"], "recover makes a new cluster of one server, and may lose"),
        (["recover", "--id", "n1", "--data-dir", "d", "--yes"], "recover makes a new cluster of one server, and"),
        (["log", "verify"], "log verify looks into a data directory: say which   (--data-dir ./n1)"),
        (["log", "show", "5.."], "log show looks into a data directory: say which"),
        (["log", "--data-dir", "d"], 'with --data-dir it is log verify or log show, not log ""'),
        (["log", "n1", "--data-dir", "d"], 'with --data-dir it is log verify or log show, not log "n1"'),
        (
            ["log", "show", "--data-dir", "d", "--first", "0"],
            "invalid value for '--first'",
        ),
    ],
)
def test_a_wrong_argument_is_one_line_on_stderr_and_exit_code_2(args: list[str], told: str, capsys: Captured) -> None:
    assert main(args) == ExitCode.USAGE
    out, errors = capsys.readouterr()
    assert out == ""
    assert errors.startswith(f"error: {told}")
    assert errors.count("\n") == 1


def test_a_cluster_that_does_not_answer_is_exit_code_3_and_nothing_is_left(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "here").mkdir()
    assert main(["backup", str(tmp_path / "here" / "monday"), "--connect", "127.0.0.1:1"]) == ExitCode.NO_CLUSTER
    assert capsys.readouterr().err == "error: there is no backup: no server answers at 127.0.0.1:1\n"
    assert list((tmp_path / "here").iterdir()) == []


# --- restore ---


def test_a_check_tells_what_a_backup_is_of_and_changes_nothing(monday: Path, capsys: Captured) -> None:
    before = sorted(monday.parent.iterdir())
    assert main(["restore", "--check", str(monday)]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{monday} is whole: the state through entry ")
    assert main(["restore", "--check", str(monday), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    assert (value["cluster_id"], value["server_id"], value["place"]) == (OLD, "n1", str(monday))
    assert sorted(monday.parent.iterdir()) == before


def test_a_restore_tells_how_to_go_on(monday: Path, capsys: Captured) -> None:
    target = monday.parent / "m1"
    args = ["restore", str(monday), "--id", "m1", "--data-dir", str(target)]
    assert main([*args, "--advertise", "h:7"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == [
        f"start it:     tf-raft serve --id m1 --data-dir {target} --listen h:7",
        "others join:  tf-raft serve --id ID --data-dir DIR --listen HOST:PORT --join h:7",
    ]
    assert main(args) == ExitCode.DATA_REFUSED
    assert capsys.readouterr().err.startswith(f"error: {target} is not empty (m1, {SERVER_FILE}): a backup is")
    assert {stat.S_IMODE(path.stat().st_mode) for path in target.rglob("*")} == {0o600, 0o700}


def test_a_restore_tells_a_program_which_cluster_is_new(monday: Path, capsys: Captured) -> None:
    target = monday.parent / "m1"
    assert main(["restore", str(monday), "--id", "m1", "--data-dir", str(target), "--json"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    file = decode((target / SERVER_FILE).read_bytes(), "")
    assert (value["cluster_id"], value["server_id"]) == (file.cluster_id, file.server_id)
    assert value["backup"]["cluster_id"] == OLD != file.cluster_id
    assert value["address"] == "127.0.0.1:7001"


@pytest.mark.parametrize("check", [["--check"], ["--id", "m1", "--data-dir"]])
def test_a_damaged_backup_is_exit_code_7(check: list[str], monday: Path, capsys: Captured) -> None:
    data = bytearray(monday.read_bytes())
    data[len(data) // 2] ^= 1
    monday.write_bytes(data)
    where = [str(monday.parent / "m1")] if len(check) > 1 else []
    assert main(["restore", str(monday), *check, *where]) == ExitCode.DATA_REFUSED
    assert capsys.readouterr().err.startswith(f"error: {monday} is no whole backup of tf-raft: ")
    assert sorted(path.name for path in monday.parent.iterdir()) == ["monday"]


# --- recover ---


class Terminal(StringIO):
    """A standard input at which somebody sits."""

    def isatty(self) -> bool:
        return True


RECOVER = ["recover", "--force-new-cluster", "--id", "n1", "--data-dir"]


@pytest.mark.parametrize("answer", ["", "no\n", "y\n", "\n"])
def test_a_recovery_that_is_not_confirmed_changes_nothing(
    answer: str, server: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (server / SERVER_FILE).read_bytes()
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main([*RECOVER, str(server)]) == 0
    out, errors = capsys.readouterr()
    assert out == "nothing was changed\n"
    assert errors.endswith("Type yes to go on: ")
    assert (server / SERVER_FILE).read_bytes() == before


def test_before_it_asks_it_says_what_may_be_lost_and_what_may_happen_after_all(
    server: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("yes\n"))
    assert main([*RECOVER, str(server)]) == 0
    out, errors = capsys.readouterr()
    assert "n1 has the log through entry 5 (term 3). What the others have committed after that" in errors
    assert "Entries 1 to 5 may never have been committed: they are from now on" in errors
    assert "under new ids: n2 n4." in errors
    assert out.splitlines()[1] == f"start it:     tf-raft serve --id n1 --data-dir {server} --listen h:1"


def test_without_a_terminal_it_needs_yes(server: Path, capsys: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", StringIO("yes\n"))
    assert main([*RECOVER, str(server)]) == ExitCode.USAGE
    assert "there is no terminal to ask at whether this is meant: add --yes" in capsys.readouterr().err
    assert main([*RECOVER, str(server), "--yes", "--json", "--advertise", "new:1"]) == 0
    value = json.loads(capsys.readouterr().out)["value"]
    file = decode((server / SERVER_FILE).read_bytes(), "")
    assert value == {
        "recovered": True,
        "cluster_id": file.cluster_id,
        "server_id": "n1",
        "address": "new:1",
        "term": 4,
        "index": 6,
        "left": ["n2", "n4"],
        "uncommitted": 5,
    }


def test_where_the_cluster_knew_no_address_one_must_be_given(tmp_path: Path, capsys: Captured) -> None:
    stored(tmp_path / "n9", Save(3, "n2", 1, LOG, FOUNDING), server_id="n9")
    assert main(["recover", "--force-new-cluster", "--id", "n9", "--data-dir", str(tmp_path / "n9"), "-y"]) == 2
    assert "the cluster knew no address of n9: say where others reach it" in capsys.readouterr().err


def test_a_server_that_runs_is_exit_code_7(server: Path, capsys: Captured) -> None:
    home = ServerHome.open(server, "n1")
    assert main([*RECOVER, str(server), "-y"]) == ExitCode.DATA_REFUSED
    home.close()
    assert "is in use by" in capsys.readouterr().err


# --- log ---


def test_a_whole_log_is_told_so(server: Path, capsys: Captured) -> None:
    assert main(["log", "verify", "--data-dir", str(server)]) == 0
    assert capsys.readouterr().out == (
        "n1  whole: 1 segments, 1 saves, entries 1 to 5, term 3, voted for n2, no snapshot\n"
    )
    assert main(["log", "verify", "--data-dir", str(server), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert (document["ok"], document["value"]["n1"]["last_index"]) == (True, 5)


def test_a_damaged_log_is_exit_code_7_with_the_place(server: Path, capsys: Captured) -> None:
    stored(server, Save(4, "n2"))
    segment = server / "n1" / "0000000001.wal"
    data = bytearray(segment.read_bytes())
    data[200] ^= 1
    segment.write_bytes(data)
    assert main(["log", "verify", "--data-dir", str(server)]) == ExitCode.DATA_REFUSED
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("n1  DAMAGED: 1 segments, 0 saves, no entries")
    assert second.startswith(f"    damage: {segment} is damaged at byte 64, where entry 1 of the log is due: ")
    assert main(["log", "verify", "--data-dir", str(server), "--json"]) == ExitCode.DATA_REFUSED
    document = json.loads(capsys.readouterr().out)
    place = {"segment": "0000000001.wal", "offset": 64, "index": 1}
    assert (document["ok"], document["value"]["n1"]["first_damage"]) == (False, place)
    assert main(["log", "show", "--data-dir", str(server)]) == ExitCode.DATA_REFUSED
    assert capsys.readouterr().err.startswith(f"error: {segment} is damaged at byte 64")


def test_the_entries_of_a_log_are_shown_as_they_would_be_typed(server: Path, capsys: Captured) -> None:
    assert main(["log", "show", "--data-dir", str(server)]) == 0
    at = "0000000001.wal:64"
    time = "2026-01-01T00:00:00.123Z"
    assert [line.split("\t") for line in capsys.readouterr().out.splitlines()] == [
        ["1", "1", "no-op", "", "", "", at],
        ["2", "1", "session", time, "client 2", "timeout_ms=60000 max_sessions=5", at],
        ["3", "1", "command", time, "client 2 request 1", 'SET greeting "hello world"', at],
        ["4", "1", "configuration", "", "", "voters n1=h:1 n2=h:2 learners n4=h:4 removed n0", at],
        ["5", "1", "command", time, "", r'SET "\xff\n" ""', at],
    ]


def test_a_range_of_entries_is_shown_to_a_program(server: Path, capsys: Captured) -> None:
    assert main(["log", "show", "--data-dir", str(server), "--first", "3", "--last", "5", "--json"]) == 0
    third, fourth, fifth = map(json.loads, capsys.readouterr().out.splitlines())
    assert third == {
        "index": 3,
        "term": 1,
        "kind": "command",
        "words": ["SET", "greeting", "hello world"],
        "place": "0000000001.wal:64",
        "time": "2026-01-01T00:00:00.123Z",
        "client_id": 2,
        "sequence_num": 1,
    }
    assert fourth["kind"] == "configuration"
    assert (fifth["words"], fifth["words_hex"]) == (["SET", "\\xff\n", ""], ["534554", "ff0a", ""])


def test_of_several_logs_one_must_be_named_to_be_shown(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "cluster.toml").write_text(
        f'format = 1\ncluster_id = "{OLD}"\nkind = "rpc"\nstate = "wal"\n'
        + "".join(f'\n[[nodes]]\nid = "{name}"\naddress = "h:1"\nstarted = true\n' for name in ("n1", "n2"))
    )
    assert main(["log", "show", "--data-dir", str(tmp_path)]) == ExitCode.USAGE
    told = f"error: {tmp_path} has several logs, of n1 n2: say which   (--id n1)\n"
    assert capsys.readouterr().err == told
