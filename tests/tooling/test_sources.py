"""What holds for the files themselves: their size, what they must not name, how they greet a newcomer."""

import ast
import os
import re
from pathlib import Path

import pytest

from tests.tooling.project import ROOT, from_root, project_files, source_files, syntax_tree

MAX_LINES_OF_A_FILE = 400
MAX_LINES_OF_A_FUNCTION = 60

# Put together here, so that this file is not one that names them.
REGISTRY = re.compile(
    "|".join(
        (
            r"https?://\S*/(simple|packages|-)/",
            r"\bpypi\." + "org",
            "python" + "hosted",
            "npm" + "js",
            "--(extra-)?" + "index-url",
            "--find" + "-links",
        )
    )
)
CODE_FROM_DATA = {"dill", "marshal", "pickle", "shelve"}


def imported_modules(node: ast.AST) -> list[str]:
    """The top-level names that an import statement brings in; none for any other node."""
    match node:
        case ast.Import(names=names):
            return [name.name.partition(".")[0] for name in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module.partition(".")[0]]
        case _:
            return []


def runs_data_as_code(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="eval" | "exec")):
            return True
        case _:
            return not CODE_FROM_DATA.isdisjoint(imported_modules(node))


def commands_of(markdown: str) -> list[str]:
    """The commands of all fenced blocks in order, without prompt, comment and output."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL)
    commands: list[str] = []
    for language, text in blocks:
        lines = [line.removeprefix("$ ") for line in text.splitlines() if language != "console" or line[:2] == "$ "]
        commands += [line.partition(" #")[0].strip() for line in lines]
    return [command for command in commands if command and not command.startswith("#")]


def test_no_file_names_a_package_registry() -> None:
    named = [
        from_root(path)
        for path in project_files()
        if REGISTRY.search(path.read_text(encoding="utf-8", errors="replace"))
    ]
    assert named == []


@pytest.mark.parametrize("line", ["import pickle", "from marshal import loads", "eval('1')", "exec(text)"])
def test_data_run_as_code_is_noticed(line: str) -> None:
    assert any(runs_data_as_code(node) for node in ast.walk(ast.parse(line)))


def test_the_source_never_runs_data_as_code() -> None:
    found = [
        f"{from_root(path)}:{getattr(node, 'lineno', 0)}"
        for path in source_files()
        for node in ast.walk(syntax_tree(path))
        if runs_data_as_code(node)
    ]
    assert found == []


def test_a_source_file_is_one_idea_of_at_most_400_lines() -> None:
    sizes = {from_root(path): len(path.read_text(encoding="utf-8").splitlines()) for path in source_files()}
    assert sizes
    assert {name: size for name, size in sizes.items() if size > MAX_LINES_OF_A_FILE} == {}


def test_a_function_is_one_rule_of_at_most_60_lines() -> None:
    long = {
        f"{from_root(path)}:{node.name}": node.end_lineno - node.lineno + 1
        for path in source_files()
        for node in ast.walk(syntax_tree(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MAX_LINES_OF_A_FUNCTION
    }
    assert long == {}


def test_the_readme_starts_with_make_start_and_make_test() -> None:
    """Nobody needs a second set-up step, so nothing may stand before these two."""
    readme = Path(ROOT, "README.md").read_text(encoding="utf-8")
    assert commands_of(readme)[:2] == ["make start", "make test"]


def test_ci_runs_make_check() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert "exec make check" in script.read_text(encoding="utf-8").splitlines()
