"""The figures of a load for a person: a table, and a histogram whose steps grow with the time."""

from collections.abc import Sequence
from typing import Final

from tfraft.cli.escapes import safe
from tfraft.cli.load.figures import PERCENTILES, Step, steps_of
from tfraft.cli.load.histogram import Histogram
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.run import LoadResult
from tfraft.cli.style import Style

_BAR_WIDTH: Final = 40
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
HEADS: Final = ("", "requests", "per s", *PERCENTILES, "max")
_UNITS: Final = ((1_000_000, "s"), (1000, "ms"), (1, "µs"))


def lines_of(result: LoadResult, style: Style) -> list[str]:
    """The whole answer, line by line."""
    reads, writes = result.tally.reads(), result.tally.writes()
    lines = [style("dim", headline(result.plan)), ""]
    lines += _table(result, reads, writes, style)
    lines += [style("yellow", line) for line in remarks(result)]
    if steps := steps_of(reads, writes):
        lines += ["", *_histogram(steps, style)]
    return lines


def headline(plan: LoadPlan) -> str:
    """What the load was, in one line."""
    clients = "1 client" if plan.clients == 1 else f"{plan.clients:,} clients"
    pace = f"{plan.pipeline:,} in flight each" if plan.rate is None else f"{plan.rate:,.0f} requests/s wanted"
    mix = {0.0: "writes", 1.0: "reads"}.get(plan.reads, f"{plan.reads:.0%} reads")
    mode = f", read {plan.read_mode}" if plan.read_mode else ""
    keys = f"{plan.keys:,} keys of {plan.key_bytes} B, values of {plan.value_size:,} B"
    return f"{', '.join(plan.addresses)}: {clients}, {pace}, {mix}{mode}, {keys}"


def remarks(result: LoadResult) -> list[str]:
    """What else has to be known of these figures."""
    found = []
    if result.interrupted:
        found.append("interrupted: these are the figures so far")
    if result.losses:
        found.append(f"connections lost, and made again: {result.losses:,}")
    if result.tally.missing:
        found.append(f"{result.tally.missing:,} reads found no value (--fill writes every key first)")
    if result.not_sent:
        found.append(f"{result.not_sent:,} requests were due and could not be sent: more --clients, or a lower --rate")
    if result.keys_left:
        found.append(f"{result.keys_left:,} keys are left that begin with bench:")
    return found


def duration(us: float) -> str:
    """A measured time to about three digits, in the unit that suits it."""
    size, unit = _unit_of(us)
    return f"{us / size:,.{0 if size == 1 else max(3 - len(str(int(us / size))), 0)}f} {unit}"


def bound(us: float) -> str:
    """A round time in the unit that suits it."""
    size, unit = _unit_of(us)
    return f"{us / size:g} {unit}"


def _unit_of(us: float) -> tuple[int, str]:
    return next((size, unit) for size, unit in _UNITS if us >= size or size == 1)


def _table(result: LoadResult, reads: Histogram, writes: Histogram, style: Style) -> list[str]:
    tally, elapsed_s = result.tally, result.elapsed_s
    lines = _aligned([HEADS, *rows_of(result, reads, writes)])
    errors = [style("red", f"  {safe(word)}  {count:,}") for word, count in tally.errors.most_common()]
    whole = f"{tally.successes:,} answered in {elapsed_s:.2f} s: {tally.successes / elapsed_s:,.0f}/s"
    failed = style("red", f"{tally.errors.total():,} failed") if errors else style("green", "none failed")
    return [style("dim", lines[0]), *lines[1:], "", f"{style('bold', whole)}, {failed}", *errors]


def rows_of(result: LoadResult, reads: Histogram, writes: Histogram) -> list[tuple[str, ...]]:
    """The cells under `HEADS`: a row for reads and one for writes, as far as there were any."""
    rows = []
    for name, times in (("reads", reads), ("writes", writes)):
        found = [times.percentile(thousandths) for thousandths in PERCENTILES.values()]
        shown = [duration(us) for us in (*found, times.longest_us) if us is not None]
        if times.count:
            rows.append((name, f"{times.count:,}", f"{times.count / result.elapsed_s:,.0f}", *shown))
    return rows


def _aligned(rows: list[tuple[str, ...]]) -> list[str]:
    """Rows as lines: their first column to the left, all others to the right."""
    first, *others = (max(map(len, column)) for column in zip(*rows, strict=True))
    return ["  ".join([row[0].ljust(first), *map(str.rjust, row[1:], others)]) for row in rows]


def _histogram(steps: Sequence[Step], style: Style) -> list[str]:
    total = sum(step.reads + step.writes for step in steps)
    most = max(step.reads + step.writes for step in steps)
    names = [f"{bound(step.from_us)} – {bound(step.to_us)}" for step in steps]
    width = max(map(len, names))
    lines = []
    for name, step in zip(names, steps, strict=True):
        count = step.reads + step.writes
        lines.append(f"{name.rjust(width)}  {style('cyan', bar(count / most))}  {count:,} ({count / total:.2%})")
    return lines


def bar(share: float) -> str:
    """A bar of this share of the whole width, to an eighth of a character; what is not 0 shows."""
    eighths = round(share * _BAR_WIDTH * 8) or (1 if share else 0)
    whole, rest = divmod(eighths, 8)
    return ("█" * whole + (_EIGHTHS[rest] if rest else "")).ljust(_BAR_WIDTH)
