"""§3.5: log replication, seen from the leader; and what a client is told."""

from tests.servers import (
    accepted,
    append,
    command,
    effects,
    followed_leader,
    follower_of,
    joined,
    leader,
    log,
    no_op,
    not_leader,
    receive,
    refused,
    rejected,
    settle,
    tick,
)
from tfraft.core.config import MAX_ENTRY_BYTES, RaftConfig
from tfraft.core.effects import Committed, Save
from tfraft.core.entry import Entries, Entry, EntryKind


def of(*commands: bytes, term: int = 1) -> Entries:
    """A run of these commands."""
    return Entries.of(*(Entry(term, EntryKind.COMMAND, data) for data in commands))


def test_the_leader_appends_the_command_and_sends_it_to_each_of_the_other_servers() -> None:
    """§3.5: the leader appends the command to its log as a new entry, then issues AppendEntries RPCs in parallel."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    message = append("a", 1, prev=(1, 1), entries=of(b"x"), commit=1)
    assert raft.take_effects() == effects(messages=[("b", message), ("c", message)], save=Save(1, "a", 2, of(b"x")))


def test_each_log_entry_stores_a_command_with_the_term_in_which_the_leader_received_it() -> None:
    """§3.5: each entry has a command, the term number, and an integer index that is its place in the log."""
    raft = followed_leader(term=7, entries=log(1, 3))
    raft.propose(b"x", "who")
    assert raft.state.log.entry(4) == Entry(7, EntryKind.COMMAND, b"x")


def test_commands_of_one_turn_travel_in_one_message_and_one_save() -> None:
    """§10.2.2: batching: the leader collects requests and replicates them in one AppendEntries."""
    raft = followed_leader()
    for name in ("x", "y", "z"):
        raft.propose(name.encode(), name)
    run = of(b"x", b"y", b"z")
    message = append("a", 1, prev=(1, 1), entries=run, commit=1)
    assert raft.take_effects() == effects(messages=[("b", message), ("c", message)], save=Save(1, "a", 2, run))


def test_an_entry_is_committed_once_it_is_on_a_majority_of_the_servers() -> None:
    """§3.5: committed once the leader that created it has replicated it on a majority; then it is applied."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    settle(raft)
    assert receive(raft, accepted("b", 1, 2)) == effects(committed=Committed(2, of(b"x"), ["who"]))


def test_two_of_five_are_no_majority() -> None:
    """§3.5, as above."""
    raft = followed_leader(voters="abcde")
    raft.propose(b"x", "who")
    settle(raft)
    assert receive(raft, accepted("b", 1, 2)).committed is None
    assert receive(raft, accepted("c", 1, 2)).committed == Committed(2, of(b"x"), ["who"])


def test_one_follower_that_answers_twice_is_one() -> None:
    """§3.5: a majority of servers, not of answers."""
    raft = followed_leader(voters="abcde")
    raft.propose(b"x", "who")
    settle(raft)
    assert receive(raft, accepted("b", 1, 2), accepted("b", 1, 2), accepted("b", 1, 2)).committed is None


def test_committing_an_entry_commits_all_preceding_ones() -> None:
    """§3.5: this also commits all preceding entries, including those created by previous leaders."""
    raft = leader(term=4, entries=log(1, 2))
    committed = receive(raft, accepted("b", 4, 3)).committed
    assert committed == Committed(1, joined(log(1, 2), no_op(4)), [])


def test_a_single_slow_follower_does_not_hold_up_the_majority() -> None:
    """§2.1, §3.5: in the common case a command completes as soon as a majority has answered."""
    raft = followed_leader()
    for index in range(2, 8):
        raft.propose(b"x", index)
        settle(raft)
        assert receive(raft, accepted("c", 1, index)).committed == Committed(index, of(b"x"), [index])
    assert raft.state.progress["b"].match_index == 1


def test_the_leader_keeps_track_of_the_highest_index_it_knows_committed_in_heartbeats_too() -> None:
    """§3.5: it includes that index in future AppendEntries RPCs (heartbeats too), so that the others find out."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    settle(raft)
    receive(raft, accepted("b", 1, 2))
    beats = tick(raft, raft.deadline).messages
    assert [(name, message.leader_commit) for name, message in beats if hasattr(message, "leader_commit")] == [
        ("b", 2),
        ("c", 2),
    ]


def test_the_leader_retries_append_entries_until_all_followers_store_all_entries() -> None:
    """§3.5: it retries indefinitely, even after it has responded to the client."""
    raft = leader()
    receive(raft, accepted("b", 1, 1))
    for _ in range(5):
        retry = tick(raft, raft.deadline)
        receive(raft, accepted("b", 1, 1))
        assert ("c", append("a", 1, entries=joined(no_op(1)), commit=1, sent_at=raft.state.now)) in retry.messages
    receive(raft, accepted("c", 1, 1))
    due = raft.deadline
    assert ("c", append("a", 1, prev=(1, 1), commit=1, sent_at=due)) in tick(raft, due).messages


def test_after_a_rejection_the_leader_decrements_next_index_and_retries() -> None:
    """§3.5: eventually nextIndex reaches a point where the logs match."""
    raft = leader(term=3, entries=log(1, 1, 2))
    reply = receive(raft, rejected("b", 3, prev=3, conflict=(3, 0)))
    assert reply == effects(messages=[("b", append("a", 3, prev=(2, 1), entries=joined(command(3, 2), no_op(3))))])


def test_the_leader_can_bypass_all_conflicting_entries_of_a_term_at_once() -> None:
    """§3.5: one AppendEntries for each term with conflicting entries, rather than one for each entry."""
    raft = leader(term=8, entries=log(1, 1, 1, 4, 4, 5, 5, 6, 6, 6))
    again = receive(raft, rejected("b", 8, prev=10, conflict=(7, 3)))
    assert again.messages == [("b", append("a", 8, prev=(6, 5), entries=joined(log(5, 6, 6, 6, first=7), no_op(8))))]
    again = receive(raft, rejected("b", 8, prev=6, conflict=(4, 2)))
    assert again.messages == [
        ("b", append("a", 8, prev=(3, 1), entries=joined(log(4, 4, 5, 5, 6, 6, 6, first=4), no_op(8))))
    ]


def test_where_the_leader_has_the_conflicting_term_it_goes_on_after_its_own_last_entry_of_it() -> None:
    """§3.5: up to there the two logs may well agree, so the follower's entries of that term need not go again."""
    raft = leader(term=8, entries=log(1, 4, 4, 6, 6, 6))
    again = receive(raft, rejected("b", 8, prev=6, conflict=(2, 4)))
    assert again.messages == [("b", append("a", 8, prev=(3, 4), entries=joined(log(6, 6, 6, first=4), no_op(8))))]


def test_a_follower_that_is_too_short_is_sent_what_it_lacks_at_once() -> None:
    """§3.5: the follower includes the first index that it does not store."""
    raft = leader(term=8, entries=log(1, 1, 1, 1))
    again = receive(raft, rejected("b", 8, prev=4, conflict=(1, 0)))
    assert again.messages == [("b", append("a", 8, entries=joined(log(1, 1, 1, 1), no_op(8))))]


def test_a_leader_never_overwrites_or_deletes_entries_in_its_own_log() -> None:
    """§3.5, Figure 3.2: leader append-only, whatever its followers say."""
    raft = leader(term=3, entries=log(1, 1, 2))
    receive(raft, rejected("b", 3, prev=3, conflict=(1, 0)), rejected("c", 3, prev=3, conflict=(2, 2)))
    raft.propose(b"x", "who")
    raft.take_effects()
    assert raft.state.log.read(1, 9) == joined(log(1, 1, 2), no_op(3), Entry(3, EntryKind.COMMAND, b"x"))


def test_messages_are_limited_in_entries() -> None:
    """§10.2.2: a limit on the size of AppendEntries keeps one follower from being flooded."""
    config = RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.25, max_batch_entries=2)
    raft = followed_leader(config=config)
    for index in range(2, 5):
        raft.propose(b"x", index)
    assert [message for name, message in raft.take_effects().messages if name == "b"] == [
        append("a", 1, prev=(1, 1), entries=of(b"x", b"x"), commit=1),
        append("a", 1, prev=(3, 1), entries=of(b"x"), commit=1),
    ]


def test_messages_are_limited_in_bytes_and_a_larger_command_goes_alone() -> None:
    """§10.2.2, as above."""
    config = RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.25, max_batch_bytes=4)
    raft = followed_leader(config=config)
    for data in (b"aa", b"bb", b"c", b"ddddddd", b"e"):
        raft.propose(data, data)
    sent = [message for name, message in raft.take_effects().messages if name == "b"]
    assert [list(message.entries.data) for message in sent if hasattr(message, "entries")] == [
        [b"aa", b"bb"],
        [b"c"],
        [b"ddddddd"],
        [b"e"],
    ]


def test_a_server_that_does_not_lead_refers_to_the_leader() -> None:
    """§6.2: a server that is not the leader rejects the request and returns the leader's address, if known."""
    raft = follower_of("b")
    settle(raft)
    raft.propose(b"x", "who")
    assert raft.take_effects() == effects(settled=[not_leader("who", "b")])


def test_the_hint_has_the_leaders_address() -> None:
    """§6.2, as above: the client need not know the cluster."""
    raft = follower_of("b", voters={"a": "", "b": "host:1", "c": ""})
    settle(raft)
    raft.propose(b"x", "who")
    assert [settled.answer.leader_address for settled in raft.take_effects().settled] == ["host:1"]


def test_a_command_that_no_message_could_carry_is_refused() -> None:
    """§3.5: an entry that cannot be replicated must not enter the log, where it would be in the way for ever."""
    raft = followed_leader()
    raft.propose(bytes(MAX_ENTRY_BYTES + 1), "who")
    reason = f"the command has {MAX_ENTRY_BYTES + 1} bytes, the limit is {MAX_ENTRY_BYTES} bytes"
    assert raft.take_effects() == effects(settled=[refused("who", reason, "a")])


def test_a_command_of_the_greatest_size_is_taken() -> None:
    """As above: the limit itself is allowed."""
    raft = followed_leader()
    raft.propose(bytes(MAX_ENTRY_BYTES), "who")
    assert raft.take_effects().settled == []


def test_a_follower_that_answered_is_not_sent_the_same_again() -> None:
    """§3.5: nextIndex is the next entry that the leader will send to that follower."""
    raft = followed_leader()
    raft.propose(b"x", "who")
    settle(raft)
    receive(raft, accepted("b", 1, 2), accepted("c", 1, 2))
    assert raft.take_effects() == effects()
