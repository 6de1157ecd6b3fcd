"""The same seed is the same world: in this process, in another, under another hash seed, with a fault less."""

import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from tfraft.simulator.chance import Chance
from tfraft.simulator.seeds import run_seed
from tfraft.simulator.trace import Trace

SEEDS = (1, 8, 26)
PROGRAM = """
import sys
from tfraft.simulator.seeds import run_seed
from tfraft.simulator.trace import Trace
with open(sys.argv[1], "w") as file:
    for seed in map(int, sys.argv[2:]):
        report = run_seed(seed, duration_s=20.0, trace=Trace(file))
        file.write(f"{report.events} {report.operations} {report.checksum:08x}\\n")
"""


def trace_under(hash_seed: str, path: Path) -> str:
    subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), *map(str, SEEDS)],
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        check=True,
        timeout=300,
    )
    return path.read_text(encoding="utf-8")


@pytest.mark.process
@pytest.mark.timeout(600)
def test_two_processes_with_different_hash_seeds_give_the_same_trace(tmp_path: Path) -> None:
    first = trace_under("1", tmp_path / "1.trace")
    assert first == trace_under("2", tmp_path / "2.trace")
    assert len(first.splitlines()) > 10_000


def test_a_second_run_in_one_process_gives_the_same_trace() -> None:
    """Nothing is left over from one world to the next."""
    first, second = StringIO(), StringIO()
    reports = [run_seed(3, duration_s=15.0, trace=Trace(file)) for file in (first, second)]
    assert first.getvalue() == second.getvalue()
    assert reports[0].checksum == reports[1].checksum != 0


def test_another_seed_is_another_world() -> None:
    assert run_seed(3, duration_s=15.0).checksum != run_seed(4, duration_s=15.0).checksum


def test_a_decision_does_not_depend_on_decisions_of_another_kind() -> None:
    """A fault that is switched off leaves all the others as they were."""
    alone, among_others = Chance(7), Chance(7)
    draws = [alone.stream("loss", "s1>s2")() for _ in range(5)]
    for draw in draws:
        among_others.stream("loss", "s2>s1")()
        among_others.stream("delay", "s1>s2")()
        assert among_others.stream("loss", "s1>s2")() == draw


def test_every_seed_kind_and_entity_has_its_own_numbers() -> None:
    keys = [Chance(seed).key(kind, entity) for seed in (1, 2) for kind in ("a", "ab") for entity in ("c", "bc", "")]
    assert len(set(keys)) == len(keys)
