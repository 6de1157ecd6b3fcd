"""A person at a terminal, at a cluster whose servers run by themselves."""

import re
import sys
from pathlib import Path

import pexpect
import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.process.servers import Site, eventually

pytestmark = pytest.mark.process


def at_a_terminal(site: Site, *args: str) -> "pexpect.spawn[str]":
    """A command at a terminal, at the cluster of n1."""
    command = ["-m", "tfraft", *args, "--connect", site.address("n1")]
    environ = {**site.environ, "TERM": "xterm-256color"}
    return pexpect.spawn(sys.executable, command, env=environ, encoding="utf-8", timeout=DEADLINE_S)


def test_the_prompt_opens_at_a_cluster_and_leaves_it_running(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.serve("n1", "--bootstrap")
        eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
        terminal = at_a_terminal(site, "prompt")
        try:
            terminal.expect(f"n1 {re.escape(site.address('n1'))}\r\nn1 leads term \\d+\r\n")
            terminal.expect(r"n1★ t\d+> ")
            terminal.send("SET a 1\r")
            terminal.expect("OK")
            terminal.send("REMOVE n1\r")
            terminal.expect("the data of this cluster are kept. Go on")
            terminal.send("n\r")
            terminal.expect("REMOVE was not done")
            terminal.send("EXIT\r")
            terminal.expect(pexpect.EOF)
        finally:
            terminal.close(force=True)
        assert "stopped in" not in str(terminal.before)
        assert terminal.exitstatus == 0
        assert site.leader("n1") == "n1"


def test_a_verb_as_a_command_is_drawn_for_a_person(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        site.serve("n1", "--bootstrap")
        eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
        for args, shown, code in ((["status"], "n1 ★", 0), (["log", "n9"], "error: there is no node n9", 4)):
            terminal = at_a_terminal(site, *args)
            try:
                terminal.expect(shown)
                terminal.expect(pexpect.EOF)
            finally:
                terminal.close(force=True)
            assert terminal.exitstatus == code
