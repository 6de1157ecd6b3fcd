"""§3.9: timing and availability; safety depends on none of it."""

from dataclasses import replace
from typing import Any

import pytest

from tests.raftlab import Lab
from tests.servers import CONFIG, TIMEOUT_S, append, followed_leader, follower_of, receive, server, tick
from tfraft.core.config import AT_LEAST_ONE, IN_PROCESS, MAX_ENTRY_BYTES, RaftConfig
from tfraft.errors import SettingError


@pytest.mark.parametrize("heartbeat_interval_s", [0.0, -0.1, 0.51, 2.0, float("nan")])
def test_the_heartbeat_must_be_well_below_the_election_timeout(heartbeat_interval_s: float) -> None:
    """§3.9: broadcastTime << electionTimeout."""
    with pytest.raises(SettingError, match="heartbeat_interval_s must be above 0 and at most half"):
        RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=heartbeat_interval_s)


def test_a_heartbeat_of_half_the_election_timeout_is_the_most() -> None:
    """§3.9: one may be lost."""
    assert RaftConfig(election_timeout_s=1.0, heartbeat_interval_s=0.5).heartbeat_interval_s == 0.5


def bound(name: str, value: int) -> Any:
    """One setting by its name."""
    return {name: value}


@pytest.mark.parametrize("name", AT_LEAST_ONE)
def test_a_limit_below_one_is_refused(name: str) -> None:
    """Nothing could ever be sent."""
    with pytest.raises(SettingError, match=f"{name} must be at least 1, not 0"):
        replace(RaftConfig(), **bound(name, 0))
    assert replace(RaftConfig(), **bound(name, 1)) != RaftConfig()


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_a_catch_up_timeout_of_nothing_is_refused(seconds: float) -> None:
    """§4.2.1: no server could ever be added."""
    with pytest.raises(SettingError, match="catch_up_timeout_s must be above 0"):
        RaftConfig(catch_up_timeout_s=seconds)


def test_the_paper_uses_150_to_300_ms() -> None:
    """§3.9, §9.3: so do the clusters within one process."""
    assert IN_PROCESS.election_timeout_s == 0.15


def test_the_deadline_of_a_follower_is_its_election_timeout() -> None:
    """§3.9: it need not be woken before."""
    raft = server()
    assert raft.deadline == TIMEOUT_S
    receive(raft, append("b", 1), at=1.0)
    assert raft.deadline == 1.0 + TIMEOUT_S


def test_the_deadline_of_a_leader_is_its_next_heartbeat() -> None:
    """§3.9, as above."""
    raft = followed_leader()
    assert raft.deadline == raft.state.now + CONFIG.heartbeat_interval_s


def test_a_tick_before_the_deadline_changes_nothing_but_the_time() -> None:
    """§3.9: time is a level: to be woken too early or twice does no harm."""
    raft = follower_of("b")
    for now in (0.5, 1.0, 1.25):
        tick(raft, now)
    assert raft.deadline == TIMEOUT_S


def test_a_cluster_elects_a_leader_and_keeps_it_while_messages_are_quick() -> None:
    """§3.9: Raft will be able to elect and maintain a steady leader as long as the system satisfies the timing."""
    lab = Lab("abcde")
    lab.run(30.0)
    assert lab.leaders == ["a"]
    assert lab.raft("a").state.current_term == 1


def test_a_new_leader_is_elected_within_a_few_election_timeouts_of_a_crash() -> None:
    """§3.9: leader election is the aspect of Raft where timing is most critical."""
    lab = Lab("abcde")
    lab.run(3.0)
    lab.crash("a")
    lab.run(3 * CONFIG.election_timeout_s)
    assert lab.leaders == ["b"]


def test_without_a_majority_nobody_leads() -> None:
    """§3.9: the system is available as long as a majority of the servers can communicate."""
    lab = Lab()
    lab.run(3.0)
    lab.crash("a")
    lab.crash("b")
    lab.run(30.0)
    assert lab.leaders == []
    lab.restart("b")
    lab.run(5.0)
    assert len(lab.leaders) == 1


def test_a_batch_is_never_allowed_more_than_one_message_can_carry() -> None:
    """A larger one would break the connection each time it is sent, and never arrive."""
    with pytest.raises(SettingError, match="max_batch_bytes may be at most"):
        RaftConfig(max_batch_bytes=MAX_ENTRY_BYTES + 1)
