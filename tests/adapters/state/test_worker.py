"""The thread that the log is written on."""

import threading
import weakref

from tfraft.adapters.state.worker import Worker

DEADLINE_S = 10.0


def test_work_is_done_in_order_on_one_other_thread() -> None:
    worker = Worker("w")
    done: list[tuple[int, int]] = []
    for number in range(100):
        worker.submit(lambda number=number: done.append((number, threading.get_ident())))  # type: ignore[misc]
    worker.close()
    assert [number for number, _ in done] == list(range(100))
    threads = {thread for _, thread in done}
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_close_waits_for_what_is_under_way_and_closing_twice_is_closing_once() -> None:
    worker = Worker("w")
    begun, go_on = threading.Event(), threading.Event()
    done: list[str] = []

    def work() -> None:
        begun.set()
        assert go_on.wait(DEADLINE_S)
        done.append("work")

    worker.submit(work)
    assert begun.wait(DEADLINE_S)
    threading.Timer(0.01, go_on.set).start()
    worker.close()
    assert done == ["work"]
    worker.close()


def test_a_worker_that_was_never_used_closes_without_a_thread() -> None:
    threads = threading.active_count()
    worker = Worker("w")
    worker.close()
    assert threading.active_count() == threads


def test_the_thread_ends_when_nobody_has_the_worker_any_more() -> None:
    worker = Worker("a thread by this name")
    worker.submit(lambda: None)
    thread = next(thread for thread in threading.enumerate() if thread.name == "a thread by this name")
    gone = weakref.ref(worker)
    del worker
    thread.join(DEADLINE_S)
    assert gone() is None
    assert not thread.is_alive()
