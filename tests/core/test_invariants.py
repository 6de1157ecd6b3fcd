"""Every invariant fails where it is broken: states are made here that Raft itself never makes."""

import pytest

from tests.servers import candidate, configuration_entry, followed_leader, joined, leader, log, no_op, server
from tfraft.core.invariants import ClusterInvariants, Moment, check_instant, check_step
from tfraft.core.progress import Progress
from tfraft.core.raft import Raft
from tfraft.core.state import RaftState, Role


def five_entries() -> RaftState:
    """A follower of term 2 with five entries, all durable, three of them committed and two applied."""
    state = server(term=2, vote="a", entries=log(1, 1, 2, 2, 2)).state
    state.commit_index, state.last_applied = 3, 2
    return state


def test_healthy_servers_pass() -> None:
    """What Raft makes is never reported."""
    for raft in (server(), candidate(), leader(), followed_leader(), followed_leader(voters="a")):
        check_instant(raft.state)
    check_instant(five_entries())


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("last_applied", 4, "applied 4 <= committed 3 <= last 5 does not hold"),
        ("commit_index", 6, "applied 2 <= committed 6 <= last 5 does not hold"),
        ("durable_index", 6, "durable through 6, but the log goes from 0 to 5"),
        ("current_term", 1, "an entry of term 2 in term 1"),
        ("saved_term", 3, "term 3 on disk, 2 in memory"),
        ("progress", {"b": Progress(1, 0.0)}, "a follower with the progress of"),
    ],
)
def test_what_holds_at_an_instant_is_checked(field: str, value: object, complaint: str) -> None:
    """Figure 3.1: the order of the indexes, and what each role may know."""
    state = five_entries()
    setattr(state, field, value)
    with pytest.raises(AssertionError, match=complaint):
        check_instant(state)


def test_a_candidate_without_its_own_vote_is_reported() -> None:
    """§3.4: a candidate votes for itself."""
    raft = candidate()
    raft.state.voted_for = "b"
    with pytest.raises(AssertionError, match="candidate without its own vote"):
        check_instant(raft.state)


@pytest.mark.parametrize(("field", "value"), [("saved_vote", "b"), ("saved_term", 0)])
def test_an_own_vote_that_counts_and_is_not_saved_is_reported(field: str, value: object) -> None:
    """§3.8: a crash could take that vote back."""
    raft = leader()
    setattr(raft.state, field, value)
    with pytest.raises(AssertionError, match="counts its own vote in term 1, which is not on its disk"):
        check_instant(raft.state)


def test_a_leader_that_does_not_track_a_voter_is_reported() -> None:
    """§3.5: it replicates to all."""
    raft = leader()
    del raft.state.progress["b"]
    with pytest.raises(AssertionError, match="a member that the leader does not track"):
        check_instant(raft.state)


def test_a_leader_with_two_uncommitted_configurations_is_reported() -> None:
    """§4.1: one at a time."""
    raft = followed_leader(voters="abc", entries=joined(no_op(1)))
    for voters in ("ab", "abc"):
        entry = configuration_entry(1, voters)
        raft.state.append_entry(entry.kind, entry.data)
    with pytest.raises(AssertionError, match=r"uncommitted configurations at \[3, 4\]"):
        check_instant(raft.state)


@pytest.mark.parametrize(
    ("field", "value", "complaint"),
    [
        ("current_term", 1, "term went back from 2"),
        ("saved_term", 1, "the saved term went back from 2"),
        ("commit_index", 2, "commit index went back from 3"),
        ("last_applied", 1, "last applied went back from 2"),
        ("voted_for", "b", "voted for a and for b in term 2"),
        ("voted_for", None, "voted for a and for None in term 2"),
    ],
)
def test_what_never_goes_back_is_checked(field: str, value: object, complaint: str) -> None:
    """Figure 3.1: terms, commitIndex and lastApplied increase monotonically; a vote stands for its term."""
    state = five_entries()
    before = Moment.of(state)
    check_step(before, state)
    setattr(state, field, value)
    with pytest.raises(AssertionError, match=complaint):
        check_step(before, state)


def test_a_vote_that_changes_with_the_term_is_none_of_the_checks_business() -> None:
    """§3.3: a new term, a new vote."""
    state = five_entries()
    before = Moment.of(state)
    state.current_term, state.voted_for = 3, "b"
    check_step(before, state)


def test_a_leader_that_overwrites_its_log_is_reported() -> None:
    """Figure 3.2: leader append-only."""
    raft = followed_leader(entries=log(1, 1))
    before = Moment.of(raft.state)
    raft.state.log.truncate(3)
    with pytest.raises(AssertionError, match="leader append-only: the entry at 3 is gone"):
        check_step(before, raft.state)


def test_a_follower_may_overwrite_its_log() -> None:
    """§3.5: the leader's log wins."""
    raft = server(term=1, entries=log(1, 1))
    before = Moment.of(raft.state)
    raft.state.truncate_log(2)
    check_step(before, raft.state)


def observed(*rafts: Raft) -> ClusterInvariants:
    """The invariants of a cluster after each of these servers has been seen."""
    invariants = ClusterInvariants()
    for raft in rafts:
        invariants.observe(raft.state)
    return invariants


def test_two_leaders_in_one_term_are_reported() -> None:
    """Figure 3.2: election safety."""
    invariants = observed(leader("a"), leader("b", term=2))
    with pytest.raises(AssertionError, match="election safety: b and c both lead term 2"):
        invariants.observe(leader("c", term=2).state)


def test_two_saved_votes_in_one_term_are_reported() -> None:
    """§3.8: over a restart, too."""
    invariants = observed(server("a", term=4, vote="b"))
    invariants.restarted("a")
    with pytest.raises(AssertionError, match="saved votes for b and for c in term 4"):
        invariants.observe(server("a", term=4, vote="c").state)


def test_a_leader_without_a_committed_entry_is_reported() -> None:
    """Figure 3.2: leader completeness."""
    invariants = observed(followed_leader(entries=log(1)))
    with pytest.raises(AssertionError, match="leader completeness: b leads term 2 without the entry"):
        invariants.observe(leader("b", term=2, entries=log(1)).state)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (log(1), joined(no_op(1))),
        (joined(log(1), log(2, first=2)), joined(log(2), log(2, first=2))),
    ],
    ids=["another entry", "another term before it"],
)
def test_logs_that_differ_before_a_common_entry_are_reported(first: object, second: object) -> None:
    """Figure 3.2: log matching."""
    invariants = observed(server("a", term=2, entries=first))  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="log matching: b has"):
        invariants.observe(server("b", term=2, entries=second).state)  # type: ignore[arg-type]


def test_log_matching_is_checked_again_after_a_truncation() -> None:
    """As above: a log that has been overwritten is compared anew, from its commit index on."""
    raft = server("a", term=2, entries=log(1, 1))
    invariants = observed(raft, server("b", term=2, entries=log(1, 2)))
    raft.state.truncate_log(2)
    raft.state.extend_log(joined(no_op(2)))
    with pytest.raises(AssertionError, match="log matching: a has"):
        invariants.observe(raft.state)


def test_different_entries_committed_at_one_index_are_reported() -> None:
    """Figure 3.2: state machine safety."""
    one, other = server("a", term=2, entries=log(1)), server("b", term=2, entries=log(2))
    one.state.commit_index = other.state.commit_index = 1
    invariants = observed(one)
    with pytest.raises(AssertionError, match="state machine safety: b commits"):
        invariants.observe(other.state)


def test_what_goes_back_between_two_observations_is_reported_and_after_a_restart_is_not() -> None:
    """§3.8: commitIndex is volatile."""
    raft = followed_leader()
    invariants = observed(raft)
    again = server(term=1, vote="a", entries=joined(no_op(1)))
    with pytest.raises(AssertionError, match="commit index went back"):
        invariants.observe(again.state)
    invariants.restarted("a")
    invariants.observe(again.state)
    assert again.state.role is Role.FOLLOWER
    invariants.restarted("never seen")
