"""The proof that the simulator is worth something: every bug made by hand is found, by seeds that pass without it."""

from inspect import getattr_static

import pytest

from tests.simulator.aviary import find
from tests.simulator.canary import CANARIES, singing
from tfraft.simulator.readings import Readings

SEEDS = 40
"""A bug that is not found by so many seeds would hardly be found on every machine."""
PATIENT_SEEDS = 120
"""As many for those below: where they show depends on histories, which any change of the code makes others."""
PATIENT = {
    "a_change_that_is_not_committed_is_confirmed",
    "a_follower_commits_what_was_not_verified",
    "a_hung_disk_goes_unnoticed_under_reads",
    "a_late_save_counts_what_was_overwritten",
    "a_lease_is_as_long_as_clocks_that_are_all_alike_would_allow",
    "a_lease_is_longer_than_the_election_timeout",
    "a_lease_outlives_a_transfer",
    "a_question_without_an_answer_gets_a_new_number",
    "a_server_out_of_its_configuration_tells_no_address",
    "a_server_that_was_removed_obeys_a_call_to_stand",
    "a_snapshot_goes_backwards",
    "a_snapshot_has_a_configuration_that_is_not_committed",
    "a_transfer_is_answered_when_it_begins",
    "a_transfer_that_is_given_up_is_never_answered",
    "an_id_that_was_removed_is_given_again",
    "any_index_will_do_for_a_read",
    "election_timeouts_are_all_alike",
    "logs_are_compared_by_length_first",
    "one_majority_decides_for_both",
    "pieces_are_taken_in_any_order",
    "pre_votes_of_an_older_round_are_counted",
    "reads_do_not_wait_for_an_entry_of_the_term",
    "sessions_are_not_in_the_snapshot",
    "sessions_end_by_a_local_clock",
    "sessions_in_a_snapshot_are_younger_than_the_state",
    "sessions_stay_what_they_were_when_a_snapshot_comes",
    "the_disk_appends_and_never_overwrites",
    "the_entry_before_is_not_checked",
    "the_next_index_never_falls",
    "votes_of_an_older_term_are_counted",
    "writes_are_forgotten_at_step_down",
    "writes_go_into_the_log_during_a_transfer_and_are_refused",
    "writes_that_waited_are_refused_and_done_all_the_same",
    "writes_that_waited_for_a_transfer_are_forgotten",
}
"""Those that take more than some seconds: `make check` looks for them."""
SLOW = {
    "a_call_to_stand_of_an_older_term_is_obeyed": 200,
    "a_new_server_takes_a_snapshot_before_it_knows_its_cluster": 200,
    "a_lease_begins_when_the_answer_comes": 200,
    "a_lease_is_judged_by_an_old_clock": 200,
    "a_lease_needs_no_entry_of_the_term": 200,
    "a_log_that_conflicts_with_the_snapshot_is_kept": 200,
    "a_log_that_does_not_reach_the_snapshot_is_kept": 200,
}
"""Those that so many seeds are needed for: they are left to the campaign."""


@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", sorted(CANARIES.keys() - PATIENT - SLOW.keys()))
def test_the_bug_is_found(name: str) -> None:
    found = find(name, range(SEEDS))
    assert found is not None, f"{SEEDS} seeds did not find {name}: a hole in the simulator"
    print(f"{name}: seed {found.seed}, {found.violation}")


@pytest.mark.ci
@pytest.mark.timeout(900)
@pytest.mark.parametrize("name", sorted(PATIENT))
def test_the_bug_that_takes_longer_is_found(name: str) -> None:
    found = find(name, range(PATIENT_SEEDS))
    assert found is not None, f"{PATIENT_SEEDS} seeds did not find {name}: a hole in the simulator"


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", sorted(SLOW))
def test_the_slow_bug_is_found(name: str) -> None:
    found = find(name, range(SLOW[name]))
    assert found is not None, f"{SLOW[name]} seeds did not find {name}: a hole in the simulator"
    print(f"{name}: seed {found.seed}, {found.violation}")


def test_there_are_canaries_enough() -> None:
    assert len(CANARIES) >= 90
    assert CANARIES.keys() > PATIENT | SLOW.keys()


def test_the_history_alone_shows_a_stale_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the oracle that looks into the node, the judge finds it by what clients have seen."""
    monkeypatch.setattr(Readings, "answered", lambda self, host, query, asked_at, committed_before: None)
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
