"""What docs/operations.md says is so: its lines run, its table is that of the model, its codes are the program's."""

import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.process.servers import Site, eventually
from tests.tooling.project import ROOT
from tfraft.cli.commands import remote_verbs
from tfraft.cli.exits import ExitCode
from tfraft.clusters.setting_sources import from_file
from tfraft.clusters.settings import SETTINGS, Setting

PAGE = (ROOT / "docs" / "operations.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of the page in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def row_of(setting: Setting) -> str:
    """The row of a setting as the page has it."""
    form = setting.about.form.replace("|", "\\|")
    value = "true, false" if setting.is_switch else f"`{form}`"
    default = f"`{setting.default_text}`" if setting.default_text else "must be given" if setting.is_required else "–"
    return f"| `{setting.key}` | {value} | {default} | {setting.about.help} |"


def test_every_setting_stands_in_the_page_and_no_other() -> None:
    rows = [line for line in PAGE.splitlines() if re.match(r"\| `[a-z_]+` \|", line)]
    assert rows == [row_of(setting) for setting in SETTINGS.values()]


def test_the_file_in_the_page_is_a_file_of_settings(tmp_path: Path) -> None:
    (text,) = blocks("toml")
    (tmp_path / "n2.toml").write_text(text)
    assert set(from_file(tmp_path / "n2.toml")) == set(tomllib.loads(text))


def test_every_exit_code_stands_in_the_page() -> None:
    told = {int(code) for codes in re.findall(r"^\| ([0-9, ]+) \|", PAGE, re.MULTILINE) for code in codes.split(",")}
    assert told == {code.value for code in ExitCode}


def test_every_verb_that_is_a_command_stands_in_the_page() -> None:
    assert [verb.name for verb in remote_verbs() if f"`{verb.name.lower()}`" not in PAGE] == []


@pytest.mark.process
def test_the_lines_in_the_page_do_what_the_page_says(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        founding, using = (local(block, site) for block in blocks("console"))
        bin_ = Path(sys.executable).parent
        environ = {**site.environ, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}"}
        for line in founding.splitlines():
            name, *words = shlex.split(line.removeprefix("$ ").removesuffix(" &"))
            with (tmp_path / "serve.log").open("ab") as log:
                server = subprocess.Popen([bin_ / name, *words], cwd=tmp_path, env=environ, stderr=log)
            site.processes.append(server)
        eventually(lambda: site.voters("n1") == ["n1", "n2", "n3"], "all to vote")
        for line, expected in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", using, re.MULTILINE):
            done = subprocess.run(
                ["bash", "-c", line], capture_output=True, text=True, timeout=DEADLINE_S, cwd=tmp_path, env=environ
            )
            assert (done.returncode, done.stderr) == (0, "")
            assert done.stdout == expected or not expected
        assert site.voters("n1") == ["n1", "n2"]


def local(block: str, site: Site) -> str:
    """A block with ports that nobody else has."""
    return re.sub(r"127\.0\.0\.1:700(\d)", lambda found: site.address(f"n{found[1]}"), block)
