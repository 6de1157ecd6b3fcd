"""§4.1: single-server membership changes: why they are safe, and what makes them so."""

from itertools import combinations

import pytest

from tests.servers import (
    CONFIG,
    accepted,
    append,
    ask,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    leader,
    log,
    no_op,
    not_leader,
    receive,
    refusal,
    refused,
    rejected,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, Save
from tfraft.core.messages import AppendEntries
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, ChangeServers, MembershipChange, RemoveServer, UpdateServer
from tfraft.core.state import Role


def majorities(voters: str) -> list[set[str]]:
    """Every majority of these servers, the dumb way."""
    return [
        set(members) for size in range(len(voters) // 2 + 1, len(voters) + 1) for members in combinations(voters, size)
    ]


def leader_with_a_newcomer(voters: str = "abc", newcomer: str = "d") -> Raft:
    """A leader that has caught up `newcomer` and appended the configuration with it, saved; the token is "add"."""
    raft = followed_leader(voters=voters)
    raft.change_membership(AddServer(newcomer), "add")
    raft.take_effects()
    receive(raft, rejected(newcomer, 1, prev=1, conflict=(1, 0)))
    save_done(raft, receive(raft, accepted(newcomer, 1, 1)))
    return raft


@pytest.mark.parametrize("old", ["a", "ab", "abc", "abcd", "abcde", "abcdef"])
def test_majorities_of_neighbouring_configurations_overlap(old: str) -> None:
    """§4.1: when one server is added, any majority of the old cluster overlaps any majority of the new one."""
    new = old + "z"
    configuration = Configuration.of(new)
    assert all(one & other for one in majorities(old) for other in majorities(new))
    assert all(configuration.has_quorum(members) for members in majorities(new))


def test_a_change_is_an_entry_of_the_log() -> None:
    """§4.1: when the leader receives a request it appends the new configuration as an entry and replicates it."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("c"), "remove")
    entries = joined(configuration_entry(1, Configuration.of("ab", removed="c")))
    told = append("a", 1, prev=(1, 1), entries=entries, commit=1)
    assert raft.take_effects() == effects(messages=[("b", told), ("c", told)], save=Save(1, "a", 2, entries)), (
        "c is told that it was removed, and counts no more"
    )


def test_the_new_configuration_takes_effect_as_soon_as_it_is_added_to_the_log() -> None:
    """§4.1: it takes effect on each server as soon as it is added to that server's log, the leader's first."""
    raft = followed_leader(voters="abcd")
    raft.change_membership(RemoveServer("d"), "remove")
    settle(raft)
    new = Configuration.of("abc", removed="d")
    assert raft.state.configuration == new
    assert receive(raft, accepted("b", 1, 2)).committed == Committed(2, joined(configuration_entry(1, new)), ["remove"])


def test_a_majority_of_the_new_configuration_commits_it() -> None:
    """§4.1: a majority of the new configuration is used to determine the entry's commitment: here three of four."""
    raft = leader_with_a_newcomer()
    assert receive(raft, accepted("d", 1, 2)).committed is None
    assert receive(raft, accepted("b", 1, 2)).committed == Committed(2, joined(configuration_entry(1, "abcd")), ["add"])


def test_a_server_uses_the_latest_configuration_in_its_log_whether_it_is_committed_or_not() -> None:
    """§4.1: a server always uses the latest configuration in its log."""
    raft = server(voters="abc", term=1)
    receive(raft, append("b", 1, entries=joined(configuration_entry(1, "abcd"))))
    assert raft.state.commit_index == 0
    assert raft.state.configuration == Configuration.of("abcd")


def test_a_configuration_is_read_from_the_log_at_a_restart() -> None:
    """§4.1, as above."""
    raft = server(voters="abc", term=1, entries=joined(no_op(1), configuration_entry(1, "abcd")))
    assert raft.state.configuration == Configuration.of("abcd")
    assert raft.state.configuration_index == 2


def test_a_server_falls_back_to_the_previous_configuration_when_its_entry_is_removed() -> None:
    """§4.1: a log entry for a configuration change can be removed if leadership changes; then it must fall back."""
    entries = joined(configuration_entry(1, "abcd"), configuration_entry(1, "abcde"))
    raft = server(voters="abc", term=1, entries=entries)
    receive(raft, append("b", 2, prev=(1, 1), entries=joined(no_op(2))))
    assert raft.state.configuration == Configuration.of("abcd")
    receive(raft, append("b", 3, entries=joined(no_op(3))))
    assert raft.state.configuration == Configuration.of("abc")
    assert raft.state.configuration_index == 0


def test_no_change_starts_before_the_last_one_is_committed() -> None:
    """§4.1: a leader is to refrain from adding servers until the previous change has been committed."""
    raft = leader_with_a_newcomer()
    raft.change_membership(RemoveServer("b"), "second")
    raft.change_membership(AddServer("e"), "third")
    reason = "another change is in progress: the configuration at index 2 is not committed"
    assert raft.take_effects() == effects(settled=[refused("second", reason, "a"), refused("third", reason, "a")])


def test_no_change_starts_while_another_server_is_being_caught_up() -> None:
    """§4.1, as above: one at a time from the first moment."""
    raft = followed_leader()
    raft.change_membership(AddServer("d"), "first")
    raft.take_effects()
    raft.change_membership(AddServer("e"), "second")
    raft.change_membership(RemoveServer("b"), "third")
    reason = "another change is in progress: that of d"
    assert raft.take_effects().settled == [refused("second", reason, "a"), refused("third", reason, "a")]


def test_the_next_change_may_start_once_the_last_one_is_committed() -> None:
    """§4.1: then the next begins."""
    raft = leader_with_a_newcomer()
    receive(raft, accepted("b", 1, 2), accepted("c", 1, 2))
    raft.change_membership(RemoveServer("d"), "remove")
    save = raft.take_effects().save
    assert save is not None
    assert save.entries == joined(configuration_entry(1, Configuration.of("abc", removed="d")))


def test_a_change_waits_until_an_entry_of_the_leaders_own_term_is_committed() -> None:
    """raft-dev, July 2015 (a correction of §4.1): without it, two leaders may commit without a common majority."""
    raft = leader(voters="abcd", term=2, entries=log(1))
    raft.change_membership(RemoveServer("d"), "remove")
    assert raft.take_effects().save is None
    assert receive(raft, accepted("b", 2, 1)).save is None
    receive(raft, accepted("b", 2, 2))
    save = receive(raft, accepted("c", 2, 2)).save
    assert save is not None
    assert save.entries == joined(configuration_entry(2, Configuration.of("abc", removed="d")))


def test_the_last_voter_is_not_removed() -> None:
    """§4.1: there would be no cluster left, and nobody to commit that."""
    raft = server(voters="a")
    save_done(raft, tick(raft, raft.deadline))
    raft.change_membership(RemoveServer("a"), "remove")
    assert raft.take_effects().settled == [refused("remove", "a cluster needs a voter", "a")]


def test_a_server_accepts_append_entries_from_a_leader_that_is_not_in_its_configuration() -> None:
    """§4.2.1 (Figure 4.1): otherwise a new server could never be added."""
    raft = server("d", voters="")
    assert receive(raft, append("a", 1, entries=log(1))).replies == [("a", accepted("d", 1, 1, prev=0))]


def test_a_server_grants_its_vote_to_a_candidate_that_is_not_in_its_configuration() -> None:
    """§4.2.1: a server also grants its vote to such a candidate: it may be needed to keep the cluster available."""
    raft = server(voters="abc")
    assert receive(raft, ask("z", 1)).replies == [("z", vote("a", 1))]


def test_a_server_that_was_added_counts_only_once_its_configuration_is_in_force() -> None:
    """§4.2.1: before, it is a non-voting member: its copies count for no commit."""
    raft = followed_leader(voters="ab")
    raft.change_membership(AddServer("d"), "add")
    raft.propose(b"x", "x")
    settle(raft)
    assert receive(raft, accepted("d", 1, 1)).committed is None


def test_a_new_leader_goes_on_with_the_configuration_in_its_log() -> None:
    """§4.1: a change that was not finished is finished, or undone, by the next leader's log."""
    raft = leader(voters="abc", term=2, entries=joined(no_op(1), configuration_entry(1, "abcd")))
    assert sorted(raft.state.progress) == ["b", "c", "d"]
    assert receive(raft, accepted("b", 2, 3)).committed is None
    assert receive(raft, accepted("c", 2, 3)).committed is not None


def test_a_change_asked_of_a_server_that_does_not_lead_is_not_begun() -> None:
    """Figure 4.1: reply NOT_LEADER if not leader."""
    raft = server(term=1)
    raft.change_membership(AddServer("d"), "add")
    raft.change_membership(RemoveServer("c"), "remove")
    assert raft.take_effects() == effects(settled=[not_leader("add"), not_leader("remove")])


def test_a_change_ends_with_its_leader_if_it_is_not_in_the_log() -> None:
    """Figure 4.1: the client asks the next leader; nothing was changed."""
    raft = followed_leader()
    raft.change_membership(AddServer("d"), "add")
    raft.take_effects()
    assert receive(raft, refusal("b", 2)).settled == [not_leader("add")]
    assert role(raft) is Role.FOLLOWER


def test_adding_a_member_again_is_done_already() -> None:
    """§6.3: a request that is retried finds its work done."""
    raft = followed_leader(voters={"a": "one", "b": "two", "c": ""})
    raft.change_membership(AddServer("b", "two"), "again")
    raft.change_membership(AddServer("b", "three"), "elsewhere")
    answers = [(settled.token, settled.answer.status.name, settled.answer.reason) for settled in settle(raft).settled]
    assert answers == [
        ("again", "OK", "b is a member already"),
        ("elsewhere", "REFUSED", "b is a member already, at two"),
    ]


def test_adding_a_server_again_before_it_is_certain_is_refused() -> None:
    """§4.1: its configuration is in force, but may yet be rolled back: OK would be a lie."""
    raft = leader_with_a_newcomer()
    raft.change_membership(AddServer("d"), "again")
    reason = "another change is in progress: the configuration at index 2 is not committed"
    assert raft.take_effects() == effects(settled=[refused("again", reason, "a")])


def test_removing_a_server_that_is_no_member_is_refused() -> None:
    """Figure 4.1: there is nothing to remove."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("z"), "remove")
    assert raft.take_effects() == effects(settled=[refused("remove", "z is not a member", "a")])


def test_a_configuration_before_the_log_is_never_lost() -> None:
    """§4.4: the configuration with which a cluster begins is not an entry; it stands before the first."""
    assert server(voters="abc").state.configurations == [(0, Configuration.of("abc"))]


# --- Refused, with a reason ---


def told(raft: Raft, request: MembershipChange) -> str:
    """What a leader says at once to who asks for this change; an empty string if it has begun."""
    raft.change_membership(request, "change")
    return "".join(f"{end.answer.status.name}: {end.answer.reason}" for end in settle(raft).settled)


CHANGED = "the configuration has changed since: it is that of index 0 now"
AT = {"a": "one", "b": "two", "c": "three"}


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (RemoveServer("z"), "REFUSED: z is not a member"),
        (UpdateServer("z", "four"), "REFUSED: z is not a member"),
        (UpdateServer("c", "two"), "REFUSED: two is the address of b"),
        (UpdateServer("c", "three"), "OK: c is at three already"),
        (AddServer("d", "two"), "REFUSED: two is the address of b"),
        (AddServer("", "four"), "REFUSED: a server needs an id"),
        (AddServer("d" * 1025, "four"), "REFUSED: an id may have at most 1024 bytes, not 1025"),
        (AddServer("\ud800", "four"), "REFUSED: an id is no valid Unicode: surrogates not allowed"),
        (AddServer("d", "f" * 1025), "REFUSED: an address may have at most 1024 bytes, not 1025"),
        (AddServer("c", "four"), "REFUSED: c is a member already, at three"),
        (AddServer("c"), "OK: c is a member already"),
        (ChangeServers((("a", "one"), ("d", "two"))), "REFUSED: two is the address of b"),
        (RemoveServer("c", configuration_index=7), f"REFUSED: {CHANGED}"),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else "",
)
def test_a_change_that_cannot_be_meant_is_refused(request_: MembershipChange, reason: str) -> None:
    """§4.1: whatever is appended is in force at once, so it is looked at before."""
    assert told(followed_leader(voters=AT), request_) == reason


def test_a_change_that_was_decided_on_the_ground_of_the_configuration_in_force_begins() -> None:
    """§4.1: two operators who know of each other's changes by their index alone do not undo them."""
    raft = followed_leader(voters=AT)
    assert told(raft, UpdateServer("c", "four")) == ""
    receive(raft, accepted("b", 1, 2))
    assert raft.state.address_of("c") == "four"
    assert told(raft, UpdateServer("c", "five", configuration_index=2)) == ""


def test_an_id_that_was_removed_is_never_given_again() -> None:
    """§4.1: what it remembers, or has forgotten, of its former life would count as its vote."""
    raft = followed_leader(voters=Configuration.of("abc", removed="d"))
    reason = "d was removed from this cluster: its id is never given again, choose another"
    assert told(raft, AddServer("d")) == f"REFUSED: {reason}"
    assert told(raft, ChangeServers((("a", ""), ("d", "")))) == f"REFUSED: {reason}"


def test_force_goes_on_without_a_quorum_that_answers() -> None:
    """§4.1: an operator may know better: here b is coming back."""
    raft = followed_leader()
    now = raft.state.now + 1.25
    receive(raft, accepted("c", 1, 1), at=now)
    assert told(raft, RemoveServer("c")) == "REFUSED: no quorum would be left that answers"
    assert told(raft, RemoveServer("c", force=True)) == ""
    assert raft.state.configuration == Configuration.of("ab", removed="c")


def test_a_server_that_does_not_lead_changes_nothing() -> None:
    """§4.1: changes go through the leader's log."""
    raft = server()
    raft.change_membership(RemoveServer("c"), "change")
    assert raft.take_effects().settled == [not_leader("change")]


# --- Who has left ---


def test_a_removed_server_is_told_that_its_removal_is_committed() -> None:
    """§4.2.3: it would disturb the others, and cannot know by itself; then the leader forgets it."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("c"), "remove")
    settle(raft)
    receive(raft, accepted("b", 1, 2), accepted("c", 1, 2))
    for _ in range(2):
        assert ("c", 2) in [(name, m.leader_commit) for name, m in beats(raft)]
    assert "c" not in [name for name, _ in beats(raft)]
    assert sorted(raft.state.progress) == ["b"]


def beats(raft: Raft) -> list[tuple[str, AppendEntries]]:
    """The heartbeats that are due next; b answers."""
    turn = tick(raft, raft.deadline)
    receive(raft, accepted("b", 1, 2))
    return [(name, m) for name, m in turn.messages if isinstance(m, AppendEntries)]


def test_a_removed_server_that_does_not_answer_is_forgotten_after_a_while() -> None:
    """§4.2.3: it may be dead, which may be why it was removed."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("c"), "remove")
    settle(raft)
    receive(raft, accepted("b", 1, 2))
    start = raft.state.now
    while "c" in raft.state.progress:
        beats(raft)
    assert raft.state.now == start + 10 * CONFIG.election_timeout_s
