"""The figures of a load as values: what JSON shows, and what the table, the histogram and the page are drawn from."""

from typing import Any, Final

from tfraft.cli.load.histogram import Histogram, bounds_around, bucket_of, lowest_of
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.run import LoadResult
from tfraft.cli.load.tally import Stretch
from tfraft.record import record

PERCENTILES: Final = {"p50": 500, "p90": 900, "p99": 990, "p99.9": 999}
"""In thousandths, by the names that they have everywhere."""


@record
class Step:
    """One step of the histogram: from `from_us` up to, not including, `to_us`."""

    from_us: int
    to_us: int
    reads: int
    writes: int


@record
class Moment:
    """What a stretch of time has seen, from `at_s` after the beginning on."""

    at_s: float
    seconds: float
    stretch: Stretch


def steps_of(reads: Histogram, writes: Histogram) -> list[Step]:
    """How many took how long, in steps of 1, 2, 5, 10 … µs; none without an answer."""
    used = [one for one in (reads, writes) if one.count]
    if not used:
        return []
    bounds = bounds_around(
        min(one.shortest_us for one in used), max(lowest_of(bucket_of(one.longest_us)) for one in used)
    )
    counts = zip(reads.counts_between(bounds), writes.counts_between(bounds), strict=True)
    return [Step(lower, upper, *both) for lower, upper, both in zip(bounds, bounds[1:], counts, strict=False)]


def moments_of(result: LoadResult) -> list[Moment]:
    """The stretches of the load up to its end, also those in which nothing came."""
    width, elapsed_s = result.tally.width_s, result.elapsed_s
    stretches = result.tally.until(result.tally.began_s + elapsed_s)
    moments = [
        Moment(number * width, min(width, elapsed_s - number * width), stretch)
        for number, stretch in enumerate(stretches)
    ]
    if len(moments) > 1 and moments[-1].seconds < width / 2:
        # So little time gives no rate: it goes with the stretch before.
        last, before = moments.pop(), moments.pop()
        together = Stretch()
        together.add(before.stretch)
        together.add(last.stretch)
        moments.append(Moment(before.at_s, before.seconds + last.seconds, together))
    return moments


def document_of(result: LoadResult) -> dict[str, Any]:
    """All figures, for a program. Times end in their unit; a figure that there is not is null."""
    tally, elapsed_s = result.tally, result.elapsed_s
    reads, writes = tally.reads(), tally.writes()
    return {
        "plan": _plan_of(result.plan),
        "elapsed_s": round(elapsed_s, 6),
        "interrupted": result.interrupted,
        "requests": tally.requests,
        "requests_per_s": _per_s(tally.successes, elapsed_s),
        "errors": dict(tally.errors.most_common()),
        "reads": {**_kind(reads, elapsed_s), "missing": tally.missing},
        "writes": _kind(writes, elapsed_s),
        "lost_connections": result.losses,
        "not_sent": result.not_sent,
        "keys_left": result.keys_left,
        "histogram": [
            {"from_ms": _ms(step.from_us), "to_ms": _ms(step.to_us), "reads": step.reads, "writes": step.writes}
            for step in steps_of(reads, writes)
        ],
        "over_time": [_moment(moment) for moment in moments_of(result)],
    }


def _plan_of(plan: LoadPlan) -> dict[str, Any]:
    return {
        "addresses": list(plan.addresses),
        "clients": plan.clients,
        "pipeline": plan.pipeline,
        "keys": plan.keys,
        "key_size": plan.key_bytes,
        "value_size": plan.value_size,
        "reads": plan.reads,
        "read_mode": plan.read_mode,
        "duration_s": plan.duration_s,
        "rate": plan.rate,
    }


def _moment(moment: Moment) -> dict[str, Any]:
    stretch, seconds = moment.stretch, moment.seconds
    return {
        "at_s": round(moment.at_s, 6),
        "seconds": round(seconds, 6),
        "errors": stretch.errors,
        "reads": _kind(stretch.reads, seconds),
        "writes": _kind(stretch.writes, seconds),
    }


def _kind(times: Histogram, seconds: float) -> dict[str, Any]:
    return {
        "answered": times.count,
        "per_s": _per_s(times.count, seconds),
        "mean_ms": _ms(times.mean_us),
        **{f"{name}_ms": _ms(times.percentile(thousandths)) for name, thousandths in PERCENTILES.items()},
        "max_ms": _ms(times.longest_us if times.count else None),
    }


def _per_s(count: int, seconds: float) -> float:
    return round(count / seconds, 1)


def _ms(us: float | None) -> float | None:
    return None if us is None else round(us / 1000, 4)
