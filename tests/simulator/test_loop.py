"""Virtual time: callbacks run in order, waiting costs nothing, a node's clock has its own rate."""

import pytest

from tfraft.simulator.clock import NodeLoop
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.violation import Violation


def test_callbacks_run_in_the_order_of_their_times() -> None:
    loop = VirtualLoop()
    ran: list[object] = []
    for when in (3.0, 1.0, 2.0):
        loop.call_at(when, lambda when=when: ran.append((when, loop.time())))
    loop.run(until=10.0)
    assert ran == [(1.0, 1.0), (2.0, 2.0), (3.0, 3.0)]
    assert loop.time() == 10.0


def test_callbacks_of_one_moment_run_in_the_order_in_which_they_were_made() -> None:
    loop = VirtualLoop()
    ran: list[object] = []
    for number in range(20):
        loop.call_soon(ran.append, number)
    loop.run(until=0.0)
    assert ran == list(range(20))


def test_what_is_due_later_waits() -> None:
    loop = VirtualLoop()
    ran: list[object] = []
    loop.call_later(1.0, ran.append, "due")
    loop.call_later(1.1, ran.append, "later")
    loop.run(until=1.0)
    assert ran == ["due"]
    assert loop.events == 1


def test_a_time_in_the_past_is_now() -> None:
    loop = VirtualLoop()
    times: list[object] = []
    loop.run(until=5.0)
    loop.call_at(1.0, lambda: times.append(loop.time()))
    loop.run(until=6.0)
    assert times == [5.0]


def test_a_timer_that_is_cancelled_does_nothing() -> None:
    loop = VirtualLoop()
    ran: list[object] = []
    loop.call_later(1.0, ran.append, "cancelled").cancel()
    loop.run(until=2.0)
    assert ran == []
    assert loop.events == 0


def test_a_message_storm_ends_at_the_event_budget() -> None:
    loop = VirtualLoop(max_events=100)

    def answer() -> None:
        loop.call_soon(answer)

    answer()
    with pytest.raises(Violation, match=r"message storm: more than 100 events by 0\.000 s"):
        loop.run(until=1.0)


def node_loop(loop: VirtualLoop, rate: float, turn_delay: float = 0.0) -> NodeLoop:
    return NodeLoop(loop, rate, lambda: turn_delay, lambda kind, callback, *args: callback(*args))


def test_the_clock_of_a_node_runs_at_its_own_rate() -> None:
    loop = VirtualLoop()
    times: list[object] = []
    node = node_loop(loop, rate=1.25)
    node.call_at(10.0, lambda: times.append((loop.time(), node.time())))
    loop.run(until=20.0)
    assert times == [(8.0, 10.0)]


@pytest.mark.parametrize("rate", [0.7, 0.9137, 1.1, 1.3333, 1.4])
def test_a_node_is_never_woken_before_its_time(rate: float) -> None:
    """Rounded the wrong way it would wake up too early, go back to sleep, and wake up at the same moment, for ever."""
    loop = VirtualLoop()
    early: list[float] = []
    node = node_loop(loop, rate)
    for step in range(1, 500):
        when = step * 0.1237
        node.call_at(when, lambda when=when: early.append(node.time() - when))
    loop.run(until=200.0)
    assert len(early) == 499
    assert min(early) >= 0.0
    assert max(early) < 1e-9


def test_a_turn_comes_a_moment_later_so_that_more_may_arrive() -> None:
    loop = VirtualLoop()
    times: list[object] = []
    node_loop(loop, rate=1.0, turn_delay=0.25).call_soon(lambda: times.append(loop.time()))
    loop.run(until=1.0)
    assert times == [0.25]


def test_a_cancelled_timer_of_a_node_does_nothing_even_when_it_is_due() -> None:
    """A node that is paused finds its timers due when it goes on, and may cancel one before it runs."""
    loop = VirtualLoop()
    ran: list[object] = []
    node = node_loop(loop, rate=1.0)
    late = node.call_at(1.0, ran.append, "late")
    node.call_at(0.5, late.cancel)
    loop.run(until=2.0)
    assert ran == []
    assert late.when() == 1.0
