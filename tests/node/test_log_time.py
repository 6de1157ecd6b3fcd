"""Time that the state machine sees travels in the log: what has expired is invisible at once, and soon removed."""

from collections.abc import Iterable, Iterator
from dataclasses import replace

import pytest

from tests.node.lab import NOW_S, Lab, heartbeat
from tfraft.core.messages import AppendEntriesReply, ReadIndex, ReadIndexReply
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest, Consistency
from tfraft.node.log_time import PAUSE_S
from tfraft.store.envelope import Command

COUNT = ClientQuery(b"count")


class Candles:
    """A state machine of candles: `b"1500"` lights one that burns for so many milliseconds of log time."""

    def __init__(self) -> None:
        self.time_ms = 0
        self.burning: list[int] = []

    def next_deadline_ms(self) -> int | None:
        return min(self.burning, default=None)

    def advance(self, time_ms: int) -> None:
        self.time_ms = time_ms
        self.burning = [deadline_ms for deadline_ms in self.burning if deadline_ms > time_ms]

    def needs_time(self, query: bytes, now_ms: int) -> bool:
        return query == b"count" and any(deadline_ms <= now_ms for deadline_ms in self.burning)

    def apply(self, command: bytes) -> bytes:
        if command.isdigit():
            self.burning.append(self.time_ms + int(command))
        return self.query(command)

    def query(self, query: bytes) -> bytes:
        return b"%d" % len(self.burning)

    def snapshot(self) -> Iterator[bytes]:
        yield b""

    def restore(self, pieces: Iterable[bytes]) -> None:
        self.burning = []


def leader() -> Lab:
    """A leader with candles; its clock on the wall goes on with its loop."""
    return Lab(machine=Candles(), wall_clock_s=lambda lab: NOW_S + lab.loop.now).lead()


def light(lab: Lab, burns_ms: int) -> None:
    """Light a candle, and let that be committed."""
    lab.ask(ClientRequest(b"%d" % burns_ms))
    lab.commit(lab.node.raft.state.log.last_index)


def let_pass(lab: Lab, time_s: float) -> None:
    """Let time pass at a leader that hears from a majority meanwhile."""
    end = lab.loop.now + time_s
    while lab.loop.now < end:
        lab.loop.advance(min(lab.loop.now + 0.1, end))
        lab.receive(AppendEntriesReply(1, "b", True, match_index=lab.node.raft.state.durable_index))


def commands(lab: Lab) -> list[bytes]:
    """The commands in the log."""
    return [entry.data for entry in lab.node.log(2, 100)]


def burning(lab: Lab) -> int:
    """How many candles burn in the state of this server."""
    assert isinstance(lab.node.machine, Candles)
    return len(lab.node.machine.burning)


# --- What has expired is removed ---


def test_a_leader_proposes_an_empty_command_once_a_deadline_has_passed() -> None:
    lab = leader()
    light(lab, 1_500)
    let_pass(lab, 1.49)
    assert commands(lab) == [b"1500"]
    let_pass(lab, 0.02)
    assert commands(lab) == [b"1500", b""]
    lab.commit(3)
    assert burning(lab) == 0


def test_the_empty_command_is_stamped_with_a_time_that_is_not_before_the_deadline() -> None:
    lab = leader()
    light(lab, 1_500)
    lit_ms = Command.decode(lab.node.raft.state.log.read(2, 2).data[0]).time_ms
    let_pass(lab, 1.6)
    assert Command.decode(lab.node.raft.state.log.read(3, 3).data[0]).time_ms >= lit_ms + 1_500


def test_at_most_one_empty_command_is_under_way() -> None:
    """While it cannot be committed another would not make anything go."""
    lab = leader()
    light(lab, 500)
    light(lab, 600)
    let_pass(lab, 2)
    assert commands(lab) == [b"500", b"600", b""]


def test_deadlines_one_soon_after_the_other_share_an_empty_command() -> None:
    lab = leader()
    for burns_ms in (500, 510, 520, 530):
        light(lab, burns_ms)
    let_pass(lab, 0.505)
    lab.commit(6)
    assert burning(lab) == 3
    let_pass(lab, PAUSE_S - 0.01)
    assert commands(lab)[4:] == [b""]
    let_pass(lab, 0.02)
    assert commands(lab)[4:] == [b"", b""]
    lab.commit(7)
    assert burning(lab) == 0


def test_where_another_entry_moves_time_on_no_empty_command_is_needed() -> None:
    lab = leader()
    light(lab, 500)
    lab.loop.now += 0.5  # No timer has rung yet.
    light(lab, 5_000)
    assert burning(lab) == 1
    let_pass(lab, 1)
    assert commands(lab) == [b"500", b"5000"]


def test_a_follower_leaves_it_to_the_leader() -> None:
    """Its clock counts for nothing."""
    lab = leader()
    light(lab, 1_500)
    lab.receive(heartbeat(term=2, commit=2))
    for _ in range(30):
        lab.loop.advance(lab.loop.now + 0.1)
        lab.receive(heartbeat(term=2, commit=2))
    assert commands(lab) == [b"1500"]


def test_a_node_that_has_stopped_proposes_nothing() -> None:
    lab = leader()
    light(lab, 1_500)
    lab.node.halt()
    lab.loop.advance(lab.loop.now + 10)
    assert commands(lab) == [b"1500"]


def test_a_clock_that_is_set_back_only_makes_it_wait_longer() -> None:
    back_s = 0.0
    lab = Lab(machine=Candles(), wall_clock_s=lambda lab: NOW_S + lab.loop.now - back_s).lead()
    light(lab, 500)
    back_s = 0.3
    let_pass(lab, 0.7)
    assert commands(lab) == [b"500"]
    let_pass(lab, 0.2)
    assert commands(lab) == [b"500", b""]


# --- What has expired is invisible ---


@pytest.mark.parametrize("consistency", [Consistency.LINEARIZABLE, Consistency.LEASE])
def test_a_read_that_would_see_what_has_expired_goes_through_the_log(consistency: Consistency) -> None:
    lab = leader()
    light(lab, 500)
    lab.answers.clear()
    lab.loop.now += 0.5  # No timer has rung yet.
    lab.ask(replace(COUNT, consistency=consistency))
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2, read_round=1))
    assert (commands(lab), lab.answers) == ([b"500", b"count"], [])
    lab.commit(3)
    assert lab.answers == [Answer(AnswerStatus.OK, b"0")]


def test_a_read_that_would_see_nothing_that_has_expired_stays_out_of_the_log() -> None:
    lab = leader()
    light(lab, 500)
    lab.answers.clear()
    lab.ask(COUNT)
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2, read_round=1))
    lab.loop.now += 0.5
    lab.ask(ClientQuery(b"something else"))
    lab.receive(AppendEntriesReply(1, "b", True, match_index=2, read_round=2))
    assert lab.answers == [Answer(AnswerStatus.OK, b"1")] * 2
    assert commands(lab) == [b"500"]


def test_a_stale_read_and_one_of_a_follower_are_answered_as_the_state_is() -> None:
    """Another server's clock is not the one that counts."""
    lab = leader()
    light(lab, 500)
    lab.receive(heartbeat(term=2, commit=2))
    lab.answers.clear()
    lab.loop.now += 0.5
    lab.sent_now()
    lab.ask(replace(COUNT, consistency=Consistency.FOLLOWER))
    [asked] = [message for _, message in lab.sent_now() if isinstance(message, ReadIndex)]
    lab.receive(ReadIndexReply(2, "b", asked.number, read_index=2))
    assert lab.answers == [Answer(AnswerStatus.OK, b"1")]
