"""§3.3: terms act as a logical clock; whoever speaks brings his term along."""

import pytest

from tests.servers import (
    accepted,
    append,
    ask,
    candidate,
    effects,
    followed_leader,
    follower_of,
    receive,
    refusal,
    rejected,
    role,
    server,
    stale_term,
    tick,
    vote,
)
from tfraft.core.effects import Save
from tfraft.core.messages import Message
from tfraft.core.state import Role

OF_TERM_5: list[Message] = [
    append("b", 5),
    rejected("b", 5, prev=0, conflict=(1, 0)),
    accepted("b", 5, 0),
    ask("b", 5),
    refusal("b", 5),
    vote("b", 5),
]
NAMES = [type(message).__name__ + str(number) for number, message in enumerate(OF_TERM_5)]


def test_servers_start_up_as_followers() -> None:
    """§3.4: when servers start up, they begin as followers, in the term that is on their disk."""
    raft = server(term=3, vote="a")
    assert role(raft) is Role.FOLLOWER
    assert raft.state.current_term == 3
    assert raft.take_effects() == effects()


@pytest.mark.parametrize("message", OF_TERM_5, ids=NAMES)
def test_a_smaller_current_term_is_updated_to_the_larger_value(message: Message) -> None:
    """§3.3: if one server's current term is smaller than the other's, it updates it; the vote was of the old term."""
    raft = server(term=2, vote="c")
    save = receive(raft, message, at=2.0).save
    assert save is not None
    assert save.current_term == 5
    assert save.voted_for == ("b" if message == ask("b", 5) else None)


@pytest.mark.parametrize("message", OF_TERM_5, ids=NAMES)
def test_a_candidate_that_discovers_a_newer_term_reverts_to_follower(message: Message) -> None:
    """§3.3: a candidate or leader that discovers that its term is out of date immediately reverts to follower."""
    raft = candidate(term=2)
    receive(raft, message)
    assert (raft.state.role, raft.state.current_term) == (Role.FOLLOWER, 5)


@pytest.mark.parametrize("message", [*OF_TERM_5[:3], *OF_TERM_5[4:]], ids=[*NAMES[:3], *NAMES[4:]])
def test_a_leader_that_discovers_a_newer_term_reverts_to_follower(message: Message) -> None:
    """§3.3, as above; a RequestVote alone does not tell it, since a working leader hears itself (§4.2.3)."""
    raft = followed_leader(term=2)
    receive(raft, message)
    assert (raft.state.role, raft.state.current_term) == (Role.FOLLOWER, 5)


def test_an_append_entries_of_a_stale_term_is_rejected_with_the_current_one() -> None:
    """§3.3: a server that receives a request with a stale term number rejects it. Silence would strand its sender."""
    raft = server(term=5)
    assert receive(raft, append("b", 4)) == effects(replies=[("b", stale_term("a", 5))])


def test_a_request_vote_of_a_stale_term_is_rejected_with_the_current_one() -> None:
    """§3.3, as above."""
    raft = server(term=5)
    assert receive(raft, ask("b", 4, last=(9, 9))) == effects(replies=[("b", refusal("a", 5))])


def test_a_rejected_append_entries_of_a_stale_term_changes_nothing() -> None:
    """Figure 3.1: reply false if term < currentTerm; such a sender is no leader, so no timer is reset either."""
    raft = follower_of("c", term=5)
    deadline = raft.deadline
    receive(raft, append("b", 4, commit=9), at=1.0)
    assert (raft.deadline, raft.state.leader_id, raft.state.commit_index) == (deadline, "c", 0)


@pytest.mark.parametrize(
    "message", [accepted("b", 4, 1), rejected("b", 4, prev=1, conflict=(1, 0)), vote("b", 4), refusal("b", 4)]
)
def test_a_reply_of_a_stale_term_changes_nothing(message: Message) -> None:
    """§3.3: terms detect obsolete information such as stale leaders, and what was said to them."""
    raft = followed_leader(term=5)
    before = raft.state.progress["b"]
    assert receive(raft, message) == effects()
    assert raft.state.progress["b"] == before


@pytest.mark.parametrize("message", [append("b", 5), ask("b", 5), refusal("b", 5)], ids=["append", "ask", "refusal"])
def test_a_message_of_the_current_term_leaves_the_term_alone(message: Message) -> None:
    """§3.3: the current term increases monotonically; only a newer one changes it."""
    raft = server(term=5, vote="b")
    assert receive(raft, message, at=2.0).save is None
    assert raft.state.current_term == 5


def test_each_term_begins_with_an_election() -> None:
    """§3.3: terms are numbered with consecutive integers, and each begins with an election."""
    raft = server(term=7)
    assert tick(raft, raft.deadline).save == Save(8, "a")
    assert tick(raft, raft.deadline).save is None, "one save at a time: the first is under way"
    raft.saved(8, 0)
    assert raft.take_effects().save == Save(9, "a")
