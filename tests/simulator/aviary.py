"""All canaries. `python -m tests.simulator.aviary` prints each, the seeds that it took, and the property it broke."""

from collections.abc import Iterable, Iterator

from tests.simulator import (
    canaries_answers,
    canaries_elections,
    canaries_liveness,
    canaries_log,
    canaries_membership,
    canaries_reads,
    canaries_repair,
    canaries_sessions,
    canaries_snapshots,
    canaries_transfer,
)
from tests.simulator.canary import CANARIES, singing
from tfraft.simulator.seeds import Report, run_seed

CHAPTERS = (
    canaries_elections,
    canaries_log,
    canaries_reads,
    canaries_membership,
    canaries_repair,
    canaries_transfer,
    canaries_snapshots,
    canaries_sessions,
    canaries_answers,
    canaries_liveness,
)
"""To import a chapter is to have its canaries."""


def find(name: str, seeds: Iterable[int]) -> Report | None:
    """The report of the first of `seeds` that finds the bug `name`; None if none does."""
    with singing(name):
        return next((report for report in map(run_seed, seeds) if report.violation is not None), None)


def table(limit: int) -> Iterator[str]:
    """Each bug, after how many seeds it is found, and which property it breaks, line by line."""
    for name in CANARIES:
        found = find(name, range(limit))
        if found is None or found.violation is None:
            yield f"{name:52} not within {limit}"
        else:
            yield f"{name:52} {found.seed + 1:3}  {found.violation.rule}"


if __name__ == "__main__":
    for line in table(limit=200):
        print(line, flush=True)
