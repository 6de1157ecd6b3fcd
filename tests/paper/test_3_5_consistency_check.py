"""§3.5: the follower's side: the consistency check, conflicts, and the commit index."""

import pytest

from tests.servers import (
    accepted,
    append,
    command,
    effects,
    follower_of,
    joined,
    log,
    receive,
    rejected,
    server,
    settle,
)
from tfraft.core.effects import Committed, Save
from tfraft.core.entry import Entries


def test_a_follower_appends_entries_that_follow_its_log() -> None:
    """§3.5: the entry before is there with its index and term, so the new entries are stored."""
    raft = server(term=2, entries=log(1, 2))
    request = append("b", 2, prev=(2, 2), entries=log(2, 2, first=3))
    assert receive(raft, request) == effects(
        save=Save(2, None, 3, log(2, 2, first=3)), replies=[("b", accepted("a", 2, 4, prev=2))]
    )


def test_a_follower_refuses_entries_when_it_has_no_entry_before_them() -> None:
    """§3.5: if it does not find an entry with the same index and term, then it refuses the new entries."""
    raft = server(term=2, entries=log(1))
    request = append("b", 2, prev=(3, 2), entries=log(2, first=4))
    assert receive(raft, request) == effects(replies=[("b", rejected("a", 2, prev=3, conflict=(2, 0)))])
    assert raft.state.log.last_index == 1


def test_a_follower_refuses_entries_when_the_entry_before_them_has_another_term() -> None:
    """§3.5, as above; it includes the term of the conflicting entry and the first index that it stores for it."""
    raft = server(term=4, entries=log(1, 2, 2, 2))
    request = append("b", 4, prev=(4, 3), entries=log(4, first=5))
    assert receive(raft, request) == effects(replies=[("b", rejected("a", 4, prev=4, conflict=(2, 2)))])
    assert raft.state.log.last_index == 4


def test_a_refusal_drops_nothing() -> None:
    """§3.5: only entries of the leader that take their place remove entries."""
    raft = server(term=4, entries=log(1, 2, 2))
    receive(raft, append("b", 4, prev=(2, 3)))
    assert raft.state.log.read(1, 9) == log(1, 2, 2)


def test_the_first_entries_need_nothing_before_them() -> None:
    """§3.5: the initial empty state of the logs satisfies the log matching property."""
    raft = server(term=1)
    assert receive(raft, append("b", 1, entries=log(1))).replies == [("b", accepted("a", 1, 1, prev=0))]


def test_a_heartbeat_is_a_consistency_check_of_its_own() -> None:
    """§3.5: once the leader finds where they match, it can send the actual entries."""
    raft = server(term=2, entries=log(1, 2))
    assert receive(raft, append("b", 2, prev=(2, 2), read_round=7)) == effects(
        replies=[("b", accepted("a", 2, 2, read_round=7))]
    )


def test_a_refusal_in_the_current_term_answers_the_round_of_reads() -> None:
    """§6.4: the follower lacks entries, and follows this leader all the same."""
    raft = server(term=2)
    reply = rejected("a", 2, prev=2, conflict=(1, 0), read_round=7)
    assert receive(raft, append("b", 2, prev=(2, 2), read_round=7)) == effects(replies=[("b", reply)])


@pytest.mark.parametrize(
    ("theirs", "request_entries", "afterwards"),
    [
        (log(1, 2, 2), log(3, first=2), joined(log(1), command(2, 3))),
        (log(1, 2, 2), log(2, 3, first=2), joined(log(1, 2), command(3, 3))),
        (log(1, 2, 2), log(2, 2, 3, first=2), joined(log(1, 2, 2), command(4, 3))),
    ],
    ids=["first differs", "second differs", "none differs"],
)
def test_conflicting_entries_are_overwritten_from_the_first_that_differs(
    theirs: Entries, request_entries: Entries, afterwards: Entries
) -> None:
    """§3.5: the leader forces the followers' logs to duplicate its own; §3.6.3: by term at the same index."""
    raft = server(term=3, entries=theirs)
    receive(raft, append("b", 3, prev=(1, 1), entries=request_entries))
    assert raft.state.log.read(1, 9) == afterwards


def test_an_overwritten_suffix_is_saved_from_where_it_changed() -> None:
    """§3.8: the disk follows the log; what stood after the first changed entry is gone from it as well."""
    raft = server(term=3, entries=log(1, 2, 2, 2))
    request = append("b", 3, prev=(1, 1), entries=log(2, 3, first=2))
    assert receive(raft, request) == effects(
        save=Save(3, None, 3, log(3, first=3)), replies=[("b", accepted("a", 3, 3, prev=1))]
    )


def test_entries_that_are_there_already_change_nothing() -> None:
    """§3.7: if a follower receives entries already present in its log, it ignores them; and says that it has them."""
    raft = server(term=2, entries=log(1, 2, 2))
    request = append("b", 2, prev=(1, 1), entries=log(2, first=2))
    assert receive(raft, request) == effects(replies=[("b", accepted("a", 2, 2, prev=1))])
    assert raft.state.log.last_index == 3


def test_a_follower_applies_an_entry_once_it_learns_that_it_is_committed() -> None:
    """§3.5: once a follower learns that a log entry is committed, it applies it, in log order."""
    raft = server(term=2, entries=log(1, 2))
    assert receive(raft, append("b", 2, prev=(2, 2), commit=2)).committed == Committed(1, log(1, 2), [])


def test_each_entry_is_applied_once() -> None:
    """Figure 3.1: lastApplied increases monotonically."""
    raft = server(term=2, entries=log(1, 2))
    receive(raft, append("b", 2, prev=(2, 2), commit=1))
    assert receive(raft, append("b", 2, prev=(2, 2), commit=2)).committed == Committed(2, log(2, first=2), [])
    assert receive(raft, append("b", 2, prev=(2, 2), commit=2)).committed is None


def test_the_commit_index_is_the_lesser_of_leader_commit_and_the_last_new_entry() -> None:
    """Figure 3.1: set commitIndex = min(leaderCommit, index of last new entry)."""
    raft = server(term=2)
    assert receive(raft, append("b", 2, entries=log(2, 2), commit=9)).committed == Committed(1, log(2, 2), [])


def test_the_commit_index_never_goes_back() -> None:
    """Figure 3.1: commitIndex increases monotonically, whatever order messages come in."""
    raft = server(term=2, entries=log(2, 2))
    receive(raft, append("b", 2, prev=(2, 2), commit=2))
    assert receive(raft, append("b", 2, prev=(1, 2), commit=1)).committed is None
    assert raft.state.commit_index == 2


def test_a_request_that_fails_the_check_commits_nothing() -> None:
    """§3.5: only what has been compared with the leader's log is known to be what the leader committed."""
    raft = server(term=3, entries=log(1, 2))
    assert receive(raft, append("b", 3, prev=(2, 3), commit=2)).committed is None


def test_a_follower_knows_its_leader_from_append_entries() -> None:
    """§6.2: that is how it can redirect clients to it."""
    raft = follower_of("c")
    settle(raft)
    assert raft.state.leader_id == "c"
