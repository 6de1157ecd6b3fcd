"""The proof that the simulator is worth something: every bug made by hand is found, by seeds that pass without it."""

import pytest

from tests.simulator.aviary import find
from tests.simulator.canary import CANARIES

SEEDS = 20
"""A bug that is not found by so many seeds would hardly be found in CI."""
SLOW = {
    "a_member_that_is_not_committed_is_confirmed": 200,
    "the_disk_forgets_the_vote": 100,
    "the_disk_appends_and_never_overwrites": 100,
    "half_of_an_even_number_is_a_quorum": 100,
    "a_late_save_counts_what_was_overwritten": 100,
    "the_next_index_never_falls": 10,
    "a_change_needs_no_entry_of_the_term": 400,
    "logs_are_compared_by_length_first": 400,
    "two_changes_at_once": 400,
    "votes_of_an_older_term_are_counted": 400,
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
