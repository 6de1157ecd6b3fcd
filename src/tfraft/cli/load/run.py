"""A load from its first connection to its last: greet, fill, load, wait for the last answers, clean up."""

import asyncio
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import replace
from random import Random
from time import perf_counter, time
from typing import Any, Final

from tfraft.cli.load.asking import greet
from tfraft.cli.load.chores import fill, remove_keys
from tfraft.cli.load.client import CONNECT_WAIT_S, Load, LoadClient
from tfraft.cli.load.pace import ClosedLoop, OpenLoop, Pace
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.progress import Progress
from tfraft.cli.load.tally import Tally, width_for
from tfraft.cli.load.workload import Workload, packed
from tfraft.cli.streams import tell_beside
from tfraft.errors import Unavailable
from tfraft.record import record

UNANSWERED: Final = "UNANSWERED"
"""The word for requests that had no answer when patience ended."""
_LAST_ANSWERS_WAIT_S: Final = 10.0
_LOOK_EVERY_S: Final = 0.005
_TICK_S: Final = 0.001
_SHOWN_PER_S: Final = 4


@record
class LoadResult:
    """What came of a load that began at `began_at_s` since 1970 and took `elapsed_s` to its last answer."""

    plan: LoadPlan
    tally: Tally
    began_at_s: float
    elapsed_s: float
    interrupted: bool
    losses: int
    not_sent: int
    """So many requests were due and could not be sent, where they came at a rate of their own."""
    keys_left: int = 0


class Interrupts:
    """The first ends the load, the second also what follows it."""

    def __init__(self) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()

    def one_more(self) -> None:
        """The user has interrupted us."""
        (self.second if self.first.is_set() else self.first).set()


async def run_load(plan: LoadPlan, progress: Progress, interrupts: Interrupts) -> LoadResult:
    """Load the servers, and take the keys away again unless they are to stay.

    Raises Unavailable where no server answers, CommandError where one refuses to be greeted."""
    await _greet_any(plan)
    workload = Workload(plan, Random())
    if plan.fill:
        progress.begin("filling", plan.keys)
        await _until(interrupts.first, fill(plan, workload, _counting(progress)))
    result = await _measured(plan, workload, progress, interrupts)
    if plan.keep or not workload.written:
        return replace(result, keys_left=workload.written)
    return replace(result, keys_left=await _clean_up(plan, workload, progress, interrupts.second))


async def _greet_any(plan: LoadPlan) -> None:
    """See that one of the servers can be used, and tell of those that cannot."""
    failures = []
    for address in plan.addresses:
        try:
            await greet(address, plan.greeting)
        except Unavailable as error:
            failures.append(str(error))
    if len(failures) == len(plan.addresses):
        raise Unavailable("; ".join(failures))
    for failure in failures:
        tell_beside(f"{failure}: it goes on without")


# --- the load itself ---


async def _measured(plan: LoadPlan, workload: Workload, progress: Progress, interrupts: Interrupts) -> LoadResult:
    tally = Tally(width_for(plan.duration_s))
    pace: Pace = ClosedLoop() if plan.rate is None else OpenLoop(plan.rate)
    greeting = b"".join(packed(*words) for words in plan.greeting), len(plan.greeting)
    load = Load(pace, workload, tally, plan.pipeline, greeting)
    clients = [LoadClient(load, plan.addresses, number) for number in range(plan.clients)]
    progress.begin("connecting", plan.clients)
    await _until(interrupts.first, _connect(clients))
    began_at_s, began_s = time(), perf_counter()
    pace.start(began_s)
    tally.start(began_s)
    tasks = [asyncio.create_task(client.run()) for client in clients]
    tasks.append(asyncio.create_task(_tick(pace)))
    tasks.append(asyncio.create_task(_show(progress, plan, tally)))
    try:
        await _until(interrupts.first, _first_end(tasks, plan.duration_s))
        stopped_s = perf_counter()
        pace.stop(stopped_s)
        await _until(interrupts.second, _last_answers(clients))
    finally:
        await _cancel(tasks)
    ended_s, losses = max(stopped_s, tally.last_s), tally.losses
    for client in clients:
        client.end(UNANSWERED, ended_s)
    elapsed_s = max(ended_s - began_s, _TICK_S)
    return LoadResult(plan, tally, began_at_s, elapsed_s, interrupts.first.is_set(), losses, pace.left)


async def _connect(clients: list[LoadClient]) -> None:
    """Wait until all are connected, for a while; who is not goes on trying in the load."""
    tasks = [asyncio.create_task(client.connect()) for client in clients]
    try:
        await asyncio.wait(tasks, timeout=CONNECT_WAIT_S)
    finally:
        await _cancel(tasks)


async def _first_end(tasks: list[asyncio.Task[Any]], duration_s: float) -> None:
    """Wait; where a task ends by itself, its error is raised."""
    done, _ = await asyncio.wait(tasks, timeout=duration_s, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _tick(pace: Pace) -> None:
    while True:
        pace.tick(perf_counter())
        await asyncio.sleep(_TICK_S)


async def _show(progress: Progress, plan: LoadPlan, tally: Tally) -> None:
    progress.begin("loading", plan.duration_s)
    before: deque[tuple[float, int]] = deque(maxlen=_SHOWN_PER_S + 1)  # As much as a second.
    while True:
        now_s = perf_counter()
        before.append((now_s, tally.requests))
        (then_s, then), many = before[0], tally.requests
        errors = f" · {tally.errors.total():,} errors" if tally.errors else ""
        rate = (many - then) / (now_s - then_s) if now_s > then_s else 0
        progress.show(min(now_s - tally.began_s, plan.duration_s), f"{rate:,.0f}/s · {many:,} requests{errors}")
        await asyncio.sleep(1 / _SHOWN_PER_S)


async def _last_answers(clients: list[LoadClient]) -> None:
    """Wait until nothing is under way, for a while."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_LAST_ANSWERS_WAIT_S):
            # No event: each answer would have to look whether it is the last.
            while any(client.under_way for client in clients):  # noqa: ASYNC110
                await asyncio.sleep(_LOOK_EVERY_S)


# --- afterwards ---


async def _clean_up(plan: LoadPlan, workload: Workload, progress: Progress, interrupted: asyncio.Event) -> int:
    """Remove what was written; how many keys may be left."""
    left = workload.written
    shown = _counting(progress)

    def on_done(keys: int) -> None:
        nonlocal left
        left -= keys
        shown(keys)

    progress.begin("removing its keys", left)
    try:
        await _until(interrupted, remove_keys(plan, workload, on_done))
    except Unavailable as error:
        tell_beside(f"the keys could not be removed: {error}")
    return left


def _counting(progress: Progress) -> Callable[[int], None]:
    """What shows the sum of all that it is told."""
    done = 0

    def on_done(many: int) -> None:
        nonlocal done
        done += many
        progress.show(done)

    return on_done


# --- tasks ---


async def _until(event: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    """Do `work` until it is done or `event` has come; then it is given up. What it raises is raised."""
    task, ending = asyncio.create_task(work), asyncio.create_task(event.wait())
    try:
        await asyncio.wait([task, ending], return_when=asyncio.FIRST_COMPLETED)
    finally:
        await _cancel([task, ending])
    if not task.cancelled():
        task.result()


async def _cancel(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Give these up; afterwards they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
