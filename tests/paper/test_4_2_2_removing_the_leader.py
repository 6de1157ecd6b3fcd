"""§4.2.2: removing the current leader, which manages for a while a cluster that does not include itself."""

from tests.raftlab import Done, Lab
from tests.servers import (
    PRE_VOTE,
    accepted,
    append,
    ask,
    configuration_entry,
    effects,
    followed_leader,
    joined,
    no_op,
    not_leader,
    receive,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, Save
from tfraft.core.messages import TimeoutNow, address_in
from tfraft.core.raft import Raft
from tfraft.core.requests import RemoveServer
from tfraft.core.state import Role


def leaving_leader() -> Raft:
    """A leader that has appended its own removal and saved it."""
    raft = followed_leader()
    raft.change_membership(RemoveServer("a"), "remove")
    settle(raft)
    return raft


def test_a_leader_that_is_removed_goes_on_leading_until_the_change_is_committed() -> None:
    """§4.2.2: it manages a cluster that does not include itself; otherwise the entry might never be committed."""
    raft = leaving_leader()
    assert role(raft) is Role.LEADER
    messages = tick(raft, raft.deadline).messages
    assert [name for name, _ in messages] == ["b", "c"]


def test_what_is_proposed_to_a_leader_that_is_removed_waits_for_the_next_leader() -> None:
    """§4.2.2 with §3.10: an entry after the change would be committed by others, and nobody could tell the client."""
    raft = leaving_leader()
    raft.propose(b"x", "x")
    assert raft.take_effects() == effects()
    receive(raft, accepted("b", 1, 2))
    assert receive(raft, accepted("c", 1, 2)).settled == [not_leader("x")]


def test_a_leader_that_is_removed_does_not_count_itself() -> None:
    """§4.2.2: it replicates log entries but does not count itself in majorities: b alone is not enough."""
    raft = leaving_leader()
    assert receive(raft, accepted("b", 1, 2)).committed is None


def test_a_leader_that_is_removed_steps_down_once_the_change_is_committed() -> None:
    """§4.2.2: it steps down as soon as the Cnew entry is committed; and its client learns that it is done."""
    raft = leaving_leader()
    receive(raft, accepted("b", 1, 2))
    assert receive(raft, accepted("c", 1, 2)) == effects(
        messages=[("b", TimeoutNow(1, "a"))],
        committed=Committed(2, joined(configuration_entry(1, Configuration.of("bc", removed="a"))), ["remove"]),
    ), "and b, whose log is as long as any, stands at once"
    assert (raft.state.role, raft.state.current_term) == (Role.FOLLOWER, 1)


def test_what_still_waits_at_a_removed_leader_is_answered() -> None:
    """§4.2.2: reads and writes go elsewhere."""
    raft = leaving_leader()
    raft.query("read", raft.state.now)
    raft.take_effects()
    raft.propose(b"x", "late")
    settle(raft)
    raft.query("second read", raft.state.now)
    receive(raft, accepted("b", 1, 2))
    last = receive(raft, accepted("c", 1, 2))
    assert last.settled == [not_leader("second read"), not_leader("read"), not_leader("late")]


def test_a_removed_leader_never_stands_again() -> None:
    """§4.2.2: it is out of the cluster, and knows that this is committed."""
    raft = leaving_leader()
    receive(raft, accepted("b", 1, 2), accepted("c", 1, 2))
    deadline = raft.deadline
    assert tick(raft, deadline) == effects()
    assert role(raft) is Role.FOLLOWER
    assert raft.deadline > deadline


def test_a_leader_that_crashed_with_its_own_removal_in_its_log_stands_for_election() -> None:
    """§4.2.2: it may be the only one whose log is long enough to win, and the removal may yet be undone."""
    raft = server(voters="abc", term=1, entries=joined(no_op(1), configuration_entry(1, "bc")))
    request = ask("a", 2, last=(2, 1))
    assert tick(raft, raft.deadline) == effects(save=Save(2, "a"), replies=[("b", request), ("c", request)])


def test_a_candidate_does_not_count_the_vote_of_itself_when_it_is_removed() -> None:
    """§4.2.2: such a server does not count its own vote: it is not part of the configuration in force."""
    raft = server(voters="abc", term=1, entries=joined(no_op(1), configuration_entry(1, "bc")))
    save_done(raft, tick(raft, raft.deadline))
    receive(raft, vote("b", 2))
    assert role(raft) is Role.CANDIDATE
    receive(raft, vote("c", 2))
    assert role(raft) is Role.LEADER


def test_a_server_that_never_was_in_the_cluster_does_not_stand() -> None:
    """§4.2.2: only one whose removal may be undone; not one that is being caught up."""
    raft = server("d", voters="", term=1, entries=joined(configuration_entry(1, "abc"), configuration_entry(1, "ab")))
    assert tick(raft, raft.deadline) == effects()


def test_a_follower_whose_removal_is_committed_does_not_stand() -> None:
    """§4.2.2: the change is done; what follows is another cluster's business."""
    entries = joined(no_op(1), configuration_entry(1, "bc"))
    raft = server(voters="abc", term=1, entries=entries)
    receive(raft, append("b", 1, prev=(2, 1), commit=2))
    assert tick(raft, raft.deadline) == effects()


def test_after_the_leader_is_removed_another_is_elected() -> None:
    """§4.2.2: a server stands, asked by the leader that leaves, and wins with a majority of the new configuration."""
    lab = Lab("abcd")
    lab.elect("a")
    token = lab.remove_server("a", "a")
    before = lab.now
    lab.deliver_all()
    assert lab.outcomes[token] == Done(2)
    assert (lab.leaders, lab.now) == (["b"], before)
    assert lab.raft("b").state.configuration.ids == ("b", "c", "d")


ADDRESSES = {"a": "one", "b": "two", "c": "three"}


def test_a_request_tells_where_its_sender_is_reached() -> None:
    """§4.4: a server that is being added has no configuration yet, and must answer all the same."""
    raft = server(voters=ADDRESSES)
    save_done(raft, tick(raft, raft.deadline))
    raft.take_effects()
    assert raft.state.address_of("a") == "one"
    messages = receive(raft, vote("b", 1)).messages
    assert [address_in(message) for _, message in messages] == ["one", "one"]


def test_a_candidate_tells_where_it_is_reached() -> None:
    """§4.2.2: its vote may be needed, and theirs, across a change of the configuration."""
    raft = server(voters=ADDRESSES)
    assert [address_in(message) for _, message in tick(raft, raft.deadline).replies] == ["one", "one"]


def test_a_leader_that_is_removed_still_tells_where_it_is_reached() -> None:
    """§4.2.2: those who store its removal must be able to answer; found by our simulator."""
    raft = followed_leader(voters=ADDRESSES)
    raft.change_membership(RemoveServer("a"), "remove")
    assert [address_in(message) for _, message in settle(raft).messages] == ["one", "one"]
    assert raft.state.configuration.address_of("a") == ""


def test_a_server_that_was_never_in_a_configuration_tells_no_address() -> None:
    """§4.4: it sends no requests either."""
    assert server("d", voters=ADDRESSES).state.address_of("d") == ""


def test_the_next_leader_tells_those_who_were_removed_with_the_last_one() -> None:
    """§4.2.2: a leader that is removed steps down before it can say so. They would ask for votes for ever."""
    lab = Lab("abcde", config=PRE_VOTE)
    lab.elect("a")
    lab.change_servers("a", "cde", "change")
    lab.run(3.0)
    assert lab.outcomes["change"] == Done(3)
    (next_leader,) = lab.leaders
    gone = Configuration.of("cde", removed="ab")
    for name in "ab":
        state = lab.raft(name).state
        assert (state.configuration, state.configuration_index <= state.commit_index) == (gone, True)
    lab.run(10.0)
    assert sorted([next_leader, *lab.raft(next_leader).state.progress]) == ["c", "d", "e"]
