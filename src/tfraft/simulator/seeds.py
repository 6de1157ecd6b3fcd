"""One seed from beginning to end: run its world, let it recover, judge its history; or many, on several processes."""

from typing import Final

from tfraft.record import record
from tfraft.simulator.linearizability import judge
from tfraft.simulator.plan import Plan, draw_plan
from tfraft.simulator.rare import Counts
from tfraft.simulator.recovery import recover
from tfraft.simulator.trace import Trace
from tfraft.simulator.violation import Violation
from tfraft.simulator.world import World

FEWEST_SUCCESSES: Final = 5
"""A run in which fewer operations of clients succeed in each minute tests nothing; below a minute chance decides."""


@record
class Report:
    """What came of one seed. `violation` is None where everything held."""

    seed: int
    violation: Violation | None
    at_s: float
    """How much simulated time has passed."""
    events: int
    operations: int
    """How many operations of clients have an answer."""
    faults: int
    rare: Counts
    checksum: int
    """Of the trace."""


def run_seed(seed: int, servers: int | None = None, duration_s: float = 60.0, trace: Trace | None = None) -> Report:
    """Run one seed; the same seed gives the same report, in any process."""
    return run_plan(draw_plan(seed, servers, duration_s), trace or Trace())


def run_plan(plan: Plan, trace: Trace) -> Report:
    """Run one plan."""
    world = World(plan, trace)
    violation = None
    try:
        play(world)
    except Violation as broken:
        violation = broken
        trace.note(world.loop.now, f"VIOLATION {broken}")
    return Report(
        seed=plan.seed,
        violation=violation,
        at_s=world.loop.now,
        events=world.loop.events,
        operations=successes(world),
        faults=len(world.nemesis.injected),
        rare=world.rare,
        checksum=trace.checksum,
    )


def play(world: World) -> None:
    """Let the world run, recover, and be judged. Raises Violation if anything does not hold."""
    world.begin()
    world.loop.run(world.plan.duration_s)
    succeeded = successes(world)
    recover(world)
    if impossible := judge(world.history.operations):
        raise Violation("linearizability", f"{impossible.operation} cannot be explained")
    if succeeded < FEWEST_SUCCESSES * int(world.plan.duration_s / 60):
        raise Violation("enough operations succeed", f"{succeeded} in {world.plan.duration_s:g} s")


def successes(world: World) -> int:
    """How many operations of clients have an answer."""
    return sum(sum(client.done.values()) for client in world.clients)
