"""Chapter 5: log compaction: snapshots, and what they do to the rules of chapter 3."""

from dataclasses import replace

import pytest

from tests.paper.snapshots import KEEP_NONE, VOTERS, snapshot_at, wants
from tests.raftlab import Lab
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    Chance,
    accepted,
    append,
    command,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    leader,
    log,
    no_op,
    receive,
    rejected,
    role,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.base import NO_BASE, Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Effects, Envelope, Save, Saved
from tfraft.core.entry import Entries
from tfraft.core.invariants import check_instant
from tfraft.core.messages import InstallSnapshot
from tfraft.core.raft import Raft
from tfraft.core.state import Role


def sent(snapshot: Snapshot, *offsets: int) -> list[Envelope]:
    """What the leader `a` of term 1 sends to `c`, before the node has put the bytes in."""
    return [("c", InstallSnapshot(1, "a", snapshot, offset, min(40, 100 - offset))) for offset in offsets]


def pieces_in(turn: Effects) -> list[Envelope]:
    """The pieces of snapshots that leave with this turn."""
    return [envelope for envelope in turn.messages if isinstance(envelope[1], InstallSnapshot)]


# --- §5.1: taking snapshots ---


def compacted_leader() -> Raft:
    """A leader whose log begins after index 3; `b` has all of it, `c` was sent the last entry and has not answered."""
    raft = leader(entries=log(1, 1), config=KEEP_NONE)
    receive(raft, accepted("b", 1, 3), accepted("c", 1, 2))
    assert raft.snapshot_taken(snapshot_at(3)) == snapshot_at(3).base
    raft.take_effects()
    return raft


def test_the_log_is_dropped_through_the_last_index_of_the_snapshot() -> None:
    """§5.1: once a snapshot is complete, the log up through the last included index may be deleted."""
    raft = compacted_leader()
    log_now = raft.state.log
    assert (log_now.base_index, log_now.base_term, log_now.last_index, log_now.last_term) == (3, 1, 3, 1)
    raft.propose(b"x", "x")
    assert raft.take_effects().save == Save(1, "a", 4, raft.state.log.read(4, 4))


def test_the_last_included_index_and_term_stay_for_the_consistency_check() -> None:
    """§5.1: they are preserved for the first AppendEntries after the snapshot, which needs a previous entry."""
    raft = compacted_leader()
    beats = tick(raft, raft.deadline).messages
    assert beats[0] == ("b", append("a", 1, prev=(3, 1), commit=3, sent_at=raft.state.now))


def test_the_snapshot_holds_the_configuration_as_of_the_last_included_index() -> None:
    """§5.1: to support membership changes; not a later one, and none that is not committed."""
    later = configuration_entry(1, "abd")
    raft = server(term=1, entries=joined(no_op(1), configuration_entry(1, "abcd"), no_op(1), later), config=KEEP_NONE)
    assert raft.state.base_at(1) == Base(1, 1, VOTERS, 0)
    assert raft.state.base_at(3) == Base(3, 1, Configuration.of("abcd"), 2)
    receive(raft, append("b", 1, prev=(4, 1), commit=3))
    assert raft.snapshot_taken(Snapshot(raft.state.base_at(3), 9, 9)) == raft.state.base_at(3)
    assert raft.state.configurations == [(2, Configuration.of("abcd")), (4, Configuration.of("abd"))]


def test_some_entries_stay_for_servers_that_are_a_little_slow() -> None:
    """§5.1: a snapshot is expensive to send; most lagging servers need only a few entries."""
    raft = followed_leader(entries=log(1, 1), config=replace(CONFIG, keep_entries=2))
    assert raft.snapshot_taken(snapshot_at(3)) == Base(1, 1, VOTERS)
    assert receive(raft, rejected("c", 1, prev=3, conflict=(2, 0))).messages == []
    raft = followed_leader(entries=log(1, 1), config=replace(CONFIG, keep_entries=3))
    assert raft.snapshot_taken(snapshot_at(3)) is None


def test_what_is_not_on_disk_is_not_dropped() -> None:
    """§5.1 with §3.8: the snapshot is durable, but the log on disk must lead up to where it begins."""
    raft = server(term=1, config=KEEP_NONE)
    save = receive(raft, append("b", 1, entries=log(1, 1, 1), commit=3))
    assert raft.snapshot_taken(snapshot_at(3)) is None
    save_done(raft, save)
    assert raft.snapshot_taken(snapshot_at(3)) == snapshot_at(3).base


def test_what_a_server_will_need_that_is_being_sent_a_snapshot_stays() -> None:
    """consul 9609: a log that is compacted faster than a snapshot travels makes it begin again for ever."""
    raft = leader_sending()
    for index in (4, 5):
        raft.propose(b"x", index)
        settle(raft)
        receive(raft, accepted("b", 1, index))
    assert raft.snapshot_taken(snapshot_at(5)) is None
    assert raft.state.log.base_index == 3


def test_a_server_that_takes_its_snapshot_no_further_holds_up_nothing() -> None:
    """As above: it may be dead, and the log must not grow for ever."""
    raft = leader_sending()
    raft.propose(b"x", "x")
    settle(raft)
    receive(raft, accepted("b", 1, 4), at=raft.state.now + 10.5)
    assert raft.snapshot_taken(snapshot_at(4)) == snapshot_at(4).base


# --- §5.1: sending them ---


def leader_sending() -> Raft:
    """As `compacted_leader`; the first two pieces are on their way to `c`."""
    raft = compacted_leader()
    turn = receive(raft, rejected("c", 1, prev=3, conflict=(3, 0)))
    assert turn.messages == sent(snapshot_at(3), 0, 40)
    return raft


def test_a_server_that_needs_what_was_dropped_gets_the_snapshot() -> None:
    """§5.1: the leader must occasionally send snapshots to followers that lag behind; a window of pieces at a time."""
    raft = leader_sending()
    assert raft.take_effects() == effects()


def test_each_answer_moves_the_window() -> None:
    """§5.1: the server says how much it has written; the leader sends no faster than that disk can take."""
    raft = leader_sending()
    assert receive(raft, wants(40)).messages == sent(snapshot_at(3), 80)
    assert receive(raft, wants(80), wants(100)) == effects()


def test_heartbeats_go_on_meanwhile_and_confirm_nothing_of_the_log() -> None:
    """§5.1, §3.4: the server must not take the leader for dead; its answer is about index 0."""
    raft = leader_sending()
    beat = tick(raft, raft.deadline).messages[-1]
    assert beat == ("c", append("a", 1, commit=3, sent_at=raft.state.now))
    receive(raft, accepted("c", 1, 0))
    assert raft.state.progress["c"].sending is not None


def test_once_it_is_installed_the_entries_after_it_follow() -> None:
    """§5.1: the follower ends up with a log that begins at the snapshot."""
    raft = leader_sending()
    raft.propose(b"x", "x")
    settle(raft)
    turn = receive(raft, accepted("c", 1, 3))
    (entry,) = raft.state.log.read(4, 4)
    assert turn.messages == [("c", append("a", 1, prev=(3, 1), entries=joined(entry), commit=3))]
    assert raft.state.progress["c"].sending is None


def test_what_is_lost_is_sent_again_from_where_the_server_is() -> None:
    """§3.7: a break resumes."""
    raft = leader_sending()
    receive(raft, wants(40))
    receive(raft, accepted("b", 1, 3), at=raft.state.now + 1.25)
    turn = tick(raft, raft.state.now)
    assert pieces_in(turn) == sent(snapshot_at(3), 40, 80)


def test_who_has_all_of_it_and_does_not_answer_is_asked_again() -> None:
    """§3.7: the answer that it is installed may be lost."""
    raft = leader_sending()
    receive(raft, wants(40), wants(80), wants(100))
    receive(raft, accepted("b", 1, 3), at=raft.state.now + 1.25)
    turn = tick(raft, raft.state.now)
    assert pieces_in(turn) == sent(snapshot_at(3), 0, 40)


def test_a_server_that_begins_anew_is_sent_all_of_it() -> None:
    """§5.1: it crashed, and had written it nowhere."""
    raft = leader_sending()
    receive(raft, wants(40))
    assert receive(raft, wants(0)).messages == sent(snapshot_at(3), 0, 40)


def test_a_newer_snapshot_takes_the_place_of_the_one_on_its_way() -> None:
    """§5.1: only the latest is on disk."""
    raft = leader_sending()
    raft.propose(b"x", "x")
    settle(raft)
    receive(raft, accepted("b", 1, 4))
    raft.snapshot_taken(snapshot_at(4))
    assert raft.take_effects().messages == sent(snapshot_at(4), 0, 40)
    assert receive(raft, wants(40)) == effects(), "that was about the old one"


def test_answers_that_are_not_for_this_leadership_teach_nothing() -> None:
    """§3.3: of an older term, or of a stranger; one of a newer term ends it."""
    raft = leader_sending()
    before = repr(raft.state.progress)
    assert receive(raft, wants(40, term=0), wants(40, server_id="z")) == effects()
    assert repr(raft.state.progress) == before
    receive(raft, wants(0, term=2))
    assert role(raft) is Role.FOLLOWER
    assert receive(raft, wants(40, term=2)).messages == []


# --- §5.1: restarting ---


def restarted(saved: Saved, latest: Snapshot | None) -> Raft:
    """A server that starts with this on its disk."""
    return Raft(CONFIG, "a", Chance(0.5), 0.0, saved, latest)


def test_a_server_begins_with_its_snapshot_and_replays_only_what_follows() -> None:
    """§5.1; etcd 22443: replay must not resurrect what is below the snapshot."""
    raft = restarted(Saved(1, None, Base(2, 1, VOTERS), log(1, 1, 1, first=3)), snapshot_at(4))
    assert (raft.state.last_applied, raft.state.commit_index, raft.state.log.base_index) == (4, 4, 2)
    assert raft.take_effects() == effects()
    committed = receive(raft, append("b", 1, prev=(5, 1), commit=5)).committed
    assert committed is not None
    assert (committed.first_index, list(committed.entries)) == (5, [command(5, 1)])


@pytest.mark.parametrize(
    "entries", [log(1), log(1, 1, 2), log()], ids=["too short", "another term at the end", "empty"]
)
def test_a_log_that_does_not_lead_up_to_the_snapshot_is_dropped(entries: Entries) -> None:
    """§5.1: the server crashed between the end of a leader's snapshot and the save that follows it."""
    saved = Saved(2, "b", Base(configuration=VOTERS), entries)
    raft = restarted(saved, snapshot_at(3))
    assert (raft.state.log.base_index, raft.state.log.last_index, raft.state.last_applied) == (3, 3, 3)
    assert raft.take_effects() == effects(save=Save(2, "b", base=snapshot_at(3).base))
    check_instant(raft.state)


def test_a_snapshot_of_a_term_that_was_not_saved_brings_the_term() -> None:
    """§5.1, §3.8: in that term we have not voted: a vote is saved with its term."""
    raft = restarted(Saved(2, "b"), snapshot_at(3, term=4))
    assert raft.take_effects() == effects(save=Save(4, None, base=snapshot_at(3, term=4).base))


def test_a_server_without_anything_starts_with_nothing() -> None:
    """§5.1: no snapshot yet."""
    raft = restarted(Saved(), None)
    assert raft.state.log.base_index == 0
    assert raft.state.base_at(0) == NO_BASE


# --- §5.2, §5.3: with everything else ---


def test_a_slow_follower_is_brought_up_by_a_snapshot() -> None:
    """§5.1, end to end: it was away while the others compacted their logs."""
    lab = Lab(config=replace(PRE_VOTE, keep_entries=0, snapshot_piece_bytes=50))
    lab.elect("a")
    lab.crash("c")
    for number in range(5):
        lab.propose("a", f"x{number}")
        lab.deliver_all()
    lab.take_snapshot("a")
    lab.restart("c")
    lab.run(2.0)
    lab.propose("a", "after")
    lab.deliver_all()
    lab.heartbeat("a")
    assert lab.commands("c") == ["x0", "x1", "x2", "x3", "x4", "after"]
    assert lab.machines["c"].disk.base.index == 6


def test_a_restart_from_a_snapshot_has_the_same_history() -> None:
    """§5.1: the whole cluster restarts from its snapshots and goes on."""
    lab = Lab(config=replace(PRE_VOTE, keep_entries=0))
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    lab.heartbeat("a")
    for name in "abc":
        lab.take_snapshot(name)
        lab.crash(name)
    lab.letters.clear()
    for name in "abc":
        lab.restart(name)
    lab.run(3.0)
    lab.propose(lab.leaders[-1], "y")
    lab.deliver_all()
    lab.run(1.0)
    assert {tuple(lab.commands(name)) for name in "abc"} == {("x", "y")}


def test_a_new_server_is_caught_up_by_a_snapshot() -> None:
    """§4.2.1 with §5.1: it takes longer than a round; progress of the snapshot is progress."""
    lab = Lab("ab", "d", config=replace(PRE_VOTE, keep_entries=0, snapshot_piece_bytes=20, snapshot_window=1))
    lab.elect("a")
    for number in range(9):
        lab.propose("a", f"x{number}")
        lab.deliver_all()
    lab.take_snapshot("a")
    lab.machines["d"].slow_disk = True
    lab.add_server("a", "d")
    for _ in range(100):
        lab.now += 0.25
        for name in "abd":
            lab.tick(name)
        lab.deliver_all()
        lab.write_pieces("d")
        if lab.machines["d"].writing is not None:
            lab.save("d")
        lab.deliver_all()
        if "add d" in lab.outcomes:
            break
    assert lab.raft("d").state.configuration.ids == ("a", "b", "d")


def test_the_leader_compacts_while_it_replicates() -> None:
    """§5.1: what is on its way to a server that is only a little behind is not disturbed."""
    lab = Lab(config=replace(PRE_VOTE, keep_entries=1))
    lab.elect("a")
    for number in range(10):
        lab.propose("a", f"x{number}")
        lab.deliver(*lab.between("a", "b"))
        lab.deliver(*lab.between("b", "a"))
        lab.take_snapshot("a")
    lab.deliver_all()
    lab.run(3.0)
    assert lab.commands("c") == [f"x{number}" for number in range(10)]
