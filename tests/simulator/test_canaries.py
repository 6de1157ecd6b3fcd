"""The proof that the simulator is worth something: every bug made by hand is found, by seeds that pass without it."""

from inspect import getattr_static

import pytest

from tests.simulator.aviary import find
from tests.simulator.canary import CANARIES, singing
from tfraft.simulator.desk import Desk

SEEDS = 40
"""A bug that is not found by so many seeds would hardly be found in CI."""
SLOW = {
    "a_member_that_is_not_committed_is_confirmed": 200,
    "the_disk_forgets_the_vote": 200,
    "the_disk_appends_and_never_overwrites": 200,
    "the_next_index_never_falls": 10,
}
"""Those that take more than some seconds, and how many seeds: they are left to the campaign."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(CANARIES.keys() - SLOW.keys()))
def test_the_bug_is_found(name: str) -> None:
    found = find(name, range(SEEDS))
    assert found is not None, f"{SEEDS} seeds did not find {name}: a hole in the simulator"
    print(f"{name}: seed {found.seed}, {found.violation}")


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted(SLOW))
def test_the_slow_bug_is_found(name: str) -> None:
    found = find(name, range(SLOW[name]))
    assert found is not None, f"{SLOW[name]} seeds did not find {name}: a hole in the simulator"
    print(f"{name}: seed {found.seed}, {found.violation}")


def test_there_are_canaries_enough() -> None:
    assert len(CANARIES) >= 40
    assert CANARIES.keys() > SLOW.keys()


def test_the_history_alone_shows_a_stale_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the oracle that looks into the node, the judge finds it by what clients have seen."""
    monkeypatch.setattr(Desk, "_read_done", lambda self, question: None)
    found = find("followers_answer_reads", range(SEEDS))
    assert found is not None
    assert found.violation is not None
    assert found.violation.rule == "linearizability"


def test_a_canary_is_silent_outside() -> None:
    truth = [getattr_static(owner, name) for places in CANARIES.values() for owner, name, _ in places]
    for canary in CANARIES:
        with singing(canary):
            pass
    assert truth == [getattr_static(owner, name) for places in CANARIES.values() for owner, name, _ in places]
