"""How long anybody waits for a snapshot of a large state that is taken while writes go on.

    python -m bench.snapshot [keys]

Goal: no pause above 20 ms with 1,000,000 keys of 100 bytes. A turn is what the node does at once: a piece of the
snapshot, and commands. `collector` is the longest run of Python's garbage collector, which is part of the figures left
of it; what there was before the snapshot is kept out of it by `gc.freeze`, as the node does at its start.
"""

import gc
import sys
from collections.abc import Callable
from random import Random
from time import perf_counter
from typing import Final

from bench.tables import percentile, show
from tfraft.store import Store, codec
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions

VALUE_BYTES: Final = 100
WRITES_PER_TURN: Final = (0, 10, 100, 1000)

Make = Callable[[int, Random], list[bytes]]
"""A command that writes to the key of this number."""


def set_string(number: int, chance: Random) -> list[bytes]:
    """A string of 100 bytes."""
    return [b"SET", b"key:%d" % number, chance.randbytes(VALUE_BYTES)]


def set_hash(number: int, chance: Random) -> list[bytes]:
    """A field of 100 bytes, of the hash that has ten in turn."""
    return [b"HSET", b"hash:%d" % (number // 10), b"field:%d" % (number % 10), chance.randbytes(VALUE_BYTES)]


def set_member(number: int, chance: Random) -> list[bytes]:
    """A field of 100 bytes, of the one hash."""
    return [b"HSET", b"hash", b"field:%d" % number, chance.randbytes(VALUE_BYTES)]


def filled(make: Make, keys: int) -> Sessions:
    """The state, with as many keys or fields."""
    state, chance = Sessions(Store()), Random(1)
    for number in range(keys):
        state.apply(entry(make(number, chance)))
    gc.collect()
    gc.freeze()
    return state


def entry(args: list[bytes]) -> bytes:
    """The command as it stands in the log."""
    return Command(1, codec.encode(args)).encode()


class Watch:
    """What was measured: seconds for each piece, each write, each turn and each run of the collector."""

    def __init__(self) -> None:
        self.pieces: list[float] = []
        self.writes: list[float] = []
        self.turns: list[float] = []
        self.collected: list[float] = []
        self.size_bytes = 0
        self.collector_began = 0.0

    def collector(self, phase: str, _: dict[str, int]) -> None:
        """What the collector calls before and after."""
        if phase == "start":
            self.collector_began = perf_counter()
        else:
            self.collected.append(perf_counter() - self.collector_began)

    def take(self, state: Sessions, turns: list[list[bytes]]) -> None:
        """Take a snapshot; between two pieces come the writes of a turn. Those go on from the first again."""
        pieces, number = state.snapshot(), 0
        while True:
            began = perf_counter()
            piece = next(pieces, None)
            self.pieces.append(perf_counter() - began)
            if piece is None:
                return
            self.size_bytes += len(piece)
            for write in turns[number % len(turns)]:
                before = perf_counter()
                state.apply(write)
                self.writes.append(perf_counter() - before)
            self.turns.append(perf_counter() - began)
            number += 1

    def row(self) -> list[str]:
        """The cells of the table."""
        spent = sum(self.pieces)
        return [
            f"{self.size_bytes / 1e6:,.0f} MB",
            f"{spent:.2f} s",
            *worst(self.pieces),
            *(worst(self.writes) if self.writes else ["", ""]),
            *worst(self.turns),
            f"{max(self.collected, default=0.0) * 1e3:.2f} ms",
        ]


def worst(values: list[float]) -> list[str]:
    """The 99.9th percentile and the maximum."""
    return [f"{value * 1e3:.2f} ms" for value in (percentile(values, 0.999), max(values))]


def measure(make: Make, keys: int) -> list[list[str]]:
    """A row for each number of writes in a turn."""
    state, chance = filled(make, keys), Random(2)
    rows = []
    for writes in WRITES_PER_TURN:
        turns = [[entry(make(chance.randrange(keys), chance)) for _ in range(writes)] for _ in range(100)]
        watch = Watch()
        gc.callbacks.append(watch.collector)
        watch.take(state, turns)
        gc.callbacks.remove(watch.collector)
        rows.append([f"{writes} writes a turn", *watch.row()])
    return rows


def restoring(make: Make, keys: int) -> list[str]:
    """How long it takes to read a snapshot back."""
    pieces = list(filled(make, keys).snapshot())
    began = perf_counter()
    Sessions(Store()).restore(pieces)
    took_s = perf_counter() - began
    return [f"{sum(map(len, pieces)) / 1e6:,.0f} MB", f"{took_s:.2f} s", f"{keys / took_s:,.0f}"]


STATES: Final[dict[str, Make]] = {
    f"strings of {VALUE_BYTES} bytes": set_string,
    f"fields of {VALUE_BYTES} bytes in hashes of 10": set_hash,
    f"fields of {VALUE_BYTES} bytes in one hash": set_member,
}


def main(keys: int) -> None:
    """Measure each kind of state, and print a table of each."""
    columns = ["", "size", "time", "piece p99.9", "max", "write p99.9", "max", "turn p99.9", "max", "collector"]
    for name, make in STATES.items():
        show(f"A snapshot of {keys:,} {name}", columns, measure(make, keys))
        gc.unfreeze()
    rows = [[name, *restoring(make, keys)] for name, make in STATES.items()]
    show(f"Reading the snapshot of {keys:,} back", ["", "size", "time", "keys/s"], rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000)
