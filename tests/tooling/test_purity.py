"""The core, the store and the codecs are pure: the same inputs give the same outputs, in any process.

import-linter holds what they import. This reads what they do: chance, the order of a set and addresses of
memory are ways in which two replicas could differ though they applied the same log.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tooling.project import SOURCE, from_root, source_files, syntax_tree

CODECS = ["network/wire.py", *(f"state/{name}.py" for name in ("document", "metadata", "saves", "segment"))]
PURE_FILES = [*source_files("core", "store"), *(SOURCE / "adapters" / name for name in CODECS)]

# `id` and `hash` differ from one process to the next; the others talk to the world.
CALLS = {"breakpoint", "hash", "id", "input", "open", "print"}
# These hand on the order of what they are given; `sorted`, `min`, `max`, `sum`, `len`, `any`, `all` do not.
KEEP_ORDER = {"deque", "dict", "enumerate", "filter", "iter", "list", "map", "reversed", "tuple", "zip"}


def impurities(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """(line, what is wrong there) for everything in `tree` that a pure module must not do."""
    hashing = [inner for node in ast.walk(tree) if _defines_hash(node) for inner in ast.walk(node)]
    for node in ast.walk(tree):
        if node in hashing:
            continue
        for what in (*_wrong_import(node), *_wrong_use(node), *_wrong_order(node)):
            yield getattr(node, "lineno", 0), what


def _defines_hash(node: ast.AST) -> bool:
    """A value may say how it is hashed; nothing may depend on what comes of it."""
    return isinstance(node, ast.FunctionDef) and node.name == "__hash__"


def _wrong_import(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from ("imports time" for name in names if name.name == "time")
            yield from ("renames random" for name in names if name.name == "random" and name.asname)
        case ast.ImportFrom(module="time"):
            yield "imports from time"
        case ast.ImportFrom(module="random", names=names):
            yield from (f"imports random.{name.name}" for name in names if name.name != "Random")


def _wrong_use(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Attribute(value=ast.Name(id="random"), attr=name) if name != "Random":
            yield f"uses random.{name}"
        case ast.Attribute(value=ast.Name(id="time"), attr=name):
            yield f"uses time.{name}"
        case ast.Call(func=ast.Name(id=name)) if name in CALLS:
            yield f"calls {name}"
        case ast.AsyncFunctionDef(name=name):
            yield f"suspends in {name}"


def _wrong_order(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.For(iter=iterable) if _is_set(iterable):
            yield "iterates over a set"
        case ast.ListComp(generators=parts) | ast.GeneratorExp(generators=parts) | ast.DictComp(generators=parts):
            yield from ("iterates over a set" for part in parts if _is_set(part.iter))
        case ast.Starred(value=value) if _is_set(value):
            yield "spreads a set"
        case ast.Call(func=ast.Name(id=name), args=arguments) if name in KEEP_ORDER:
            yield from (f"takes the order of a set with {name}" for value in arguments if _is_set(value))
        case ast.Call(func=ast.Attribute(attr="join" | "extend" as name), args=[value]) if _is_set(value):
            yield f"takes the order of a set with {name}"


def _is_set(node: ast.AST) -> bool:
    match node:
        case ast.Set() | ast.SetComp() | ast.Call(func=ast.Name(id="set" | "frozenset")):
            return True
        case ast.BinOp(left=left, op=ast.BitOr() | ast.BitAnd() | ast.Sub() | ast.BitXor(), right=right):
            return _is_set(left) or _is_set(right)
        case _:
            return False


@pytest.mark.parametrize(
    "code",
    [
        "import time",
        "from time import monotonic",
        "time.monotonic()",
        "random.random()",
        "random.choice([1])",
        "from random import shuffle",
        "import random as r",
        "async def f(): pass",
        "print(1)",
        "id(x)",
        "hash(x)",
        "open('x')",
        "for x in {1, 2}: pass",
        "for x in set(y): pass",
        "for x in set(y) | z: pass",
        "[x for x in {1, 2}]",
        "{x: 1 for x in frozenset(y)}",
        "any(f(x) for x in {y for y in z})",
        "list(set(y))",
        "[*{1, 2}]",
        "b','.join(set(y))",
    ],
)
def test_what_is_impure_is_noticed(code: str) -> None:
    assert list(impurities(ast.parse(code)))


@pytest.mark.parametrize(
    "code",
    [
        "import random\ndef f(rng: random.Random) -> float: return rng.random()",
        "from random import Random",
        "for x in sorted({1, 2}): pass",
        "len(set(y))",
        "{x for x in {1, 2}}",
        "x in {1, 2}",
        "for x in [1, 2]: pass",
        "self.hash(x)",
        "def __hash__(self) -> int: return hash(self.x)",
    ],
)
def test_what_is_pure_passes(code: str) -> None:
    assert list(impurities(ast.parse(code))) == []


@pytest.mark.parametrize("path", PURE_FILES, ids=from_root)
def test_the_module_is_pure(path: Path) -> None:
    assert list(impurities(syntax_tree(path))) == []
