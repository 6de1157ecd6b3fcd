"""Chance without a shared stream: the n-th decision of a kind about an entity depends on the seed and these alone.

So a fault that is switched off, or a client that is left out, leaves every other decision as it was; with one stream
for all, everything after it would be rolled anew.
"""

from collections.abc import Callable, Sequence
from hashlib import blake2b
from math import log
from random import Random
from typing import TypeVar

T = TypeVar("T")

Draw = Callable[[], float]
"""Gives the next number of its stream, in [0, 1)."""


class Chance:
    """All the chance of one simulated world."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._streams: dict[tuple[str, str], Draw] = {}

    def stream(self, kind: str, entity: str = "") -> Draw:
        """The numbers for the decisions of `kind` about `entity`; the same stream whenever it is asked for."""
        draw = self._streams.get((kind, entity))
        if draw is None:
            # The n-th number of a generator that is seeded with a hash is a hash of the seed and n, and costs 30 ns.
            draw = self._streams[kind, entity] = Random(self.key(kind, entity)).random
        return draw

    def key(self, kind: str, entity: str = "") -> int:
        """A number of 64 bits for this seed, kind and entity, the same in every process."""
        text = f"{self._seed}\0{kind}\0{entity}"
        return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")


def pick(draw: Draw, options: Sequence[T]) -> T:
    """One of `options`, each as likely as any other."""
    return options[int(draw() * len(options))]


def sample(draw: Draw, options: Sequence[T], count: int) -> list[T]:
    """`count` different ones of `options`, in any order; all of them where there are not more."""
    left = list(options)
    return [left.pop(int(draw() * len(left))) for _ in range(min(count, len(left)))]


def between(draw: Draw, low: float, high: float) -> float:
    """A number from `low` to `high`, all as likely."""
    return low + (high - low) * draw()


def about(draw: Draw, mean: float) -> float:
    """A time of the mean `mean` until something happens that may happen at any moment; at most seven times that."""
    return min(-log(1 - draw()), 7.0) * mean
