"""What README says is so: its code is that of the examples, its tables are the program's, its shell lines run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tooling.project import ROOT
from tfraft.cli.verbs.table import VERBS
from tfraft.store.commands import COMMANDS

README = (ROOT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The fenced blocks of README in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


def code_of(example: Path) -> str:
    """An example without its docstring and without the lines that run it."""
    text = example.read_text()
    return text.split('"""\n', 2)[-1].split("\n\nif __name__")[0].strip()


@pytest.mark.parametrize("block", blocks("python"), ids=range(len(blocks("python"))))
def test_the_code_in_readme_is_that_of_an_example(block: str) -> None:
    """The examples run in `tests/examples`, so README's code does."""
    assert block.strip() in [code_of(path) for path in (ROOT / "examples").glob("*.py")]


def test_readme_shows_code() -> None:
    assert len(blocks("python")) >= 2


def test_every_command_of_the_store_stands_in_its_page_with_its_usage_and_its_summary() -> None:
    bar = r"\|"  # In a table a bar ends the cell, even in code.
    rows = [f"| `{command.usage.replace('|', bar)}` | {command.summary} |" for command in COMMANDS.values()]
    assert "\n".join(rows) in (ROOT / "docs" / "commands.md").read_text()


def test_every_verb_of_the_prompt_stands_in_readme() -> None:
    assert [name for name in VERBS if not re.search(rf"\b{name}\b", README)] == []


@pytest.mark.process
def test_the_pipe_in_readme_prints_what_readme_says() -> None:
    (line, expected) = next(
        (line, rest) for block in blocks("console") for line, _, rest in [block.partition("\n")] if "printf" in line
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-c", line.removeprefix("$ ")],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "PATH": path},
    )
    assert (done.returncode, done.stdout) == (0, expected)
