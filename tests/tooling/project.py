"""The project as files: where it is, what belongs to it, and its code as syntax trees."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "tfraft"

# What tools and runs leave in the tree; .gitignore names the same.
_LEFT_BY_TOOLS = {"__pycache__", "build", "dist", "htmlcov"}


def project_files() -> Iterator[Path]:
    """Every file of the project, without what tools and runs leave. Needs no git: an archive has none."""
    for folder, subfolders, names in os.walk(ROOT):
        subfolders[:] = [name for name in subfolders if name not in _LEFT_BY_TOOLS and _is_kept(name)]
        yield from (Path(folder, name) for name in names if not name.startswith(".coverage"))


def _is_kept(folder: str) -> bool:
    return not folder.startswith(".") or folder == ".ci"


def source_files(*packages: str) -> list[Path]:
    """The Python files below src/tfraft, or below these packages of it, sorted; no generated code."""
    roots = [SOURCE / package for package in packages] or [SOURCE]
    return sorted(path for root in roots for path in root.rglob("*.py") if "_pb2" not in path.name)


def syntax_tree(path: Path) -> ast.Module:
    """The file as a tree of `ast` nodes."""
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def from_root(path: Path) -> str:
    """The file's name as a person types it."""
    return path.relative_to(ROOT).as_posix()
