"""§3.8: a server that has lost its disk has forgotten what it promised. It loses its vote, and is given it anew (§4.1).

Each loss begins a new incarnation; what it says counts only where the configuration in force names it."""

from dataclasses import replace

import pytest

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    PRE_VOTE,
    Chance,
    accepted,
    acknowledge,
    all_acknowledge,
    append,
    candidate,
    configuration_entry,
    followed_leader,
    joined,
    leader,
    no_op,
    pre_vote_reply,
    receive,
    refused,
    role,
    save_done,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Saved
from tfraft.core.messages import TimeoutNow
from tfraft.core.raft import Raft
from tfraft.core.requests import AddServer, Consistency, RemoveServer, TransferLeadership
from tfraft.core.state import Role

ABC = Configuration.of("abc")
WITHOUT_B = Configuration.of("ac", "b", incarnations={"b": 1})
WITH_B_ANEW = Configuration.of("abc", incarnations={"b": 1})


def lost(raft: Raft, name: str = "b", incarnation: int = 1, match_index: int | None = None) -> None:
    """Let a leader hear that a server has lost its disk, then what it stores now: all, or so much."""
    state = raft.state
    stored = state.log.last_index if match_index is None else match_index
    for _ in range(2):
        told = accepted(name, state.current_term, stored, read_round=state.read_round)
        raft.receive(replace(told, incarnation=incarnation, sent_at=state.now), state.now)


# --- Whose word counts ---


def test_a_vote_of_a_new_incarnation_does_not_count() -> None:
    """It may have given another in this term, and forgotten it."""
    raft = candidate()
    assert role(raft) is Role.CANDIDATE
    receive(raft, replace(vote("b", 1), incarnation=1))
    assert role(raft) is Role.CANDIDATE
    receive(raft, vote("b", 1))
    assert role(raft) is Role.LEADER


def test_a_vote_of_the_old_incarnation_does_not_count_once_the_new_one_has_the_vote() -> None:
    raft = candidate(voters=WITH_B_ANEW)
    receive(raft, vote("b", 1))
    assert role(raft) is Role.CANDIDATE
    receive(raft, replace(vote("b", 1), incarnation=1))
    assert role(raft) is Role.LEADER


def test_a_pre_vote_of_a_new_incarnation_does_not_count() -> None:
    raft = server(config=PRE_VOTE)
    tick(raft, raft.deadline)
    receive(raft, replace(pre_vote_reply("b", 0, 1), incarnation=1))
    assert role(raft) is Role.PRE_CANDIDATE
    receive(raft, pre_vote_reply("b", 0, 1))
    assert role(raft) is Role.CANDIDATE


def test_what_a_new_incarnation_stores_commits_nothing() -> None:
    raft = leader()
    lost(raft)
    settle(raft)
    assert raft.state.progress["b"].match_index == 1
    assert raft.state.commit_index == 0
    receive(raft, acknowledge(raft, "c"))
    assert raft.state.commit_index == 1


def test_what_the_old_incarnation_has_stored_counts_no_more_once_the_new_one_has_the_vote() -> None:
    """Its answer has been on its way for long."""
    raft = leader(voters=WITH_B_ANEW)
    receive(raft, accepted("b", 1, 1))
    assert (raft.state.progress["b"].match_index, raft.state.commit_index) == (0, 0)


@pytest.mark.parametrize("consistency", [Consistency.LINEARIZABLE, Consistency.LEASE])
def test_a_new_incarnation_confirms_no_read(consistency: Consistency) -> None:
    """Neither by answering a round, nor by having answered what was sent (§6.4)."""
    raft = followed_leader(config=replace(CONFIG, lease_reads=True))
    state = raft.state
    raft.receive(replace(accepted("b", 1, 1), incarnation=1), state.now)
    for server_id in "bc":
        state.progress[server_id].acked_sent_at = float("-inf")
    raft.query("read", state.now, consistency)
    settle(raft)
    lost(raft)
    assert settle(raft).reads == []
    receive(raft, acknowledge(raft, "c"))
    assert state.open_round is None


def test_a_leader_that_hears_only_a_new_incarnation_steps_down() -> None:
    """§6.2: it could commit nothing with it."""
    raft = followed_leader()
    now = raft.state.now
    for step in range(1, 6):
        raft.state.now = now + step * 0.25
        lost(raft)
        tick(raft, now + step * 0.25)
    assert role(raft) is Role.FOLLOWER


def test_a_new_incarnation_does_not_stand_before_it_has_the_vote() -> None:
    base = Saved(1, None, entries=joined(configuration_entry(1, ABC)), incarnation=1, repairing=True)
    raft = Raft(CONFIG, "b", Chance(0.5), 0.0, base)
    tick(raft, raft.deadline)
    assert role(raft) is Role.FOLLOWER
    receive(raft, append("a", 1, prev=(1, 1)), TimeoutNow(1, "a"))
    assert role(raft) is Role.FOLLOWER
    entries = joined(configuration_entry(1, WITHOUT_B), configuration_entry(1, WITH_B_ANEW))
    save_done(raft, receive(raft, append("a", 1, prev=(1, 1), entries=entries, commit=3)))
    tick(raft, raft.deadline)
    assert role(raft) is Role.CANDIDATE


def test_a_new_incarnation_says_which_it_is_in_all_that_it_promises() -> None:
    raft = Raft(
        CONFIG, "b", Chance(0.5), 0.0, Saved(1, None, entries=joined(configuration_entry(1, ABC)), incarnation=4)
    )
    request = replace(append("a", 2, prev=(1, 1)), sent_at=0.0)
    save_done(raft, receive(raft, request, append("c", 1), append("a", 2, prev=(7, 1))))
    raft.state.now += 3.0
    effects = receive(raft, *[message for _, message in candidate("c", term=9).take_effects().replies])
    told = [message for _, message in [*effects.replies, *raft.take_effects().replies]]
    assert all(getattr(message, "incarnation", 4) == 4 for message in told)


# --- How it gets its vote back ---


def configurations(raft: Raft) -> list[Configuration]:
    """The configurations in the log, those that are committed and those that are not."""
    return [configuration for _, configuration in raft.state.configurations]


def test_a_server_that_has_lost_its_disk_loses_its_vote_and_is_given_it_once_it_is_caught_up() -> None:
    raft = followed_leader()
    lost(raft, match_index=0)
    settle(raft)
    assert configurations(raft) == [ABC, WITHOUT_B]
    receive(raft, acknowledge(raft, "c"))
    assert configurations(raft) == [ABC, WITHOUT_B], "it is not caught up yet"
    lost(raft)
    settle(raft)
    assert configurations(raft) == [ABC, WITHOUT_B, WITH_B_ANEW]
    lost(raft)
    settle(raft)
    assert raft.state.commit_index == raft.state.log.last_index, "committed by a and b"


def test_the_next_leader_goes_on_with_it() -> None:
    entries = joined(no_op(1), configuration_entry(1, WITHOUT_B))
    raft = leader(term=2, entries=entries)
    receive(raft, acknowledge(raft, "c"))
    lost(raft)
    settle(raft)
    assert configurations(raft) == [ABC, WITHOUT_B, WITH_B_ANEW]


def test_nothing_is_begun_with_one_that_is_down() -> None:
    """The change would wait for it, and hold up all others."""
    raft = followed_leader(voters=WITHOUT_B)
    raft.state.change = None
    raft.state.progress["b"].heard_at = raft.state.now - CONFIG.election_timeout_s
    settle(raft)
    assert raft.state.change is None
    lost(raft, match_index=0)
    settle(raft)
    assert raft.state.change is not None


def test_one_that_cannot_be_caught_up_is_given_up_and_tried_again() -> None:
    raft = followed_leader(voters=WITHOUT_B)
    lost(raft, match_index=0)
    settle(raft)
    begun = raft.state.change
    assert begun is not None
    raft.state.now += CONFIG.catch_up_timeout_s + 0.25
    raft.state.progress["c"].heard_at = raft.state.now
    assert settle(raft).settled == []
    assert raft.state.change is None
    lost(raft, match_index=0)
    settle(raft)
    assert raft.state.change is not begun


def test_what_somebody_asks_for_goes_first() -> None:
    raft = followed_leader(voters=WITHOUT_B)
    lost(raft, match_index=0)
    settle(raft)
    raft.change_membership(RemoveServer("b"), "removal")
    settle(raft)
    assert configurations(raft)[-1] == Configuration.of("ac", removed="b")


def test_a_transfer_goes_first() -> None:
    raft = followed_leader(voters=WITHOUT_B)
    lost(raft, match_index=0)
    settle(raft)
    raft.transfer_leadership(TransferLeadership("c"), "transfer")
    assert settle(raft).settled == []
    assert (raft.state.change, raft.state.transfer is None) == (None, False)


def test_a_change_that_somebody_has_asked_for_is_not_disturbed() -> None:
    raft = followed_leader(voters="abcd")
    raft.change_membership(AddServer("e", "e"), "addition")
    lost(raft)
    settle(raft)
    assert raft.state.change is not None
    assert raft.state.change.token == "addition"


def test_another_loss_goes_before_bringing_one_back() -> None:
    raft = followed_leader(voters=Configuration.of("acde", "b", incarnations={"b": 1}))
    lost(raft, match_index=0)
    settle(raft)
    assert raft.state.change is not None
    lost(raft, "c", match_index=0)
    settle(raft)
    assert configurations(raft)[-1] == Configuration.of("ade", "bc", incarnations={"b": 1, "c": 1})


def test_one_that_loses_its_disk_again_loses_its_vote_again() -> None:
    raft = followed_leader(voters=WITH_B_ANEW)
    lost(raft, incarnation=2, match_index=0)
    settle(raft)
    assert configurations(raft) == [WITH_B_ANEW, Configuration.of("ac", "b", incarnations={"b": 2})]


def test_a_new_server_votes_in_the_incarnation_in_which_it_was_caught_up() -> None:
    raft = followed_leader(voters="ab")
    raft.change_membership(AddServer("d", "d"), "addition")
    settle(raft)
    for _ in range(2):
        receive(raft, replace(accepted("d", 1, raft.state.log.last_index), incarnation=3))
    settle(raft)
    assert configurations(raft)[-1].incarnation_of("d") == 3
    all_acknowledge(raft)
    assert raft.state.commit_index == 1, "d has stored the configuration in another incarnation"


def test_its_log_does_not_make_a_server_that_lost_it_the_successor() -> None:
    """§3.10: it could not be elected."""
    raft = followed_leader()
    lost(raft)
    raft.state.progress["c"].match_index = 0
    raft.transfer_leadership(TransferLeadership(), "transfer")
    assert raft.state.transfer is not None
    assert raft.state.transfer.target == "c"


def test_a_change_that_would_leave_those_who_have_lost_their_disks_is_refused() -> None:
    raft = followed_leader()
    lost(raft)
    raft.change_membership(RemoveServer("c"), "removal")
    assert refused("removal", "no quorum would be left that answers", "a") in raft.take_effects().settled


def test_who_asked_for_nothing_is_told_nothing_when_the_leader_is_deposed() -> None:
    raft = followed_leader(voters=WITHOUT_B)
    lost(raft, match_index=0)
    settle(raft)
    assert raft.state.change is not None
    assert receive(raft, append("c", 3)).settled == []


# --- On the server itself ---


def follower_without_disk() -> Raft:
    """b, which has lost its disk, and has heard of a leader that has committed three entries."""
    raft = Raft(CONFIG, "b", Chance(0.5), 0.0, Saved(incarnation=1, repairing=True))
    raft.receive(append("a", 1, prev=(3, 1), commit=3), raft.state.now)
    settle(raft)
    return raft


def ends_with(raft: Raft, *cluster: Configuration, commit: int = 3) -> bool:
    """Whether the server takes itself for repaired once its log is a no-op and these."""
    entries = joined(no_op(1), *(configuration_entry(1, configuration) for configuration in cluster))
    save_done(raft, receive(raft, append("a", 1, entries=entries, commit=commit)))
    return raft.take_effects().repaired


def test_a_server_is_repaired_once_the_vote_that_it_is_given_anew_is_committed() -> None:
    assert ends_with(follower_without_disk(), WITHOUT_B, WITH_B_ANEW)
    assert not ends_with(follower_without_disk(), WITHOUT_B, WITH_B_ANEW, commit=2)
    assert not ends_with(follower_without_disk(), ABC, WITHOUT_B)
    assert not ends_with(follower_without_disk(), ABC, ABC)


def test_a_learner_is_repaired_once_it_has_what_was_committed() -> None:
    """It had no vote to lose."""
    learning = Configuration.of("ac", "b")
    assert ends_with(follower_without_disk(), learning, learning)
    assert not ends_with(follower_without_disk(), learning, commit=2)


def test_who_was_repaired_says_so_once() -> None:
    raft = follower_without_disk()
    assert ends_with(raft, WITHOUT_B, WITH_B_ANEW)
    assert not raft.state.repairing
    assert not raft.take_effects().repaired


# --- All together ---


def test_a_founder_that_has_lost_its_disk_may_lead_again() -> None:
    """§4.4: the configuration of the founders is in no entry; the one that gives the vote anew is."""
    lab = Lab()
    lab.elect("a")
    lab.lose_disk("b")
    lab.run(2.0)
    assert lab.raft("b").state.configuration == WITH_B_ANEW
    assert not lab.machines["b"].disk.repairing
    lab.lose_disk("a")
    lab.run(10.0)
    assert len(lab.leaders) == 1
    assert not lab.machines["a"].disk.repairing
    lab.partition("c", "ab")
    lab.run(10.0)
    lab.propose(lab.leaders[-1], "x")
    lab.deliver_all()
    assert isinstance(lab.outcomes["x"], Done)


def test_with_a_majority_of_the_disks_lost_nobody_leads() -> None:
    """What they had stored together may be nowhere any more: `recover` is for a person to decide."""
    lab = Lab()
    lab.elect("a")
    lab.crash("a")
    lab.lose_disk("b")
    lab.lose_disk("c")
    lab.run(10.0)
    lab.restart("a")
    lab.run(10.0)
    assert lab.leaders == []
