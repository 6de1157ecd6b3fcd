"""What `--data` keeps: everything that was acknowledged, through EXIT, kill -9 of a node, and kill -9 of all."""

import json
from pathlib import Path

import pytest

from tests.e2e.processes import end, node_processes, runs, wait_until
from tests.e2e.scripts import Conversation, run

pytestmark = pytest.mark.process

BOTH = pytest.mark.parametrize("network", ["memory", "RPC"])
ROUNDS = 40


@BOTH
def test_what_was_written_is_there_at_the_next_start(network: str, environ: dict[str, str], tmp_path: Path) -> None:
    data = str(tmp_path / "demo")
    first = run(b'SET greeting "hello world"\nHSET h f:v\n', network, "--data", data, environ=environ)
    assert first.stdout == b"OK\n1\n"
    assert f"Data is kept in {data}. Bye." in first.stderr.decode()
    again = run(b"GET greeting\nHGET h f\n", "--data", data, environ=environ)
    assert again.stdout == b"hello world\nv\n"
    assert again.returncode == 0


def test_without_data_nothing_is_kept_and_nothing_is_left(environ: dict[str, str], tmp_path: Path) -> None:
    assert run(b"SET a 1\n", "RPC", environ=environ).stdout == b"OK\n"
    assert run(b"GET a\n", "RPC", environ=environ).stdout == b"(nil)\n"
    assert [path.name for path in tmp_path.glob("tf-raft-*")] == []


def test_fresh_begins_anew_after_saying_what_it_removes(environ: dict[str, str], tmp_path: Path) -> None:
    data = str(tmp_path / "demo")
    run(b"SET a 1\n", "--data", data, environ=environ)
    fresh = run(b"GET a\n", "--data", data, "--fresh", environ=environ)
    assert fresh.stdout == b"(nil)\n"
    assert f"--fresh removes cluster.toml, n1.json, n2.json, n3.json in {data} (" in fresh.stderr.decode()


def test_a_leader_killed_under_writes_loses_nothing_that_was_acknowledged(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 of the leader's process in the middle of writes; then every acknowledged write is read back."""
    with Conversation("RPC", "--data", str(tmp_path / "demo"), "--json", environ=environ) as conversation:
        acknowledged: dict[str, str] = {}
        killed = ""
        for number in range(ROUNDS):
            if number == ROUNDS // 2:
                killed = leader_of(conversation)
                end(node_processes(conversation.process.pid)[killed])
            if json.loads(conversation.ask(f"SET key{number} value{number}"))["ok"]:
                acknowledged[f"key{number}"] = f"value{number}"
        assert len(acknowledged) >= ROUNDS - 1
        assert leader_of(conversation) != killed
        read_back = {key: json.loads(conversation.ask(f"GET {key}"))["value"] for key in acknowledged}
        assert read_back == acknowledged


def test_everything_killed_under_writes_comes_back_with_all_that_was_acknowledged(
    environ: dict[str, str], tmp_path: Path
) -> None:
    """kill -9 of every process at once, start again; then every acknowledged write is read back."""
    data = str(tmp_path / "demo")
    with Conversation("RPC", "--data", data, environ=environ) as conversation:
        for number in range(ROUNDS):
            assert conversation.ask(f"SET key{number} value{number}") == "OK"
        nodes = node_processes(conversation.process.pid)
        assert len(nodes) == 3
        end(conversation.process.pid, *nodes.values())
        wait_until(lambda: not any(map(runs, nodes.values())), "the end of the nodes")
    script = "".join(f"GET key{number}\n" for number in range(ROUNDS)).encode()
    again = run(script, "--data", data, environ=environ)
    assert again.stdout.decode().splitlines() == [f"value{number}" for number in range(ROUNDS)]


def test_a_second_cluster_on_the_same_data_is_refused(environ: dict[str, str], tmp_path: Path) -> None:
    data = str(tmp_path / "demo")
    with Conversation("--data", data, environ=environ) as conversation:
        assert conversation.ask("SET a 1") == "OK"
        second = run(b"GET a\n", "--data", data, environ=environ)
        assert second.returncode == 7
        assert second.stdout == b""
        assert b"error: " in second.stderr
        assert str(conversation.process.pid).encode() in second.stderr
        assert conversation.ask("GET a") == "1"


@pytest.mark.parametrize("name", ["cluster.toml", "n2.json"])
def test_damaged_data_are_named_and_left_alone(name: str, environ: dict[str, str], tmp_path: Path) -> None:
    data = tmp_path / "demo"
    run(b"SET a 1\n", "--data", str(data), environ=environ)
    damaged = data / name
    damaged.write_bytes(damaged.read_bytes()[:-20] + b"}" * 5)
    before = {path.name: path.read_bytes() for path in data.iterdir() if path.suffix in (".json", ".toml")}
    done = run(b"GET a\n", "--data", str(data), environ=environ)
    assert done.returncode == 7
    assert done.stdout == b""
    assert done.stderr.decode().splitlines()[-1].startswith(f"error: {damaged}")
    assert {path.name: path.read_bytes() for path in data.iterdir() if path.suffix in (".json", ".toml")} == before


def test_a_directory_of_somebody_else_is_left_alone(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"miaow")
    for args in ([], ["--fresh"]):
        done = run(b"GET a\n", "--data", str(tmp_path / "photos"), *args, environ=environ)
        assert done.returncode == 7
        assert done.stderr.decode().startswith("error: ")
    assert [path.name for path in (tmp_path / "photos").iterdir()] == ["cat.jpg"]


def test_a_file_is_no_data_directory(environ: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    done = run(b"GET a\n", "--data", str(tmp_path / "file"), environ=environ)
    assert done.returncode == 7
    assert done.stderr.count(b"\n") == 1


@BOTH
def test_state_in_memory_is_not_kept_although_there_is_a_directory(
    network: str, environ: dict[str, str], tmp_path: Path
) -> None:
    data = str(tmp_path / "demo")
    first = run(b"SET a 1\n", network, "--data", data, "--state", "memory", environ=environ)
    assert first.stdout == b"OK\n"
    assert b"Data was not kept." in first.stderr
    assert run(b"GET a\n", "--data", data, environ=environ).stdout == b"(nil)\n"


def leader_of(conversation: Conversation) -> str:
    """The name of the leader, as STATUS says."""
    rows = json.loads(conversation.ask("STATUS"))["value"]
    return str(next(row["node"] for row in rows if row["role"] == "leader"))
