"""Which bucket of the database has the next deadline.

A heap of buckets, not of keys: it is as small with a million deadlines as with many thousands, and to sort it out takes
as long. What is on it may be outdated, since the key of a deadline may have gone or have got a later one. So an item
says only that nothing of this bucket comes before it, and whoever takes it looks into the bucket.
"""

from heapq import heapify, heappop, heappush
from typing import Final

Item = tuple[int, int]
"""A deadline, in milliseconds since 1970, and the place of a bucket."""

_OUTDATED: Final = 4
"""So many items for each bucket, and the heap is made anew without the outdated ones."""


class Deadlines:
    """For each bucket with deadlines one item that counts, at or before the first of them."""

    __slots__ = ("_counts", "_heap")

    def __init__(self) -> None:
        self._heap: list[Item] = []
        self._counts: dict[int, int] = {}

    def add(self, deadline_ms: int, place: int) -> None:
        """Afterwards the item that counts for the bucket at `place` is at or before `deadline_ms`."""
        earliest_ms = self._counts.get(place)
        if earliest_ms is not None and earliest_ms <= deadline_ms:
            return
        self._counts[place] = deadline_ms
        heappush(self._heap, (deadline_ms, place))
        if len(self._heap) > _OUTDATED * len(self._counts):
            self._heap = [(earliest_ms, place) for place, earliest_ms in self._counts.items()]
            heapify(self._heap)

    def first(self) -> Item | None:
        """The first item: no bucket has a deadline before it. None where there is no deadline at all."""
        while self._heap:
            deadline_ms, place = self._heap[0]
            if self._counts.get(place) == deadline_ms:
                return deadline_ms, place
            heappop(self._heap)
        return None

    def drop(self, place: int) -> None:
        """Afterwards no item counts for the bucket at `place`."""
        del self._counts[place]
