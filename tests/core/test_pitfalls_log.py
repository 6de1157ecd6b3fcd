"""Log and commit: histories that have broken other Raft systems."""

from dataclasses import replace

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    accepted,
    append,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    leader,
    log,
    no_op,
    receive,
    rejected,
    save_done,
    server,
    settle,
    tick,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, Save, Saved
from tfraft.core.invariants import check_instant

ONE_BY_ONE = replace(CONFIG, max_batch_entries=1)


def test_an_entry_of_an_older_term_on_a_majority_is_not_committed() -> None:
    """LogCabin 44, Figure 3.7: committed by counting, it could still be overwritten by the leader of term 3."""
    raft = leader(voters="abcde", term=4, entries=log(1, 2))
    for name in "bcde":
        assert receive(raft, accepted(name, 4, 2)).committed is None
    assert raft.state.commit_index == 0


def test_a_follower_acknowledges_what_it_was_sent_and_not_what_it_has_besides() -> None:
    """CCF 6016: its own last index may be of an old leader; the new one would count it as its own."""
    raft = server(term=2, entries=log(1, 1, 1, 1))
    assert receive(raft, append("b", 2, prev=(1, 1))).replies == [("b", accepted("a", 2, 1))]
    assert receive(raft, append("b", 2, prev=(1, 1), entries=log(1, first=2))).replies == [
        ("b", accepted("a", 2, 2, prev=1))
    ]


def test_a_stale_suffix_is_never_counted_by_a_new_leader() -> None:
    """CCF 6016, as a history: b holds entries that nobody else has, and the new leader needs b for its majority."""
    voters = Base(configuration=Configuration.of("abc"))
    disks = {"a": Saved(2, None, voters, log(1, 2)), "b": Saved(2, None, voters, log(1, 1, 1, 1))}
    lab = Lab("abc", disks={**disks, "c": Saved(2, None, voters)}, config=ONE_BY_ONE)
    lab.crash("c")
    lab.elect("a")
    lab.propose("a", "x")
    lab.deliver_all()
    assert lab.raft("b").state.log.read(1, 3) == joined(log(1, 2), no_op(3))
    assert lab.outcomes["x"] == Done(4)


def test_a_follower_commits_only_what_the_leader_has_verified() -> None:
    """copycat 265: min(leaderCommit, own last index) commits a stale suffix that the leader is about to remove."""
    raft = server(term=3, entries=log(1, 2, 2))
    turn = receive(raft, append("b", 3, prev=(1, 1), commit=3))
    assert turn.committed == Committed(1, log(1), [])
    later = receive(raft, append("b", 3, prev=(1, 1), entries=log(3, 3, first=2), commit=3))
    assert later.committed == Committed(2, log(3, 3, first=2), [])


def test_an_old_request_does_not_cut_what_has_been_acknowledged_since() -> None:
    """redpanda 25018, PySyncObj: a delayed AppendEntries without a conflict erased entries that were counted."""
    raft = server(term=1)
    settle_all = append("b", 1, entries=log(1, 1, 1))
    save_done(raft, receive(raft, settle_all))
    old = append("b", 1, entries=log(1))
    assert receive(raft, old) == effects(replies=[("b", accepted("a", 1, 1, prev=0))])
    assert receive(raft, append("b", 1, prev=(1, 1))) == effects(replies=[("b", accepted("a", 1, 1))])
    assert raft.state.log.last_index == 3


def test_doubled_and_reordered_requests_lose_nothing_that_was_answered() -> None:
    """As above, as a history: every copy of every request arrives again, after the commit, in reverse."""
    lab = Lab()
    lab.elect("a")
    kept = []
    for number in range(4):
        lab.propose("a", f"x{number}")
        kept.extend(lab.between("a"))
        lab.deliver_all()
    lab.letters.extend(reversed(kept))
    lab.deliver_all()
    assert all(isinstance(lab.outcomes[f"x{number}"], Done) for number in range(4))
    lab.crash("a")
    lab.now += 10.0
    lab.elect("b")
    lab.heartbeat("b")
    assert lab.commands("c") == ["x0", "x1", "x2", "x3"]


def test_old_answers_never_move_match_index_back() -> None:
    """etcd 149: a duplicate of an earlier answer arrives after a later one."""
    raft = followed_leader()
    for data in (b"x", b"y"):
        raft.propose(data, data)
    settle(raft)
    receive(raft, accepted("b", 1, 3), accepted("b", 1, 2), accepted("b", 1, 1))
    progress = raft.state.progress["b"]
    assert (progress.match_index, progress.next_index) == (3, 4)


def test_doubled_answers_move_nothing_twice() -> None:
    """etcd 149; the TypeScript original counted a reply twice in nextIndex."""
    raft = followed_leader()
    raft.propose(b"x", "x")
    settle(raft)
    receive(raft, accepted("b", 1, 2), accepted("b", 1, 2), accepted("b", 1, 2))
    progress = raft.state.progress["b"]
    assert (progress.match_index, progress.next_index) == (2, 3)


def test_doubled_rejections_move_next_index_once() -> None:
    """etcd 149: a rejection of a probe that is no longer outstanding says nothing new."""
    raft = leader(term=3, entries=log(1, 1, 1, 1))
    reply = rejected("b", 3, prev=4, conflict=(3, 0))
    assert len(receive(raft, reply).messages) == 1
    assert receive(raft, reply, reply) == effects()
    assert raft.state.progress["b"].next_index == 3


def test_next_index_never_falls_below_one() -> None:
    """etcd 149: below 1 there is no entry to send; a reply of nonsense must not lead there."""
    raft = leader(term=3, entries=log(1, 1))
    again = receive(raft, rejected("b", 3, prev=2, conflict=(0, 0)))
    assert again.messages == [("b", append("a", 3, entries=joined(log(1, 1), no_op(3))))]
    assert raft.state.progress["b"].next_index == 1
    assert receive(raft, rejected("b", 3, prev=0, conflict=(0, 0))) == effects()
    assert raft.state.progress["b"].next_index == 1


def test_next_index_never_falls_to_what_is_known_to_match() -> None:
    """etcd 149: an old rejection comes after the answer that found the logs equal."""
    raft = followed_leader(term=2, entries=log(1, 1))
    raft.propose(b"x", "x")
    settle(raft)
    assert receive(raft, rejected("b", 2, prev=3, conflict=(1, 0))) == effects()
    assert raft.state.progress["b"].next_index == 5


def test_a_rejection_goes_back_to_the_match_index_at_most() -> None:
    """As above: what is lost is sent again, what is stored is not."""
    raft = followed_leader()
    for data in (b"x", b"y"):
        raft.propose(data, data)
        settle(raft)
    receive(raft, rejected("b", 1, prev=2, conflict=(1, 0)))
    assert raft.state.progress["b"].next_index == 2


def test_backing_up_takes_one_message_for_each_term_and_not_for_each_entry() -> None:
    """etcd 149: nextIndex lowered one by one takes a thousand round trips for a thousand entries."""
    voters = Base(configuration=Configuration.of("ab"))
    disks = {"a": Saved(5, None, voters, log(1, *[4] * 1000)), "b": Saved(3, None, voters, log(1, *[2] * 1000))}
    lab = Lab("ab", disks=disks)
    lab.time_out("a")
    round_trips = 0
    while lab.letters:
        lab.deliver(*lab.letters)
        round_trips += 1
    assert lab.raft("b").state.log.last_index == 1002
    assert round_trips <= 8


def test_a_single_server_commits_only_what_is_on_its_disk() -> None:
    """etcd 14370: a cluster of one answered before its write was synced; power failed."""
    raft = server(voters="a")
    save_done(raft, tick(raft, raft.deadline))
    save_done(raft, raft.take_effects())
    assert raft.take_effects().committed == Committed(1, joined(no_op(1)), [])
    raft.propose(b"x", "x")
    first = raft.take_effects()
    assert first.save is not None
    assert first.committed is None
    assert raft.take_effects().committed is None
    save_done(raft, first)
    committed = raft.take_effects().committed
    assert committed is not None
    assert committed.tokens == ["x"]


def test_a_leader_counts_itself_by_its_disk_and_not_by_its_memory() -> None:
    """etcd 14370: one follower and the leader's memory are no quorum that survives a loss of power."""
    lab = Lab()
    lab.elect("a")
    lab.crash("c")
    lab.machines["a"].slow_disk = True
    lab.propose("a", "x")
    lab.deliver_all()
    assert "x" not in lab.outcomes
    lab.save("a")
    assert lab.outcomes["x"] == Done(2)


def test_a_late_save_does_not_make_what_overwrote_it_durable() -> None:
    """etcd append_aba_race: entries 2 and 3 of term 1 are being saved when a leader of term 2 replaces them."""
    raft = server(term=1, entries=log(1))
    first = receive(raft, append("b", 1, prev=(1, 1), entries=log(1, 1, first=2)))
    receive(raft, append("c", 2, prev=(1, 1), entries=log(2, 2, first=2)))
    save_done(raft, first)
    assert raft.state.durable_index == 1
    second = raft.take_effects()
    assert second == effects(save=Save(2, None, 2, log(2, 2, first=2)), replies=[("c", accepted("a", 2, 3, prev=1))])
    save_done(raft, second)
    assert raft.state.durable_index == 3


def test_a_late_save_counts_for_what_was_not_overwritten() -> None:
    """As above: the part below the truncation is on the disk."""
    raft = server(term=1)
    first = receive(raft, append("b", 1, entries=log(1, 1, 1)))
    receive(raft, append("c", 2, prev=(2, 1), entries=log(2, first=3)))
    save_done(raft, first)
    assert raft.state.durable_index == 2
    assert raft.take_effects().save == Save(2, None, 3, log(2, first=3))


def test_a_late_save_that_held_no_entries_makes_none_durable() -> None:
    """As above, where the save under way is of a vote, and what was durable is overwritten meanwhile."""
    raft = server(term=1, entries=log(1, 1, 1))
    first = receive(raft, append("z", 2))
    receive(raft, append("c", 3, prev=(1, 1), entries=log(3, first=2)))
    save_done(raft, first)
    assert raft.state.durable_index == 1
    check_instant(raft.state)


def test_a_truncation_below_what_waits_for_the_disk_is_saved_from_there() -> None:
    """As above: entry 4 waits behind the save under way when 2 and 3 are replaced. The next save must hold them."""
    raft = server(term=1, entries=log(1))
    first = receive(raft, append("b", 1, prev=(1, 1), entries=log(1, 1, first=2)))
    receive(raft, append("b", 1, prev=(3, 1), entries=log(1, first=4)))
    receive(raft, append("c", 2, prev=(1, 1), entries=log(2, 2, first=2)))
    save_done(raft, first)
    assert raft.take_effects().save == Save(2, None, 2, log(2, 2, first=2))


def test_the_entry_that_comes_back_after_two_overwritings_is_not_durable_by_the_first_save() -> None:
    """etcd append_aba_race, A-B-A: the same entry comes again from the same old leader's log, by a later one."""
    raft = server(term=1)
    first = receive(raft, append("b", 1, entries=log(1, 1)))
    receive(raft, append("c", 2, entries=log(2)))
    receive(raft, append("b", 3, entries=log(1, 1)))
    save_done(raft, first)
    assert raft.state.durable_index == 0
    assert raft.take_effects() == effects(
        save=Save(3, None, 1, log(1, 1)), replies=[("b", accepted("a", 3, 2, prev=0))]
    )


def test_replies_of_an_older_term_are_not_sent() -> None:
    """etcd append_aba_race: the promise was true when it was made; the entries have been overwritten since."""
    raft = server(term=1)
    first = receive(raft, append("z", 1))
    assert first.save is None
    saving = receive(raft, append("b", 1, entries=log(1)))
    receive(raft, append("b", 1, prev=(1, 1), entries=log(1, first=2)))
    receive(raft, append("c", 2, prev=(1, 1), entries=log(2, first=2)))
    save_done(raft, saving)
    assert raft.take_effects().replies == [("c", accepted("a", 2, 2, prev=1))]


def test_the_commit_index_is_not_saved_apart_from_the_log() -> None:
    """etcd 3.5: an applied index that was saved apart from the state ran ahead of it. Here neither is saved."""
    assert Saved.__match_args__ == ("current_term", "voted_for", "base", "entries", "incarnation", "repairing")
    assert Save.__match_args__ == ("current_term", "voted_for", "first_index", "entries", "base")


def test_a_configuration_that_is_overwritten_is_in_force_no_more() -> None:
    """hashicorp and others kept it: quorums were counted with servers that nobody had added."""
    raft = server(voters="abc", term=1)
    save_done(raft, receive(raft, append("b", 1, entries=joined(no_op(1), configuration_entry(1, "abcde")))))
    assert raft.state.configuration.majority == 3
    receive(raft, append("c", 2, prev=(1, 1), entries=log(2, first=2)))
    assert raft.state.configuration.majority == 2
