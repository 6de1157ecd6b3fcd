"""python -m tfraft.simulator --seeds A..B: run a campaign, show how it goes, and tell how to replay what fails."""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence

from tfraft.simulator.campaign import Campaign, run_seeds
from tfraft.simulator.seeds import Report, run_seed
from tfraft.simulator.trace import Trace

PROGRESS_EVERY = 10
SECONDS = 60


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the arguments ask for; 0 if everything held, 1 if not, 2 for arguments that make no sense."""
    options = parser().parse_args(arguments)
    campaign = Campaign()
    for report in reports(options):
        campaign.add(report)
        if report.violation is not None:
            print(failure(report, options), flush=True)
        elif campaign.seeds % PROGRESS_EVERY == 0:
            print(f"seed {report.seed}: {summary(campaign)}", flush=True)
    print(result(campaign))
    return 0 if campaign.held else 1


def parser() -> argparse.ArgumentParser:
    """The command line."""
    made = argparse.ArgumentParser(prog="python -m tfraft.simulator", description="Run simulated clusters, by seed.")
    made.add_argument("--seeds", type=seed_range, required=True, metavar="A..B", help="the seeds, both ends included")
    made.add_argument("--nodes", type=positive, help="servers of each cluster; by default each seed draws 3 or 5")
    made.add_argument("--minutes", type=float, default=1.0, help="simulated minutes of each seed, before it recovers")
    made.add_argument("--workers", type=positive, default=os.cpu_count() or 1, help="processes")
    made.add_argument("--trace", metavar="FILE", help="write every event there; for one seed")
    return made


def seed_range(text: str) -> range:
    """`7..9` as 7, 8, 9; a single number as that seed."""
    first, dots, last = text.partition("..")
    try:
        seeds = range(int(first), int(last if dots else first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected A..B, such as 1..200, not {text!r}") from None
    if not seeds:
        raise argparse.ArgumentTypeError(f"{text!r} holds no seed; the smaller number comes first")
    return seeds


def positive(text: str) -> int:
    """A whole number above 0."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number above 0, not {text!r}")
    return int(text)


def reports(options: argparse.Namespace) -> Iterator[Report]:
    """The report of each seed that the options ask for."""
    duration_s = options.minutes * SECONDS
    if not options.trace:
        return run_seeds(options.seeds, options.nodes, duration_s, options.workers)
    if len(options.seeds) > 1:
        parser().error("--trace takes the events of one seed; give --seeds N")
    with open(options.trace, "w", encoding="utf-8") as file:
        return iter([run_seed(options.seeds[0], options.nodes, duration_s, Trace(file))])


def summary(campaign: Campaign) -> str:
    """One line: how much has been run, and what came of it."""
    return (
        f"{campaign.seeds} seeds, {campaign.simulated_s / 3600:.2f} simulated hours, {campaign.events:,} events, "
        f"{campaign.operations:,} operations, {campaign.faults:,} faults, {len(campaign.failures)} failures"
    )


def failure(report: Report, options: argparse.Namespace) -> str:
    """What was broken, by which seed, and the command that does it again."""
    assert report.violation is not None
    command = f"python -m tfraft.simulator --seeds {report.seed}..{report.seed}"
    if options.nodes:
        command += f" --nodes {options.nodes}"
    if options.minutes != 1.0:
        command += f" --minutes {options.minutes:g}"
    return (
        f"seed {report.seed} FAILS at {report.at_s:.3f} s: {report.violation.rule}\n"
        f"  {report.violation.facts}\n"
        f"  replay: {command} --trace seed-{report.seed}.trace"
    )


def result(campaign: Campaign) -> str:
    """The end: the rare states with how often each was reached, and the verdict."""
    lines = [f"{count:8,}  {rare}" for rare, count in campaign.rare.items()]
    lines.append(summary(campaign))
    lines += [f"FAILS: never reached: {rare}" for rare in campaign.missed]
    if campaign.failures:
        lines.append("FAILS: seeds " + ", ".join(str(report.seed) for report in campaign.failures))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
