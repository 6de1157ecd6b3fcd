"""The figures of a load as one HTML file: it needs nothing from anywhere, and is light or dark as its reader's screen.

It is well-formed XML, too, so that other programs can read it."""

from collections.abc import Callable
from datetime import UTC, datetime
from html import escape
from importlib.metadata import version
from typing import Final

from tfraft.cli.escapes import safe
from tfraft.cli.load.charts import Bar, Line, bar_chart, line_chart
from tfraft.cli.load.figures import PERCENTILES, Moment, moments_of, steps_of
from tfraft.cli.load.histogram import Histogram
from tfraft.cli.load.run import LoadResult
from tfraft.cli.load.text import HEADS, bound, headline, remarks, rows_of

# The colours are told apart by those who see few of them, and the dashes by those who see none.
_STYLE: Final = """
:root { color-scheme: light dark; --text: #1a1a1a; --faint: #666; --grid: #ddd; --back: #fff;
  --a: #0072b2; --b: #b35900; --c: #00755a; --bad: #c00000; }
@media (prefers-color-scheme: dark) { :root { --text: #e6e6e6; --faint: #a0a0a0; --grid: #3a3a3a; --back: #161616;
  --a: #56b4e9; --b: #e69f00; --c: #2fc79a; --bad: #ff6b6b; } }
body { background: var(--back); color: var(--text); font: 15px/1.5 system-ui, sans-serif; max-width: 860px;
  margin: 2em auto; padding: 0 1em; }
figure { margin: 2em 0; } figcaption { font-weight: 600; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; } th, td { padding: .2em .9em .2em 0; text-align: right; }
th:first-child, td:first-child { text-align: left; } .faint { color: var(--faint); } .bad { color: var(--bad); }
svg text { fill: var(--faint); font-size: 12px; } svg text.small { font-size: 8px; }
line.grid { stroke: var(--grid); } polyline { fill: none; stroke-width: 1.8; } line.key { stroke-width: 3; }
polyline.a, line.a { stroke: var(--a); } polyline.b, line.b { stroke: var(--b); stroke-dasharray: 7 3; }
polyline.c, line.c { stroke: var(--c); stroke-dasharray: 2 2; } polyline.bad, line.bad { stroke: var(--bad); }
.a:is(circle, rect) { fill: var(--a); } .b:is(circle, rect) { fill: var(--b); } .c:is(circle, rect) { fill: var(--c); }
circle.bad { fill: var(--bad); }
"""


def page_of(result: LoadResult) -> str:
    """The whole file."""
    moments = moments_of(result)
    began = datetime.fromtimestamp(result.began_at_s, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    parts = [
        "<h1>tf-raft bench</h1>",
        f"<p>{escape(headline(result.plan))}</p>",
        f'<p class="faint">{began}, {result.elapsed_s:.2f} s, tf-raft {escape(version("tf-raft"))}</p>',
        _table(result),
        _errors(result),
        *(f"<p>{escape(remark)}</p>" for remark in remarks(result)),
        _rates(result, moments),
        *_times(result, moments),
        _histogram(result),
    ]
    head = (
        '<meta charset="utf-8"/>\n<meta name="viewport" content="width=device-width, initial-scale=1"/>\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\"/>\n"
        f"<title>tf-raft bench, {began}</title>\n<style>{_STYLE}</style>"
    )
    body = "\n".join(part for part in parts if part)
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n</head>\n<body>\n{body}\n</body>\n</html>\n'


def _table(result: LoadResult) -> str:
    rows = rows_of(result, result.tally.reads(), result.tally.writes())
    return f"<table>{_row('th', HEADS)}{''.join(_row('td', row) for row in rows)}</table>"


def _row(kind: str, cells: tuple[str, ...]) -> str:
    return "<tr>" + "".join(f"<{kind}>{escape(cell)}</{kind}>" for cell in cells) + "</tr>"


def _errors(result: LoadResult) -> str:
    words = [f"{escape(safe(word))} {count:,}" for word, count in result.tally.errors.most_common()]
    return f'<p class="bad">failed: {" · ".join(words)}</p>' if words else "<p>none failed</p>"


def _rates(result: LoadResult, moments: list[Moment]) -> str:
    """What was answered over time, and what failed."""
    lines = []
    for name, look, count_of in _COUNTS:
        if any(count_of(moment) for moment in moments):
            lines.append(Line(name, look, [(_middle(moment), count_of(moment) / moment.seconds) for moment in moments]))
    return line_chart("requests per second", lines, result.elapsed_s, lambda rate: f"{rate:,.0f}")


def _reads(moment: Moment) -> int:
    return moment.stretch.reads.count


def _writes(moment: Moment) -> int:
    return moment.stretch.writes.count


def _failed(moment: Moment) -> int:
    return moment.stretch.errors


_COUNTS: Final[tuple[tuple[str, str, Callable[[Moment], int]], ...]] = (
    ("writes", "a", _writes),
    ("reads", "b", _reads),
    ("failed", "bad", _failed),
)


def _times(result: LoadResult, moments: list[Moment]) -> list[str]:
    """How long reads and writes took over time, a chart each."""
    charts = []
    for name in ("writes", "reads"):
        times: list[Histogram] = [getattr(moment.stretch, name) for moment in moments]
        if any(one.count for one in times):
            lines = [
                Line(percentile, look, _points(moments, times, PERCENTILES[percentile]))
                for percentile, look in (("p50", "a"), ("p90", "b"), ("p99", "c"))
            ]
            longest = [float(one.longest_us) if one.count else None for one in times]
            lines.append(
                Line("max", "bad", [(_middle(moment), us) for moment, us in zip(moments, longest, strict=True)])
            )
            charts.append(line_chart(f"time of {name}", lines, result.elapsed_s, bound, is_log=True))
    return charts


def _points(moments: list[Moment], times: list[Histogram], thousandths: int) -> list[tuple[float, float | None]]:
    return [(_middle(moment), one.percentile(thousandths)) for moment, one in zip(moments, times, strict=True)]


def _middle(moment: Moment) -> float:
    return moment.at_s + moment.seconds / 2


def _histogram(result: LoadResult) -> str:
    """How many took how long."""
    bars = [
        Bar(f"< {bound(step.to_us)}", [("a", step.writes), ("b", step.reads)])
        for step in steps_of(result.tally.reads(), result.tally.writes())
    ]
    names = [("a", "writes"), ("b", "reads")]
    return bar_chart("requests by their time", bars, names, lambda count: f"{count:,.0f}") if bars else ""
