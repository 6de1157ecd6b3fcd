"""A person at the prompt of a real cluster, in this process and of several."""

import re
import signal
import time
from pathlib import Path

import pytest

from tests.e2e.processes import end, node_processes, runs, wait_until
from tests.e2e.terminal import Terminal

pytestmark = pytest.mark.process

BOTH = pytest.mark.parametrize("network", ["memory", "TCP"])


@BOTH
def test_the_first_minute(network: str, environ: dict[str, str]) -> None:
    """The nine commands of the original with the answers that the issue wants, then EXIT."""
    answers = {
        'SET greeting "hello world"': ["OK"],
        "GET greeting": ['"hello world"'],
        "get Greeting": ["(nil)", "There is no Greeting, but there is greeting: keys keep their case."],
        "HSET user name:Ada site:https://a.b/c": ["(integer) 2"],
        "HGET user site": ['"https://a.b/c"'],
        "SSET colours red Green": ["(integer) 2"],
        "SHAS colours Green": ["true"],
        "SHAS colours green": ["false"],
        "SDEL colours red": ["(integer) 1"],
        "HDEL user name nope": ["(integer) 1"],
        "GET user": ["(error) WRONGTYPE user is a hash, GET needs a string. Try: HGET user <field>"],
        "SET empty ''": ["OK"],
        "GET empty": ['""'],
        "SET ключ 'значение 🦊'": ["OK"],
        "GET ключ": ['"значение 🦊"'],
        "DEL greeting": ["(integer) 1"],
        "SETT a 1": ["(error) unknown command SETT. Did you mean SET key value?"],
        'SET a "b': ['(error) the quote at column 7 is never closed: "b'],
    }
    with Terminal(network, environ=environ) as terminal:
        first = terminal.ready()
        assert re.match(
            r"tf-raft \S+ — 3 (nodes in this process, memory network|processes, TCP on 127\.0\.0\.1:)", first[0]
        )
        assert first[1] == "data       not kept (add --data DIR to keep it)"
        assert any(re.search(r"n\d became leader of term \d+ after \d+ ms \(votes ", line) for line in first)
        assert {line: terminal.ask(line) for line in answers} == answers
        # Programs that drive the prompt look for it in one piece.
        assert re.search(r"n\d★ t\d+> ", terminal.received)
        terminal.send("EXIT\r")
        code, last = terminal.end()
    assert code == 0
    assert re.fullmatch(r"3 nodes stopped in \d+ ms\. Data was not kept\. Bye\.", last[-1])


@BOTH
def test_a_killed_leader_is_replaced_and_comes_back(network: str, environ: dict[str, str]) -> None:
    with Terminal(network, environ=environ) as terminal:
        terminal.ready()
        terminal.ask("SET a 1")
        leader, term = re.findall(r"\w+", terminal.prompt)
        told = terminal.ask(f"KILL {leader}")
        assert told[0] == f"{leader} killed. 2 of 3 left: still a quorum."
        assert any("election timeout → asks who would vote for it" in line and "why: §9.6" in line for line in told)
        assert any(re.search(r"n\d → candidate of term", line) and "why: §3.4" in line for line in told)
        assert re.search(r"\+\d+ ms {2}n\d leader of term \d+ .* why: §3\.6\.2 / §6\.4", told[-1])
        assert terminal.prompt != f"{leader}★ {term}"
        assert terminal.ask("GET a") == ['"1"']
        assert terminal.ask("SET a 2") == ["OK"]
        assert f" {leader}    –" in "\n".join(terminal.ask("STATUS"))
        assert f"{leader} started from what it saved" in terminal.ask(f"START {leader}")[-1]
        assert "healthy · quorum 2 of 3" in terminal.ask("STATUS")[-1]
        assert any("SET a 2" in line and "n1 n2 n3" in line for line in log_of_leader(terminal))


def log_of_leader(terminal: Terminal) -> list[str]:
    """What LOG shows, as soon as there is a leader: a busy machine may just be electing one."""
    while (lines := terminal.ask("LOG"))[0].startswith("(error) no leader is known now"):
        pass
    return lines


@BOTH
def test_without_a_quorum_a_write_waits_and_the_prompt_lives_on(network: str, environ: dict[str, str]) -> None:
    with Terminal(network, environ=environ) as terminal:
        terminal.ready()
        assert "Nobody has a quorum now" in terminal.ask("PARTITION n1 | n2 | n3")[0]
        terminal.send("SET a 1\r")
        terminal.see(r"waiting for a quorum \(need 2 of 3, have 1\) … Ctrl-C stops waiting")
        *_, told = terminal.press("\x03")
        assert "(error) UNKNOWN outcome: you stopped waiting. SET may still take effect" in told
        healed = terminal.ask("HEAL")
        assert healed[0] == "network healed: no cuts, no delays. 3 of 3 left: still a quorum."
        assert "leader of term" in healed[-1]
        assert terminal.ask("SET a 2") == ["OK"]
        assert terminal.ask("GET a") == ['"2"']


@BOTH
def test_a_request_without_a_quorum_ends_and_names_what_is_missing(network: str, environ: dict[str, str]) -> None:
    with Terminal(network, "--timeout", "2", environ=environ) as terminal:
        terminal.ready()
        for node in ("n1", "n3"):
            terminal.ask(f"KILL {node}")
        for line in ("GET a", "SET a 1"):
            *_, told = terminal.ask(line)
            assert told.startswith("(error) ")
            assert "no answer in 2 s" in told
            assert "n1" in told
            assert "n3" in told


@BOTH
def test_the_cluster_grows_and_shrinks(network: str, environ: dict[str, str]) -> None:
    with Terminal(network, environ=environ) as terminal:
        terminal.ready()
        terminal.ask("SET a 1")
        assert terminal.ask("ADD")[0].startswith("n4 added: caught up first, then made a voter")
        assert terminal.ask("ADD n9")[0].endswith("5 voters, quorum 3.")
        assert "healthy · quorum 3 of 5 · can lose 2 nodes" in terminal.ask("STATUS")[-1]
        assert terminal.ask("REMOVE n9")[0].startswith("n9 left (§4.2.2). 4 voters, quorum 3")
        leader = re.findall(r"\w+", terminal.prompt)[0]
        told = terminal.ask(f"REMOVE {leader}")
        assert told[0] == f"{leader} left (§4.2.2). 3 voters, quorum 2."
        assert "leader of term" in told[-1]
        assert terminal.ask("GET a") == ['"1"']
        assert "3 nodes stopped" in _exit(terminal)[1][-1]


def test_where_data_are_kept_a_kill_is_asked_about(environ: dict[str, str], tmp_path: Path) -> None:
    with Terminal("--data", str(tmp_path / "demo"), environ=environ) as terminal:
        assert any(f"data       {tmp_path / 'demo'} (kept; next time:" in line for line in terminal.ready())
        terminal.send("KILL n2\r")
        terminal.see(r"KILL n2: the data of this cluster are kept\. Go on\? \[y/N\]")
        assert terminal.press("n\r")[-1] == "KILL was not done."
        terminal.send("KILL n2\r")
        terminal.see(r"KILL n2: .* \[y/N\]$")
        assert any(line.startswith("n2 killed.") for line in terminal.press("y\r"))
    with Terminal("--data", str(tmp_path / "demo"), "--yes", environ=environ) as terminal:
        terminal.ready()
        assert terminal.ask("KILL n2")[0].startswith("n2 killed.")


def test_history_lasts_and_ctrl_d_ends(environ: dict[str, str]) -> None:
    with Terminal("memory", environ=environ) as terminal:
        terminal.ready()
        terminal.ask("SET remembered 1")
        terminal.send("\x04")
        assert terminal.end()[0] == 0
    with Terminal("memory", environ=environ) as terminal:
        terminal.ready()
        terminal.send("\x1b[A")
        terminal.see("> SET remembered 1")
        terminal.press("\x03")
        assert terminal.ask("GET remembered") == ["(nil)"]


def test_tab_completes_and_usage_is_hinted(environ: dict[str, str]) -> None:
    with Terminal("memory", environ=environ) as terminal:
        terminal.ready()
        terminal.ask("SET greeting 1")
        terminal.see(r"^n1 \S* ?\w+ · n2 \S* ?\w+ · n3 \S* ?\w+$")
        terminal.send("SET gr")
        terminal.see("> SET gr value")
        terminal.send("\t")
        terminal.see("> SET greeting value")
        assert terminal.press(" 2\r") == ["OK"]
        assert terminal.ask("GET greeting") == ['"2"']


def test_a_terminal_that_can_do_nothing_is_enough(environ: dict[str, str]) -> None:
    with Terminal("memory", environ={**environ, "TERM": "dumb"}) as terminal:
        terminal.ready()
        terminal.send("SET a 1\r")
        terminal.see(r"^OK")
        terminal.send("EXIT\r")
        assert terminal.end()[0] == 0


@BOTH
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_everything_in_good_order(network: str, number: signal.Signals, environ: dict[str, str]) -> None:
    with Terminal(network, environ=environ) as terminal:
        terminal.ready()
        nodes = node_processes(terminal.pid)
        end(terminal.pid, number=number)
        code, last = terminal.end()
    assert code == 128 + number
    assert "3 nodes stopped" in last[-1]
    assert len(nodes) == (3 if network == "TCP" else 0)
    assert not any(map(runs, nodes.values()))


def test_ctrl_c_while_it_starts_is_quiet_and_leaves_nothing_behind(environ: dict[str, str], tmp_path: Path) -> None:
    """At whatever moment it comes, once Python itself is up."""
    for pause_s in (0.1, 0.2, 0.4, 0.8):
        with Terminal("RPC", environ=environ) as terminal:
            time.sleep(pause_s)
            terminal.send("\x03")
            terminal.gone()
            assert "Traceback" not in "\n".join(terminal.lines)
    assert [path.name for path in tmp_path.glob("tf-raft-*")] == []


def test_closing_the_window_leaves_no_process_behind(environ: dict[str, str]) -> None:
    with Terminal("RPC", environ=environ) as terminal:
        terminal.ready()
        nodes = node_processes(terminal.pid)
        assert len(nodes) == 3
        terminal.hang_up()
        wait_until(lambda: not any(map(runs, nodes.values())), "the end of the nodes")


def test_killing_the_prompt_leaves_no_process_behind(environ: dict[str, str]) -> None:
    with Terminal("RPC", environ=environ) as terminal:
        terminal.ready()
        nodes = node_processes(terminal.pid)
        assert len(nodes) == 3
        end(terminal.pid)
        wait_until(lambda: not any(map(runs, nodes.values())), "the end of the nodes")


def test_a_node_that_dies_by_itself_is_seen_and_can_be_started(environ: dict[str, str]) -> None:
    with Terminal("RPC", environ=environ) as terminal:
        terminal.ready()
        terminal.ask("SET a 1")
        end(node_processes(terminal.pid)["n2"])
        terminal.see(r"n2 failed")
        assert " n2    –" in "\n".join(terminal.ask("STATUS"))
        assert "n2 started from what it saved" in terminal.ask("START n2")[-1]
        assert "healthy" in terminal.ask("STATUS")[-1]
        assert terminal.ask("GET a") == ['"1"']


def _exit(terminal: Terminal) -> tuple[int, list[str]]:
    terminal.send("EXIT\r")
    return terminal.end()
