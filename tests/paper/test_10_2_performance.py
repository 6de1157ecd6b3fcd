"""§10.2: writing to the leader's disk in parallel (10.2.1), batching and pipelining (10.2.2)."""

from tests.raftlab import Done, Lab
from tests.servers import (
    accepted,
    append,
    effects,
    followed_leader,
    joined,
    receive,
    rejected,
    save_done,
    settle,
    tick,
)
from tfraft.core.config import RaftConfig
from tfraft.core.effects import Committed, Save
from tfraft.core.entry import Entries, Entry, EntryKind

NARROW = RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.25, max_batch_entries=1, max_inflight=2)


def of(*commands: bytes) -> Entries:
    """A run of these commands, of term 1."""
    return Entries.of(*(Entry(1, EntryKind.COMMAND, data) for data in commands))


# --- 10.2.1: writing to the leader's disk in parallel ---


def test_entries_are_sent_before_the_leader_has_written_them() -> None:
    """§10.2.1: the leader writes to its disk in parallel with replicating to the followers."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    turn = raft.take_effects()
    assert turn.save == Save(1, "a", 2, of(b"x"))
    assert [message for _, message in turn.messages] == [append("a", 1, prev=(1, 1), entries=of(b"x"), commit=1)] * 2


def test_a_majority_of_followers_commits_an_entry_that_the_leader_has_not_written() -> None:
    """§10.2.1: if a majority of followers has written it, it is committed even before the leader's own write."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    raft.take_effects()
    assert receive(raft, accepted("b", 1, 2)).committed is None
    assert receive(raft, accepted("c", 1, 2)) == effects(committed=Committed(2, of(b"x"), ["x"]))


def test_the_leaders_write_counts_when_it_is_done() -> None:
    """§10.2.1: as a follower's does when it has answered."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    first = raft.take_effects()
    receive(raft, accepted("b", 1, 2))
    save_done(raft, first)
    assert raft.take_effects() == effects(committed=Committed(2, of(b"x"), ["x"]))


def test_the_leader_goes_on_sending_while_it_writes() -> None:
    """§10.2.1, as above: what comes meanwhile is sent at once and written next."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    first = raft.take_effects()
    raft.propose(b"y", "y")
    message = append("a", 1, prev=(2, 1), entries=of(b"y"), commit=1)
    assert raft.take_effects() == effects(messages=[("b", message), ("c", message)])
    save_done(raft, first)
    assert raft.take_effects() == effects(save=Save(1, "a", 3, of(b"y")))


def test_what_gathers_during_a_write_is_the_next_write() -> None:
    """§10.2.2: the slower the disk, the larger the batch."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    first = raft.take_effects()
    for data in (b"p", b"q", b"r"):
        raft.propose(data, data)
        assert raft.take_effects().save is None
    save_done(raft, first)
    assert raft.take_effects().save == Save(1, "a", 3, of(b"p", b"q", b"r"))


def test_a_leader_that_crashes_before_its_own_write_has_lost_nothing() -> None:
    """§10.2.1: the entry is on a majority without it, and the next leader has it."""
    lab = Lab()
    lab.elect("a")
    lab.machines["a"].slow_disk = True
    token = lab.propose("a", "x")
    lab.deliver_all()
    assert lab.outcomes[token] == Done(2)
    lab.crash("a")
    lab.restart("a")
    assert lab.raft("a").state.log.last_index == 1
    lab.machines["a"].slow_disk = False
    lab.now += 10.0
    lab.elect("b")
    lab.heartbeat("b")
    assert lab.commands("a") == ["x"]


# --- 10.2.2: batching and pipelining ---


def test_the_leader_sends_ahead_of_the_answers() -> None:
    """§10.2.2: nextIndex moves on as soon as an AppendEntries is sent, without waiting for its answer."""
    raft = followed_leader()
    for number, data in enumerate((b"x", b"y", b"z")):
        raft.propose(data, data)
        message = append("a", 1, prev=(number + 1, 1), entries=of(data), commit=1)
        assert raft.take_effects().messages == [("b", message), ("c", message)]


def test_servers_that_are_equally_far_get_the_same_message() -> None:
    """§10.2.2: a batch that is made once for all of them is encoded once, too."""
    raft = followed_leader()
    raft.propose(b"x", b"x")
    (_, to_b), (_, to_c) = raft.take_effects().messages
    assert to_b is to_c


def test_the_window_limits_what_is_under_way() -> None:
    """§10.2.2: the number of requests that are not answered is limited for each follower."""
    raft = followed_leader(config=NARROW)
    for data in (b"x", b"y", b"z"):
        raft.propose(data, data)
    turn = settle(raft)
    assert [message for name, message in turn.messages if name == "b"] == [
        append("a", 1, prev=(1, 1), entries=of(b"x"), commit=1),
        append("a", 1, prev=(2, 1), entries=of(b"y"), commit=1),
    ]
    assert settle(raft).messages == []


def test_an_answer_opens_the_window() -> None:
    """§10.2.2, as above."""
    raft = followed_leader(config=NARROW)
    for data in (b"x", b"y", b"z"):
        raft.propose(data, data)
    settle(raft)
    opened = receive(raft, accepted("b", 1, 2))
    assert opened.messages == [("b", append("a", 1, prev=(3, 1), entries=of(b"z"), commit=2))]


def test_one_answer_stands_for_all_before_it() -> None:
    """§10.2.2: an answer that is lost or overtaken holds nothing up."""
    raft = followed_leader(config=NARROW)
    for data in (b"x", b"y", b"z", b"u"):
        raft.propose(data, data)
    settle(raft)
    opened = receive(raft, accepted("b", 1, 3))
    assert [message for name, message in opened.messages if name == "b"] == [
        append("a", 1, prev=(3, 1), entries=of(b"z"), commit=3),
        append("a", 1, prev=(4, 1), entries=of(b"u"), commit=3),
    ]


def test_a_full_window_still_gets_heartbeats() -> None:
    """§3.4 with §10.2.2: a slow follower must not take the leader for dead."""
    raft = followed_leader(config=NARROW)
    for data in (b"x", b"y", b"z"):
        raft.propose(data, data)
    settle(raft)
    beats = tick(raft, raft.deadline).messages
    assert beats == [(name, append("a", 1, prev=(3, 1), commit=1, sent_at=raft.state.now)) for name in "bc"]


def test_reordered_requests_end_in_equal_logs() -> None:
    """§10.2.2: if requests are reordered, the consistency check fails and the leader sends again."""
    lab = Lab("abc", config=NARROW)
    lab.elect("a")
    for number in range(6):
        lab.propose("a", f"x{number}")
    while lab.letters:
        lab.deliver(lab.letters[-1])
    lab.heartbeat("a")
    lab.heartbeat("a")
    assert {tuple(lab.commands(name)) for name in "abc"} == {tuple(f"x{number}" for number in range(6))}


def test_a_follower_that_is_being_probed_gets_one_request_at_a_time() -> None:
    """§3.5: until it has discovered where they match, the leader need not send more than one."""
    raft = followed_leader(config=NARROW)
    receive(raft, rejected("b", 1, prev=1, conflict=(1, 0)))
    assert raft.state.progress["b"].match_index == 1, "what is stored is stored: such an answer is an old one"
    raft.propose(b"x", "x")
    raft.propose(b"y", "y")
    settle(raft)
    again = receive(raft, rejected("b", 1, prev=3, conflict=(2, 0)))
    assert again.messages == [("b", append("a", 1, prev=(1, 1), entries=of(b"x"), commit=1))]
    assert settle(raft).messages == []
    after = receive(raft, accepted("b", 1, 2))
    assert after.messages == [("b", append("a", 1, prev=(2, 1), entries=of(b"y"), commit=2))]
    assert after.committed == Committed(2, joined(of(b"x")), ["x"])
