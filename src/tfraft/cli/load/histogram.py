"""How long things took, in buckets that grow with the value: every percentile to better than 1 %, in little memory.

A bucket holds the values whose first eight binary digits are the same: up to 255 µs each value has its own, above that
a bucket is at most 1/128 of its values wide. A day takes 3,700 buckets, of which only those in use exist.
"""

from collections import defaultdict
from typing import Final

_DIGITS: Final = 8
_HALF: Final = 1 << (_DIGITS - 1)


def bucket_of(us: int) -> int:
    """The number of the bucket of a value; grows with the value."""
    shift = us.bit_length() - _DIGITS
    return us if shift <= 0 else shift * _HALF + (us >> shift)


def lowest_of(bucket: int) -> int:
    """The least value of a bucket."""
    shift = max(bucket // _HALF - 1, 0)
    return (bucket - shift * _HALF) << shift


class Histogram:
    """Counts values in microseconds."""

    __slots__ = ("_counts", "longest_us", "total_us")

    def __init__(self) -> None:
        self._counts: defaultdict[int, int] = defaultdict(int)
        self.longest_us = 0
        self.total_us = 0

    def record(self, us: int) -> None:
        """Count a value, at least 0."""
        # `bucket_of`, without the call: this runs once for each request.
        shift = us.bit_length() - _DIGITS
        self._counts[us if shift <= 0 else shift * _HALF + (us >> shift)] += 1
        self.total_us += us
        if us > self.longest_us:
            self.longest_us = us

    def add(self, other: "Histogram") -> None:
        """Count all that `other` has counted."""
        for bucket, count in other._counts.items():
            self._counts[bucket] += count
        self.total_us += other.total_us
        self.longest_us = max(self.longest_us, other.longest_us)

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self._counts.values())

    @property
    def mean_us(self) -> float | None:
        """Their mean; None without any."""
        return self.total_us / self.count if self._counts else None

    def percentile(self, thousandths: int) -> int | None:
        """A value that so many thousandths of all do not exceed, at most 1/128 above the least such; None for none."""
        rank = max(1, -(-self.count * thousandths // 1000))
        passed = 0
        for bucket in sorted(self._counts):
            passed += self._counts[bucket]
            if passed >= rank:
                return min(lowest_of(bucket + 1) - 1, self.longest_us)
        return None

    def counts_between(self, bounds: list[int]) -> list[int]:
        """How many values there were from each bound up to the next: one number fewer than there are bounds.

        A bucket counts where its least value does."""
        counts = [0] * (len(bounds) - 1)
        for bucket, count in self._counts.items():
            least = lowest_of(bucket)
            for place in range(len(counts)):
                if bounds[place] <= least < bounds[place + 1]:
                    counts[place] += count
        return counts

    @property
    def shortest_us(self) -> int:
        """The least value of the first bucket in use; 0 without any."""
        return lowest_of(min(self._counts, default=0))


def bounds_around(shortest_us: int, longest_us: int) -> list[int]:
    """Bounds in steps of 1, 2, 5, 10 … µs, from the last that is not above `shortest_us` to the first above
    `longest_us`."""
    steps = [0]
    power = 1
    while steps[-1] <= longest_us:
        steps.extend((power, 2 * power, 5 * power))
        power *= 10
    first = max(place for place, bound in enumerate(steps) if bound <= shortest_us)
    last = min(place for place, bound in enumerate(steps) if bound > longest_us)
    return steps[first : last + 1]
