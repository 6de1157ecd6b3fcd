"""Our cluster beside others, in the same run, by load generators that are nobody's own.

    python -m bench.compare [rounds] [seconds]

Every system is started once for each round, does all loads, and is stopped before the next begins; the rounds are
interleaved, so that whatever the machine does meanwhile hits all alike. The table has medians, and ratios to etcd.
Needs etcd-server, redis-server, redis-tools and nghttp2-client of Debian; a system that is not installed is left out.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

from bench.loads import Figure, Load
from bench.rivals import SYSTEMS, System, running
from bench.tables import show

LOADS = (Load(1), Load(50), Load(256), Load(50, in_flight=16), Load(50, reads=True))
PROGRAMS = {"tf-raft": (), "etcd": ("etcd", "h2load"), "Redis alone, appendfsync always": ("redis-server",)}

Results = dict[str, dict[Load, list[Figure]]]


def installed(kind: type[System]) -> bool:
    """Whether this system, and what loads it, are on this machine; says so if not."""
    missing = [name for name in ("redis-benchmark", *PROGRAMS[kind.name]) if shutil.which(name) is None]
    if missing:
        print(f"left out: {kind.name}, for {' and '.join(missing)} is not installed", file=sys.stderr)
    return not missing


def measure(rounds: int, seconds: float) -> Results:
    """All figures, by system and load."""
    kinds = [kind for kind in SYSTEMS if installed(kind)]
    results: Results = {kind.name: {load: [] for load in LOADS} for kind in kinds}
    with tempfile.TemporaryDirectory(prefix="tf-raft-compare-") as base:
        for turn in range(rounds):
            for kind in kinds:
                with running(kind, Path(base, f"{turn} {kind.name}")) as system:
                    for load in LOADS:
                        before = system.written()
                        figure = system.run(load, seconds)
                        assert load.reads or system.written() > before, f"{kind.name} has written nothing"
                        results[kind.name][load].append(figure)
                        print(f"round {turn + 1}: {kind.name}, {load}: {figure.per_s:,.0f}/s", file=sys.stderr)
    return results


def cell(figures: list[Figure], base: list[Figure]) -> list[str]:
    """The medians of one load on one system, and the ratio to the base."""
    per_s = median(figure.per_s for figure in figures)
    ratio = f"{per_s / median(figure.per_s for figure in base):.2f}" if base else ""
    times = [median(figure.p50_s for figure in figures), median(figure.p99_s for figure in figures)]
    return [f"{per_s:,.0f}", ratio, *(f"{1000 * time_s:.2f} ms" for time_s in times)]


def main(rounds: int, seconds: float) -> None:
    """Measure and print a table; then all figures as one line of JSON."""
    results = measure(rounds, seconds)
    rows = [
        [f"{load}: {name}", *cell(figures[load], results.get("etcd", {}).get(load, []))]
        for load in LOADS
        for name, figures in results.items()
    ]
    show(f"{rounds} rounds of {seconds:g} s", ["", "per second", "x etcd", "p50", "p99"], rows)
    figures = {
        name: {str(load): [one.per_s for one in runs] for load, runs in by.items()} for name, by in results.items()
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, float(sys.argv[2]) if len(sys.argv) > 2 else 3.0)
