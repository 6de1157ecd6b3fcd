"""The examples run as they stand, and print what they promise."""

import runpy
import subprocess
import sys

import pytest

import tfraft
from tests.tooling.project import ROOT

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))

PRINTED = {
    "backup.py": ["the state through entry", "m1 is the first server of the new cluster"],
    "by_hand.py": ["AddServer NODE0: OK", "AddServer NODE1: OK", r"b'+OK\r\n'", "NODE.json NODE0.json NODE1.json"],
    "client_async.py": ["apples: b'1'", "pears: b'4'", "colours: [b'green', b'red']"],
    "client_sync.py": [
        "b'hello world' {b'name': b'Ada', b'born': b'1815'}",
        "visits: 100",
        "before: b'100' now: b'0'",
        "before: b'100' now: b'0'",
    ],
    "embed.py": ["leads term 1", "is killed", "greeting: b'hello world'", "site: b'https://a.b/c'", "red: True"],
    "own_state_machine.py": ["100 → 100", "-30 → 70", "-80 → not covered", "balance: 70"],
    "processes.py": ["n3 listens at", "killed: True", "greeting: b'hello world'", "greeting, another day: b'hello"],
    "redis_py.py": ["b'hello world' {b'name': b'Ada', b'born': b'1815'}", "[1, 2]", "[3, 4]", "[5, 6]"],
}
PROCESSES = ("backup.py", "client_async.py", "client_sync.py", "processes.py", "redis_py.py")


def test_the_state_machine_of_the_example_comes_back_from_its_snapshot() -> None:
    """What `tfraft.StateMachine` promises, and a run of the example does not need."""
    account = runpy.run_path(str(ROOT / "examples" / "own_state_machine.py"))["Account"]
    one, other = account(), account()
    assert isinstance(one, tfraft.StateMachine)
    one.apply(b"70")
    pieces = list(one.snapshot())
    one.apply(b"1")
    other.restore(iter(pieces))
    assert (other.query(b""), one.query(b"")) == (b"70", b"71")


def test_every_example_is_tried_here() -> None:
    assert [path.name for path in EXAMPLES] == sorted(PRINTED)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.process if name in PROCESSES else ()) for name in PRINTED]
)
def test_an_example_runs_and_prints_what_it_promises(name: str) -> None:
    if name == "redis_py.py":
        pytest.importorskip("redis")
    done = subprocess.run([sys.executable, ROOT / "examples" / name], capture_output=True, text=True, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    position = 0
    for text in PRINTED[name]:
        assert text in done.stdout[position:], done.stdout
        position = done.stdout.index(text, position)
