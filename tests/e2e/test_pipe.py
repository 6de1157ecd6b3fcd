"""A script at the other end of a pipe: raw answers in order, nothing else, and an exit code."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.processes import PATIENCE_S, node_processes, runs
from tests.e2e.scripts import Conversation, run

pytestmark = pytest.mark.process

BOTH = pytest.mark.parametrize("network", ["memory", "RPC"])


@BOTH
def test_one_line_in_one_raw_answer_out(network: str, environ: dict[str, str]) -> None:
    script = b"SET a 1\nGET a\nBAD\n# a comment\n\nGET b\nHSET h url:http://x\nHGET h url\nSET e ''\nGET e\n"
    done = run(script, network, environ=environ)
    assert done.stdout == b"OK\n1\n(nil)\n1\nhttp://x\nOK\n\n"
    assert b"error line 3: unknown command BAD" in done.stderr
    assert done.returncode == 4


def test_a_script_that_went_well_ends_with_0(environ: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_bytes(b"SET a 1\r\nGET a\r\nEXIT\r\nGET a\r\n")
    done = run(script, environ=environ)
    assert (done.stdout, done.returncode) == (b"OK\n1\n", 0)
    assert done.stderr.decode().splitlines()[0] == "data       not kept (add --data DIR to keep it)"
    assert re.fullmatch(r"3 nodes stopped in \d+ ms\. Data was not kept\. Bye\.", done.stderr.decode().splitlines()[-1])


@BOTH
def test_json_is_one_object_for_each_line(network: str, environ: dict[str, str]) -> None:
    done = run(b'SET a "\\xff"\nGET a\nGET b\nBAD\nSTATUS\nLOG\nHEAL\n', network, "--json", environ=environ)
    documents = [json.loads(line) for line in done.stdout.splitlines()]
    assert documents[:3] == [
        {"ok": True, "value": "OK"},
        {"ok": True, "value_base64": "/w=="},
        {"ok": True, "value": None},
    ]
    assert (documents[3]["ok"], documents[3]["outcome"]) == (False, "error")
    assert sorted(row["role"] for row in documents[4]["value"]) == ["follower", "follower", "leader"]
    assert [row["what"] for row in documents[5]["value"]] == ["(no-op)", "(session)", r'SET a "\xff"']
    assert documents[6]["ok"] is True
    assert done.returncode == 4


@BOTH
def test_leadership_membership_and_reads_are_changed_by_a_script(network: str, environ: dict[str, str]) -> None:
    """§3.10, ch. 4, §6.4: the verbs by pipe, one sentence each; what was refused is told beside, and nothing else."""
    script = (
        b"SET a 1\nTRANSFER\nCONSISTENCY lease\nGET a\nCONSISTENCY follower\nGET a\nCONSISTENCY stale 60s\nGET a\n"
        b"CONSISTENCY\nTRANSFER n9\nADD n4 LEARNER\nADD n4\nCHANGE n4,n5,n6\nCONSISTENCY linearizable\nGET a\n"
    )
    done = run(script, network, environ=environ)
    said = done.stdout.decode().splitlines()
    assert said[0] == "OK"
    assert re.fullmatch(r"n[123] leads now \(§3\.10\)\.", said[1])
    assert [line for line in said if line == "1"] == ["1"] * 4
    assert said[8] == "stale: a read at any node may miss what was written in the last 60 s."
    assert said[9] == "n4 added as a learner: it gets all, and has no vote. 3 voters, quorum 2."
    assert said[10].startswith("n4 added: caught up first, then made a voter (§4.2.1). 4 voters")
    assert said[11] == "n4 n5 n6 vote now, by joint consensus (§4.3). 3 voters, quorum 2."
    assert b"error line 10: there is no node n9" in done.stderr
    assert done.returncode == 4


@pytest.mark.parametrize("network", ["memory", "RPC"])
def test_every_way_to_keep_the_state_is_taken(network: str, environ: dict[str, str], tmp_path: Path) -> None:
    for state in ("json", "wal"):
        data = str(tmp_path / state)
        for script, answer in ((b"SET a 1\n", b"OK\n"), (b"GET a\n", b"1\n")):
            done = run(script, network, "--state", state, "--data", data, environ=environ)
            assert (done.stdout, done.returncode) == (answer, 0), done.stderr.decode()


def test_each_answer_is_there_before_the_next_line_is_needed(environ: dict[str, str]) -> None:
    with Conversation("memory", environ=environ) as conversation:
        assert conversation.ask("SET a 1") == "OK"
        assert conversation.ask("GET a") == "1"
        assert conversation.end() == 0


def test_a_reader_that_leaves_ends_the_program_quietly(environ: dict[str, str]) -> None:
    command = f"yes 'SET a 1' | {sys.executable} -m tfraft start; echo $? >&2"
    with subprocess.Popen(
        ["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as shell:
        assert shell.stdout is not None
        assert shell.stdout.readline() == b"OK\n"
        shell.stdout.close()
        assert shell.stderr is not None
        lines = shell.stderr.read().decode().splitlines()
        shell.wait(PATIENCE_S)
    assert "Traceback" not in "\n".join(lines)
    assert lines[-1] == "141"


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_script_in_good_order(network: str, number: signal.Signals, environ: dict[str, str]) -> None:
    with Conversation(network, environ=environ) as conversation:
        assert conversation.ask("SET a 1") == "OK"
        nodes = node_processes(conversation.process.pid)
        conversation.process.send_signal(number)
        assert conversation.process.wait(PATIENCE_S) == 128 + number
        assert not any(map(runs, nodes.values()))


def test_a_large_value_goes_through_and_one_over_the_limit_does_not(environ: dict[str, str]) -> None:
    limit = 8 * 1024 * 1024
    script = b"SET a %b\nGET a\nSET b %b\nDBSIZE\n" % (b"x" * limit, b"x" * (limit + 1))
    done = run(script, environ=environ)
    assert done.stdout == b"OK\n" + b"x" * limit + b"\n1\n"
    assert b"error line 3: a value may have at most 8,388,608 bytes" in done.stderr
    assert done.returncode == 4


@pytest.mark.parametrize("nodes", ["4", "15"])
def test_up_to_15_nodes_work_in_one_process(nodes: str, environ: dict[str, str]) -> None:
    done = run(b"SET a 1\nKILL n1\nGET a\n", "memory", nodes, environ=environ)
    assert done.stdout.decode().splitlines()[::2] == ["OK", "1"]
    assert done.returncode == 0


@pytest.mark.parametrize("closed", ["<&-", ">&-"])
def test_a_closed_standard_stream_is_told(closed: str, environ: dict[str, str]) -> None:
    command = f"{sys.executable} -m tfraft start {closed}"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, env=environ, timeout=PATIENCE_S)
    assert done.stderr.decode().startswith("error: standard input and standard output must be open")
    assert done.returncode == 2


@pytest.mark.parametrize("answers", ["", "--json"])
def test_a_full_disk_at_the_other_end_is_one_line(answers: str, environ: dict[str, str]) -> None:
    command = f"echo GET a | {sys.executable} -m tfraft start {answers} > /dev/full"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, env=environ, timeout=PATIENCE_S)
    assert done.stderr.decode().splitlines()[-1] == "error: No space left on device"
    assert done.returncode == 1


def test_a_full_disk_beside_takes_no_answer_away(environ: dict[str, str]) -> None:
    command = f"printf 'BAD\\nGET a\\n' | {sys.executable} -m tfraft start 2> /dev/full"
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, env=environ, timeout=PATIENCE_S)
    assert (done.stdout, done.returncode) == (b"(nil)\n", 4)


def test_nothing_fails_with_a_traceback_before_the_start(environ: dict[str, str]) -> None:
    for args in (["memory", "2"], ["--nonsense"]):
        done = run(b"", *args, environ=environ)
        assert done.returncode == 2
        assert done.stdout == b""
        assert done.stderr.startswith(b"error: ")
        assert done.stderr.count(b"\n") == 1
