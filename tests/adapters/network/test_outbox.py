"""What waits for one peer: how much of it, and in which order it leaves."""

import pytest

from tests.adapters.network.recorder import vote
from tfraft.adapters.network import outbox
from tfraft.adapters.network.outbox import MAX_WAITING_BYTES, MAX_WAITING_MESSAGES, Outbox
from tfraft.adapters.network.wire import decode, encode
from tfraft.core.base import NO_BASE, Snapshot
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, InstallSnapshot, Message, TimeoutNow

ALL = 2**40
MIB = 1024 * 1024


def heartbeat(number: int = 0) -> AppendEntries:
    return AppendEntries(1, "n1", number, 1)


def batch(size: int) -> AppendEntries:
    return AppendEntries(1, "n1", 0, 0, Entries.of(Entry(1, EntryKind.COMMAND, bytes(size))))


def piece(size: int) -> InstallSnapshot:
    return InstallSnapshot(1, "n1", Snapshot(NO_BASE, size, 0), 0, size, bytes(size))


def filled(*messages: Message) -> Outbox:
    made = Outbox()
    for message in messages:
        made.put(message)
    return made


def taken(box: Outbox, size: int = ALL) -> list[Message]:
    return [decode(data) for data in box.take(size)]


def test_what_is_small_passes_what_replicates_and_each_keeps_its_order() -> None:
    """A new election must not wait until the entries of the last leader have gone out."""
    box = filled(batch(100), vote(1), heartbeat(1), piece(100), TimeoutNow(1, "n1"), heartbeat(2), vote(2))
    assert taken(box) == [
        vote(1),
        TimeoutNow(1, "n1"),
        vote(2),
        batch(100),
        heartbeat(1),
        piece(100),
        heartbeat(2),
    ]
    assert taken(box) == []


def test_a_vote_has_room_where_a_slow_follower_has_filled_the_queue_with_entries_and_pieces() -> None:
    box = filled(*[batch(MIB)] * 40, *[piece(MIB)] * 40)
    box.put(vote())
    assert taken(box, 1) == [vote()]


@pytest.mark.parametrize(
    "message", [batch(MIB), piece(MIB), batch(20 * MIB)], ids=lambda message: type(message).__name__
)
def test_a_follower_that_takes_nothing_costs_no_more_than_the_limit(message: Message) -> None:
    box = filled(*[message] * 100)
    waiting = sum(map(len, box.take(ALL)))
    assert MAX_WAITING_BYTES - len(encode(message)) < waiting <= MAX_WAITING_BYTES


def test_many_small_messages_cost_no_more_than_the_limit_either() -> None:
    box = filled(*[heartbeat()] * (MAX_WAITING_MESSAGES + 1), *[vote()] * (MAX_WAITING_MESSAGES + 1))
    assert len(box.take(ALL)) == 2 * MAX_WAITING_MESSAGES


def test_what_is_dropped_is_what_came_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_WAITING_MESSAGES", 2)
    assert taken(filled(heartbeat(1), heartbeat(2), heartbeat(3))) == [heartbeat(1), heartbeat(2)]


def test_what_is_taken_makes_room_again() -> None:
    box = filled(*[batch(MIB)] * 100)
    box.take(ALL)
    box.put(batch(MIB))
    assert taken(box) == [batch(MIB)]


def test_a_write_takes_messages_up_to_its_size_and_at_least_one() -> None:
    box = filled(*[batch(1_000)] * 5)
    assert len(box.take(1)) == 1
    assert len(box.take(1_100)) == 2
    assert len(box.take(ALL)) == 2


def test_after_clear_nothing_waits_and_there_is_room() -> None:
    box = filled(vote(), *[batch(MIB)] * 100)
    box.clear()
    box.put(batch(MIB))
    assert taken(box) == [batch(MIB)]


def test_a_message_for_several_peers_is_encoded_once() -> None:
    one, other = filled(request := batch(1000)), filled(request)
    assert one.take(ALL)[0] is other.take(ALL)[0]
    assert filled(batch(1000)).take(ALL) == [encode(request)]
