"""Limits against overload: what is under way is bounded in messages and bytes, and so is what waits (§10.2)."""

from dataclasses import replace

import pytest

from tests.servers import (
    CONFIG,
    accepted,
    effects,
    followed_leader,
    leader,
    receive,
    settle,
)
from tfraft.core.config import MAX_ENTRY_BYTES, RaftConfig
from tfraft.core.effects import Effects, Settled
from tfraft.core.messages import AppendEntries
from tfraft.core.raft import Raft
from tfraft.core.requests import Answer, AnswerStatus, TransferLeadership
from tfraft.errors import SettingError


def overloaded(token: object, reason: str) -> Settled:
    """The answer to who asked a server that has too much to do."""
    return Settled(token, Answer(AnswerStatus.OVERLOADED, leader_hint="a", reason=reason))


def sizes_to(name: str, turn: Effects) -> list[int]:
    """How many entries each message of this turn brings to a server."""
    return [len(message.entries) for to, message in turn.messages if to == name and isinstance(message, AppendEntries)]


def busy(config: RaftConfig, *commands: bytes) -> tuple[Raft, Effects]:
    """A leader whose followers are known, with these commands proposed in one turn."""
    raft = followed_leader(config=config)
    for data in commands:
        raft.propose(data, data)
    return raft, raft.take_effects()


def test_what_is_under_way_to_a_follower_is_bounded_in_bytes() -> None:
    """A slow follower costs bounded memory: not so many messages, but large ones, are a window, too."""
    config = replace(CONFIG, max_batch_entries=1, max_inflight=64, max_inflight_bytes=10)
    raft, turn = busy(config, b"12345678", b"12345678", b"12345678")
    assert sizes_to("b", turn) == [1, 1], "the message that goes over the limit is the last"
    assert sizes_to("b", receive(raft, accepted("b", 1, 2))) == [1]
    assert sizes_to("b", receive(raft, accepted("b", 1, 3))) == []


def test_a_command_above_the_window_still_goes_alone() -> None:
    """Otherwise it would never go."""
    config = replace(CONFIG, max_batch_entries=1, max_inflight_bytes=1)
    raft, turn = busy(config, b"12345678", b"x")
    assert sizes_to("b", turn) == [1]
    assert sizes_to("b", receive(raft, accepted("b", 1, 2))) == [1]


def test_a_leader_takes_no_more_than_so_many_uncommitted_bytes() -> None:
    """Followers that do not keep up would fill the leader's memory."""
    raft, _ = busy(replace(CONFIG, max_uncommitted_bytes=10), b"12345678")
    raft.propose(b"90", "last")
    raft.propose(b"x", "too much")
    turn = raft.take_effects()
    assert turn.settled == [overloaded("too much", "10 bytes of proposals wait already")]


def test_what_is_committed_makes_room() -> None:
    """As above; what a new leader finds in its log and does not know to be committed counts as well."""
    raft, _ = busy(replace(CONFIG, max_uncommitted_bytes=8), b"12345678")
    receive(raft, accepted("b", 1, 2), accepted("c", 1, 2))
    raft.propose(b"x", "x")
    assert raft.take_effects().settled == []
    assert raft.state.uncommitted_bytes == 1


def test_a_leader_takes_no_more_than_so_many_proposals() -> None:
    """Each of them waits for an answer."""
    raft, _ = busy(replace(CONFIG, max_waiting=2), b"1", b"2")
    raft.propose(b"3", "third")
    assert raft.take_effects() == effects(settled=[overloaded("third", "2 proposals wait already")])
    assert raft.state.log.last_index == 3


def test_proposals_that_wait_for_a_transfer_count() -> None:
    """A transfer must not be a way around the limit."""
    raft = followed_leader(config=replace(CONFIG, max_waiting=1))
    raft.transfer_leadership(TransferLeadership("b"), "transfer")
    raft.propose(b"1", "first")
    raft.propose(b"2", "second")
    assert [end.token for end in raft.take_effects().settled] == ["second"]


def test_a_command_that_no_message_could_carry_is_refused() -> None:
    """It is the client's mistake, and no sign of load."""
    raft = leader()
    settle(raft)
    raft.propose(b"?" * (MAX_ENTRY_BYTES + 1), "huge")
    (end,) = raft.take_effects().settled
    assert end.answer.status is AnswerStatus.REFUSED


@pytest.mark.parametrize("entries", [-1, -100])
def test_to_keep_fewer_than_no_entries_is_refused(entries: int) -> None:
    """A setting that cannot be meant."""
    with pytest.raises(SettingError, match="keep_entries must be at least 0"):
        RaftConfig(keep_entries=entries)
