"""When requests are due: with room, or at a rate of their own."""

from tfraft.cli.load.pace import ClosedLoop, OpenLoop


def test_a_closed_loop_fills_all_room_from_start_to_stop() -> None:
    pace = ClosedLoop()
    assert pace.take(3, 1.0) == []
    pace.start(1.0)
    assert pace.take(3, 1.5) == [1.5, 1.5, 1.5]
    pace.stop(2.0)
    assert pace.take(3, 2.5) == []
    assert pace.left == 0


def test_in_an_open_loop_a_request_keeps_the_time_when_it_was_due() -> None:
    """What had to wait for room is slow, though it was answered at once after it was sent."""
    pace = OpenLoop(10.0)
    assert pace.take(5, 100.0) == []
    pace.start(100.0)
    assert pace.take(5, 100.0) == []
    assert pace.take(2, 100.55) == [100.0, 100.1]
    assert pace.take(9, 100.55) == [100.2, 100.3, 100.4]
    assert pace.take(9, 100.55) == []


def test_what_was_due_and_never_sent_is_counted() -> None:
    pace = OpenLoop(10.0)
    pace.start(0.0)
    pace.take(3, 2.0)
    assert pace.left == 0
    pace.stop(2.0)
    assert pace.take(3, 3.0) == []
    assert pace.left == 17


def test_a_tick_wakes_as_many_as_something_is_due_for_and_the_longest_waiting_first() -> None:
    pace = OpenLoop(10.0)
    pace.start(0.0)
    woken = []

    def client(name: str) -> None:
        woken.append(name)
        pace.take(1, 0.25)

    for name in ("a", "b", "c"):
        pace.wait(lambda name=name: client(name))  # type: ignore[misc]
    pace.tick(0.05)
    assert woken == []
    pace.tick(0.25)
    assert woken == ["a", "b"]
