"""What has come of a load so far: answers and errors, by the stretch of time in which they came."""

import math
from collections import Counter
from typing import Final

from tfraft.cli.load.histogram import Histogram

_WIDTHS_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_MOST_STRETCHES: Final = 120
_MOST_WORDS: Final = 50


class Stretch:
    """What came within one stretch of time."""

    __slots__ = ("errors", "reads", "writes")

    def __init__(self) -> None:
        self.reads = Histogram()
        self.writes = Histogram()
        self.errors = 0

    def add(self, other: "Stretch") -> None:
        """Count what `other` has counted."""
        self.reads.add(other.reads)
        self.writes.add(other.writes)
        self.errors += other.errors


class Tally:
    """Counts in stretches of `width_s`, of which the first begins with `start`; what comes before counts in it, too."""

    __slots__ = ("_answered", "_stretches", "began_s", "errors", "last_s", "losses", "missing", "width_s")

    def __init__(self, width_s: float) -> None:
        self.began_s = math.inf
        self.last_s = -math.inf
        """When something came last."""
        self.width_s = width_s
        self.errors: Counter[str] = Counter()
        self.losses = 0
        """So many connections were lost in the middle."""
        self.missing = 0
        """So many reads found no value."""
        self._stretches: list[Stretch] = []
        self._answered = 0

    def start(self, now_s: float) -> None:
        """The load begins."""
        self.began_s = now_s

    def at(self, now_s: float) -> Stretch:
        """Where to count what comes now."""
        self.last_s = now_s
        place = self._place(now_s)
        while len(self._stretches) <= place:
            self._stretches.append(Stretch())
        return self._stretches[place]

    def answered(self, count: int) -> None:
        """Count requests that were answered without error, besides counting each in the histogram of its stretch."""
        self._answered += count

    def fail(self, word: str, now_s: float, count: int = 1) -> None:
        """Count requests that failed by this word. Words beyond the fiftieth go together: they may be anything."""
        if count:
            known = word in self.errors or len(self.errors) < _MOST_WORDS
            self.errors[word if known else "OTHER"] += count
            self.at(now_s).errors += count

    @property
    def requests(self) -> int:
        """How many requests have come to an end."""
        return self._answered + self.errors.total()

    @property
    def successes(self) -> int:
        """How many of them without error."""
        return self._answered

    def until(self, end_s: float) -> list[Stretch]:
        """The stretches up to this time; where nothing came, an empty one."""
        return [*self._stretches, *(Stretch() for _ in range(self._place(end_s) + 1 - len(self._stretches)))]

    def reads(self) -> Histogram:
        """How long all reads took."""
        return _all_of([stretch.reads for stretch in self._stretches])

    def writes(self) -> Histogram:
        """How long all writes took."""
        return _all_of([stretch.writes for stretch in self._stretches])

    def _place(self, now_s: float) -> int:
        return int((now_s - self.began_s) / self.width_s) if now_s > self.began_s else 0


def width_for(duration_s: float) -> float:
    """How wide the stretches of such a load are: at most 120 of them, at most a day."""
    return next((width for width in _WIDTHS_S if duration_s <= width * _MOST_STRETCHES), _WIDTHS_S[-1])


def _all_of(histograms: list[Histogram]) -> Histogram:
    together = Histogram()
    for one in histograms:
        together.add(one)
    return together
