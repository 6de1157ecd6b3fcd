"""Charts as SVG, drawn by hand: lines over time, and bars. Colours come from classes, so the page may be dark."""

import math
from collections.abc import Callable, Iterable, Sequence
from html import escape
from typing import Final

from tfraft.record import record

_WIDTH: Final = 800
_HEIGHT: Final = 260
_LEFT: Final = 70
_RIGHT: Final = 780
_TOP: Final = 12
_BOTTOM: Final = 220

Label = Callable[[float], str]


@record
class Line:
    """One line of a chart; a point whose second number is None is a gap. `look` is its class."""

    name: str
    look: str
    points: list[tuple[float, float | None]]


@record
class Bar:
    """One bar of a chart: its label below, and its parts from below, each with its class."""

    label: str
    parts: list[tuple[str, float]]


@record
class Axis:
    """Numbers from `lowest` to `highest`, as places from `start` to `end`; `is_log` makes steps of factors."""

    lowest: float
    highest: float
    start: float
    end: float
    is_log: bool = False

    def place(self, value: float) -> float:
        """Where a value is."""
        if self.is_log:
            share = math.log(value / self.lowest) / math.log(self.highest / self.lowest)
        else:
            share = (value - self.lowest) / (self.highest - self.lowest)
        return round(self.start + share * (self.end - self.start), 1)

    def ticks(self) -> list[float]:
        """Round numbers within it, about five of them."""
        if self.is_log:
            powers = range(math.floor(math.log10(self.lowest)), math.ceil(math.log10(self.highest)) + 1)
            digits = (1,) if len(powers) > 4 else (1, 2, 5)
            found = [digit * 10.0**power for power in powers for digit in digits]
        else:
            step = round_step((self.highest - self.lowest) / 5)
            found = [number * step for number in range(math.ceil(self.lowest / step), int(self.highest / step) + 1)]
        return [tick for tick in found if self.lowest <= tick <= self.highest]


def line_chart(title: str, lines: Sequence[Line], duration_s: float, label: Label, *, is_log: bool = False) -> str:
    """Lines over time, from 0 to `duration_s`; `label` names the numbers at their side."""
    values = [value for line in lines for _, value in line.points if value is not None]
    x = Axis(0.0, max(duration_s, 1e-9), _LEFT, _RIGHT)
    y = _log_axis(values) if is_log else Axis(0.0, max(values, default=0.0) * 1.05 or 1.0, _BOTTOM, _TOP)
    parts = [*_grid(y, label), *(_at_bottom(x.place(tick), f"{tick:g} s") for tick in x.ticks())]
    parts += [piece for line in lines for piece in _drawn(line, x, y)]
    return _figure(title, parts, [(line.look, line.name) for line in lines])


def bar_chart(title: str, bars: Sequence[Bar], names: Sequence[tuple[str, str]], label: Label) -> str:
    """Bars side by side, with a gap between; `names` are the classes of their parts and what these are."""
    y = Axis(0.0, max((sum(size for _, size in bar.parts) for bar in bars), default=0.0) * 1.05 or 1.0, _BOTTOM, _TOP)
    each = (_RIGHT - _LEFT) / max(len(bars), 1)
    parts = _grid(y, label)
    for number, bar in enumerate(bars):
        left, below = _LEFT + number * each, 0.0
        for look, size in bar.parts:
            top, bottom = y.place(below + size), y.place(below)
            below += size
            tip = f"<title>{escape(bar.label)}: {escape(label(size))}</title>"
            place = f'x="{left + each * 0.08:.1f}" y="{top}" width="{each * 0.84:.1f}" height="{bottom - top:.1f}"'
            parts.append(f'<rect class="{look}" {place}>{tip}</rect>')
        parts.append(_at_bottom(left + each / 2, bar.label, is_small=len(bars) > 10))
    return _figure(title, parts, names)


def round_step(least: float) -> float:
    """The least of 1, 2, 5, 10 … and their parts by ten that is not below `least`, which is above 0."""
    power = 10.0 ** math.floor(math.log10(least))
    return next((digit * power for digit in (1, 2, 5) if digit * power >= least), 10 * power)


def _log_axis(values: Sequence[float]) -> Axis:
    lowest, highest = min(values, default=1.0), max(values, default=1.0)
    return Axis(max(lowest, 1.0) / 1.3, max(highest, lowest, 1.0) * 1.3, _BOTTOM, _TOP, is_log=True)


def _drawn(line: Line, x: Axis, y: Axis) -> Iterable[str]:
    """A line as one piece for each run of points without a gap; a run of one point is a dot."""
    run: list[str] = []
    for at, value in [*line.points, (0.0, None)]:
        if value is not None:
            run.append(f"{x.place(at)},{y.place(max(value, y.lowest))}")
        elif len(run) == 1:
            left, top = run.pop().split(",")
            yield f'<circle class="{line.look}" cx="{left}" cy="{top}" r="2"/>'
        elif run:
            points, run = " ".join(run), []
            yield f'<polyline class="{line.look}" points="{points}"><title>{escape(line.name)}</title></polyline>'


def _grid(y: Axis, label: Label) -> list[str]:
    parts = []
    for tick in y.ticks():
        place = y.place(tick)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_RIGHT}" y1="{place}" y2="{place}"/>')
        parts.append(f'<text x="{_LEFT - 6}" y="{place + 4:.1f}" text-anchor="end">{escape(label(tick))}</text>')
    return parts


def _at_bottom(place: float, text: str, *, is_small: bool = False) -> str:
    small = ' class="small"' if is_small else ""
    return f'<text{small} x="{place:.1f}" y="{_BOTTOM + 18}" text-anchor="middle">{escape(text)}</text>'


def _figure(title: str, parts: Iterable[str], names: Sequence[tuple[str, str]]) -> str:
    legend = []
    for number, (look, name) in enumerate(names):
        left = _LEFT + number * 120
        legend.append(f'<line class="{look} key" x1="{left}" x2="{left + 22}" y1="{_HEIGHT - 8}" y2="{_HEIGHT - 8}"/>')
        legend.append(f'<text x="{left + 28}" y="{_HEIGHT - 4}">{escape(name)}</text>')
    drawing = "\n".join([*parts, *legend])
    return (
        f'<figure><figcaption>{escape(title)}</figcaption>\n<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'aria-label="{escape(title)}">\n{drawing}\n</svg></figure>'
    )
