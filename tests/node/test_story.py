"""What a node tells of itself: each event with its reason and its section."""

from dataclasses import replace

from tests.node.lab import CONFIG, NOW_S, VOTERS, Lab, asks_vote, heartbeat
from tfraft.core.configuration import Configuration
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, AppendEntriesReply, PreVoteReply, RequestVoteReply
from tfraft.core.requests import RemoveServer, TransferLeadership
from tfraft.node.status import Event, EventKind


def test_an_election_is_told_from_the_timeout_to_the_no_op() -> None:
    """§3.4: what a learner sees after KILL."""
    lab = Lab(config=replace(CONFIG, pre_vote=True))
    lab.time_out()
    lab.receive(PreVoteReply(0, "b", True, 1))
    lab.saved()
    lab.receive(RequestVoteReply(1, "b", True))
    asks = "a election timeout → asks who would vote for it in term 1"
    leads = "a leader of term 1 (votes a b), appends a no-op at 1"
    assert lab.events == [
        Event(NOW_S, "a", EventKind.STARTED, 0, "a started with 0 entries"),
        Event(NOW_S, "a", EventKind.CANDIDATE, 0, asks, "§9.6"),
        Event(NOW_S, "a", EventKind.CANDIDATE, 1, "a → candidate of term 1", "§3.4"),
        Event(NOW_S, "a", EventKind.LEADER, 1, leads, "§3.6.2 / §6.4"),
    ]


def test_a_leader_that_hands_over_tells_to_whom() -> None:
    """§3.10: once the successor has the whole log, it is told to stand."""
    lab = Lab().lead()
    lab.ask(TransferLeadership("b"))
    assert lab.told() == [(EventKind.TRANSFER, "a asks b to take over the leadership")]


def test_a_configuration_is_told_with_who_votes_and_who_only_learns() -> None:
    """§4.2.1, §4.3: a joint configuration has two sets of voters."""
    lab = Lab()
    joint = Configuration.of("ac", ["d"], ["a", "b", "c"])
    lab.events.clear()
    lab.receive(AppendEntries(1, "b", 0, 0, Entries.of(Entry(1, EntryKind.CONFIGURATION, joint.encode()))))
    text = "a has the configuration of index 1: a b c, which is joint: 3 old voters, 2 new; learners d"
    assert lab.told()[-1] == (EventKind.CONFIGURATION, text)


def test_a_vote_is_told_with_its_reason() -> None:
    """§3.6.1: the voter's log is not more up-to-date than the candidate's."""
    lab = Lab()
    lab.events.clear()
    lab.receive(asks_vote(1))
    assert lab.told() == [(EventKind.VOTED, "a votes b in term 1 (its log is at least as up-to-date)")]


def test_a_second_vote_is_refused_with_the_first_as_the_reason() -> None:
    """§3.4: one vote a term, first come first served."""
    lab = Lab()
    lab.receive(asks_vote(1))
    lab.saved()
    lab.events.clear()
    lab.receive(asks_vote(1, "c"))
    assert lab.told() == [(EventKind.REFUSED_VOTE, "a refuses c: it has voted for b in term 1")]


def test_a_candidate_with_an_older_log_is_refused_for_its_log() -> None:
    """§3.6.1: the voter denies its vote if its own log is more up-to-date."""
    lab = Lab()
    lab.receive(AppendEntries(1, "b", 0, 0, Entries.of(Entry(1, EntryKind.NO_OP))))
    lab.saved()
    lab.loop.now += 2
    lab.events.clear()
    lab.receive(asks_vote(2, "c"))
    lab.saved()
    assert (EventKind.REFUSED_VOTE, "a refuses c: its own log, or its term 2, is ahead") in lab.told()


def test_a_disruptive_server_is_told_to_be_ignored() -> None:
    """§4.2.3: a server that hears from a leader does not vote."""
    lab = Lab()
    lab.receive(heartbeat())
    lab.saved()
    lab.events.clear()
    lab.receive(asks_vote(9, "c"))
    assert lab.told() == [(EventKind.REFUSED_VOTE, "a ignores c: it hears from a leader")]


def test_a_follower_tells_whom_it_follows_once() -> None:
    """§3.4: it recognises the leader of the term."""
    lab = Lab()
    lab.events.clear()
    lab.receive(heartbeat())
    lab.saved()
    lab.receive(heartbeat())
    assert lab.told() == [(EventKind.FOLLOWER, "a follows b in term 1")]


def test_a_leader_that_sees_a_higher_term_tells_it() -> None:
    """§3.3: a leader whose term is out of date reverts to follower."""
    lab = Lab().lead()
    lab.receive(AppendEntriesReply(5, "b", False))
    assert lab.told() == [(EventKind.FOLLOWER, "a steps down: it has seen term 5")]


def test_a_leader_without_a_quorum_tells_why_it_steps_down() -> None:
    """§6.2: a leader steps down if an election timeout passes without a round of heartbeats."""
    lab = Lab().lead()
    lab.loop.advance(lab.loop.now + 1.5)
    assert lab.told() == [
        (EventKind.FOLLOWER, "a steps down: no quorum for an election timeout, or its disk hangs"),
    ]


def test_a_leader_that_removed_itself_tells_both() -> None:
    """§4.2.2: it steps down once the configuration without it is committed."""
    lab = Lab().lead()
    lab.receive(AppendEntriesReply(1, "c", True, match_index=1))
    lab.ask(RemoveServer("a"))
    lab.saved()
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2), AppendEntriesReply(1, "c", True, match_index=2))
    assert lab.told() == [
        (EventKind.CONFIGURATION, "a has the configuration of index 2: b c"),
        (EventKind.FOLLOWER, "a steps down: it is not in the cluster any more"),
        (EventKind.TRANSFER, "a asks b to take over the leadership"),
        (EventKind.REMOVED, "a stops: it was removed from the cluster"),
    ]


def test_nobody_is_told_where_nobody_observes() -> None:
    """A node without an observer spends nothing on its story."""
    lab = Lab()
    lab.node._story._observe = None
    lab.events.clear()
    lab.time_out()
    lab.node.halt()
    assert lab.events == []
    assert lab.node.raft.state.configuration == VOTERS
