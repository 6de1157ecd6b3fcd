"""The simulated network: each fault does what its name says, and mending mends."""

from dataclasses import dataclass, field

import pytest

from tfraft.core.configuration import ServerId
from tfraft.core.messages import AppendEntries, AppendEntriesReply, Message, RequestVote, RequestVoteReply
from tfraft.ports import OnReply
from tfraft.simulator.chance import Chance
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.network import CALL_TIMEOUT_S, ZOMBIE_S, Network, Weather
from tfraft.simulator.violation import Violation
from tfraft.simulator.world import recode

VOTE = RequestVote(1, "a", 0, 0, "a")
GRANTED = RequestVoteReply(1, "b", True)


@dataclass
class Place:
    """A server that only listens."""

    loop: VirtualLoop
    life: int = 1
    running: bool = True
    arrived: list[tuple[float, Message]] = field(default_factory=list)
    ways_back: list[OnReply | None] = field(default_factory=list)

    def deliver(self, message: Message, on_reply: OnReply | None) -> None:
        self.arrived.append((self.loop.time(), message))
        self.ways_back.append(on_reply)


class Field:
    """Two servers, a and b, and a network between them; `left` holds all that was sent."""

    def __init__(self, *, unary: bool = False, weather: Weather | None = None, codec: bool = False) -> None:
        self.loop = VirtualLoop()
        self.places = {"a": Place(self.loop), "b": Place(self.loop)}
        self.left: list[tuple[ServerId, ServerId, Message]] = []
        self.network = Network(
            self.loop,
            Chance(1),
            weather or Weather(latency_s=0.001, jitter_s=0.001),
            self.places,
            unary_calls=unary,
            recode=recode if codec else None,
            leaves=lambda *message: self.left.append(message),
        )

    def send(self, count: int = 1) -> list[float]:
        """Send from a to b; when something arrived there, after all is over."""
        for _ in range(count):
            self.network.send("a", "b", VOTE)
        self.loop.run(until=self.loop.time() + 20.0)
        return [time for time, _ in self.places["b"].arrived]


def test_a_message_arrives_once_after_the_latency() -> None:
    field = Field()
    (time,) = field.send()
    assert 0.001 <= time <= 0.008
    assert field.places["b"].arrived[0][1] is VOTE
    assert field.left == [("a", "b", VOTE)]


def test_messages_overtake_each_other() -> None:
    field = Field()
    for term in range(50):
        field.network.send("a", "b", RequestVote(term, "a", 0, 0))
    field.loop.run(until=1.0)
    terms = [message.term for _, message in field.places["b"].arrived]
    assert sorted(terms) == list(range(50)) != terms


def test_loss_takes_its_share() -> None:
    assert 200 < len(Field(weather=Weather(0.001, 0.001, loss=0.5)).send(500)) < 300


def test_duplication_brings_some_twice() -> None:
    assert 700 < len(Field(weather=Weather(0.001, 0.001, duplication=0.5)).send(500)) < 800


def test_zombies_come_seconds_later() -> None:
    times = Field(weather=Weather(0.001, 0.001, zombies=0.2)).send(500)
    late = [time for time in times if time > 0.05]
    assert len(times) - len(late) == 500
    assert 60 < len(late) < 140
    assert ZOMBIE_S[0] <= min(late) <= max(late) <= ZOMBIE_S[1]


def test_a_blocked_link_takes_what_is_sent_and_what_is_on_its_way_but_not_the_other_direction() -> None:
    field = Field()
    field.network.send("a", "b", VOTE)
    field.network.link("a", "b").block()
    field.network.send("b", "a", GRANTED)
    assert field.send() == []
    assert [message for _, message in field.places["a"].arrived] == [GRANTED]


def test_two_blocks_need_two_mendings() -> None:
    field = Field()
    link = field.network.link("a", "b")
    link.block()
    link.block()
    link.unblock()
    assert field.send() == []
    link.unblock()
    assert len(field.send()) == 1


def test_a_slow_link_takes_longer() -> None:
    field = Field()
    field.network.link("a", "b").slow_down(2.0)
    assert field.send()[0] > 2.0


def test_healing_makes_all_links_whole() -> None:
    field = Field(weather=Weather(0.001, 0.001, loss=1.0, duplication=1.0, zombies=1.0))
    field.network.link("a", "b").block()
    field.network.link("a", "b").slow_down(2.0)
    field.network.heal()
    assert [time < 0.1 for time in field.send()] == [True]


def test_nothing_arrives_where_no_node_runs_or_nobody_is() -> None:
    field = Field()
    field.places["b"].running = False
    field.network.send("a", "nobody", VOTE)
    assert field.send() == []


def test_an_answer_without_an_address_is_a_violation_and_a_request_goes_nowhere() -> None:
    field = Field()
    field.network.send("a", "", VOTE)
    with pytest.raises(Violation, match="an answer has an address"):
        field.network.send("b", "", GRANTED)


def test_every_message_may_go_through_the_codec() -> None:
    field = Field(codec=True)
    field.send()
    assert field.places["b"].arrived[0][1] == VOTE
    assert field.places["b"].arrived[0][1] is not VOTE


def test_a_codec_that_changes_a_message_is_a_violation() -> None:
    field = Field()
    network = Network(
        field.loop,
        Chance(1),
        Weather(0.001, 0.001),
        field.places,
        unary_calls=False,
        recode=lambda message: AppendEntries(2, "a", 0, 0),
        leaves=lambda *message: None,
    )
    with pytest.raises(Violation, match="the wire format changes a message"):
        network.send("a", "b", VOTE)


def test_a_unary_call_is_answered_over_its_own_way() -> None:
    field = Field(unary=True)
    field.send()
    (way,) = field.places["b"].ways_back
    assert way is not None
    field.network.send("a", "b", VOTE)
    field.loop.run(until=field.loop.time() + 0.01)
    way = field.places["b"].ways_back[-1]
    assert way is not None
    way(GRANTED)
    field.loop.run(until=field.loop.time() + 1.0)
    assert [message for _, message in field.places["a"].arrived] == [GRANTED]
    assert field.left[-1] == ("b", "a", GRANTED)
    with pytest.raises(Violation, match="a call has one answer"):
        way(AppendEntriesReply(1, "b", success=False))


@pytest.mark.parametrize(("life", "waits_s"), [(2, 0.0), (1, CALL_TIMEOUT_S)])
def test_a_unary_call_ends_with_its_caller_and_with_its_time(life: int, waits_s: float) -> None:
    field = Field(unary=True)
    field.network.send("a", "b", VOTE)
    field.loop.run(until=0.02)
    field.places["a"].life = life
    field.loop.run(until=0.02 + waits_s)
    (way,) = field.places["b"].ways_back
    assert way is not None
    way(GRANTED)
    field.loop.run(until=5.0)
    assert field.places["a"].arrived == []
