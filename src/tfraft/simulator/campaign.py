"""Many seeds, on one process or several, and what came of them all."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from tfraft.simulator.rare import Counts, Rare, add, none_reached
from tfraft.simulator.seeds import Report, run_seed

ENOUGH_SEEDS: Final = 200
"""A campaign of so many seeds must have reached every rare state; a smaller one may have missed some."""


@dataclass(slots=True)
class Campaign:
    """The sum of the reports so far."""

    seeds: int = 0
    simulated_s: float = 0.0
    events: int = 0
    operations: int = 0
    faults: int = 0
    rare: Counts = field(default_factory=none_reached)
    failures: list[Report] = field(default_factory=list)

    def add(self, report: Report) -> None:
        """Take the report of one more seed in."""
        self.seeds += 1
        self.simulated_s += report.at_s
        self.events += report.events
        self.operations += report.operations
        self.faults += report.faults
        add(self.rare, report.rare)
        if report.violation is not None:
            self.failures.append(report)

    @property
    def missed(self) -> list[Rare]:
        """The rare states that a campaign of this size must have reached and has not."""
        return [rare for rare, count in self.rare.items() if not count] if self.seeds >= ENOUGH_SEEDS else []

    @property
    def held(self) -> bool:
        """Whether no property was broken, and the seeds were worth something."""
        return not self.failures and not self.missed


def run_seeds(
    seeds: Iterable[int], servers: int | None = None, duration_s: float = 60.0, workers: int = 1
) -> Iterator[Report]:
    """Run each seed and give its report, in the order of the seeds, whatever the number of processes."""
    run = partial(run_seed, servers=servers, duration_s=duration_s)
    if workers == 1:
        yield from map(run, seeds)
        return
    with ProcessPoolExecutor(workers) as processes:
        yield from processes.map(run, seeds)
