"""What docs/backup.md says is so: its commands run in their order, its code is that of an example."""

import re
import shlex
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.docs.test_readme import code_of
from tests.process.servers import Site, eventually
from tests.tooling.project import ROOT

TEXT = (ROOT / "docs" / "backup.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


@pytest.mark.process
def test_the_commands_of_the_page_run_in_their_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files of n1 are looked into after it has ended, as the page says."""
    monkeypatch.chdir(tmp_path)
    with Site(tmp_path) as site:
        at = {f"127.0.0.1:{port}": site.address(name) for name, port in (("n1", 7001), ("m1", 7011))}

        def here(text: str) -> str:
            return re.sub("|".join(map(re.escape, at)), lambda found: at[found[0]], text)

        server = site.serve("n1", "--bootstrap")
        eventually(lambda: site.leader("n1") == "n1", "n1 to lead")
        assert site.tf_raft("prompt", at="n1", script="SET a 1\nSET b 2\nSET c 3\n").returncode == 0
        lines = [line.removeprefix("$ tf-raft ") for block in blocks("console") for line in block.splitlines()]
        assert [line.split()[0] for line in lines] == ["backup", "restore", "restore", "log", "log", "recover"]
        for line in lines:
            if line.startswith("log verify"):
                assert server.end() == 0
            done = subprocess.run(
                [sys.executable, "-m", "tfraft", *shlex.split(here(line))],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                env=site.environ,
                timeout=DEADLINE_S,
            )
            assert (done.returncode, line) == (0, line), done.stderr
        for name in ("m1", "n1"):
            site.serve(name)
            eventually(partial(leads, site, name), f"{name} to lead")
            assert site.tf_raft("prompt", at=name, script="GET c\n").stdout == "3\n"


def leads(site: Site, name: str) -> bool:
    return site.leader(name) == name


@pytest.mark.parametrize("block", blocks("python"), ids=range(len(blocks("python"))))
def test_the_code_of_the_page_is_that_of_an_example(block: str) -> None:
    """The examples run in `tests/examples`, so the code of the page does."""
    assert block.strip() == code_of(ROOT / "examples" / "backup.py")


@pytest.mark.parametrize("command", ["backup", "restore", "recover", "log verify", "log show"])
def test_every_command_of_the_upkeep_stands_on_the_page(command: str) -> None:
    assert f"$ tf-raft {command} " in TEXT
