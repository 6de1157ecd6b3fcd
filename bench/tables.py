"""Tables on standard output, and the machine that they are from."""

import os
import platform
from collections.abc import Sequence
from statistics import median


def machine() -> str:
    """What a reader must know to compare figures."""
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f} at the start"


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table."""
    widths = [max(len(row[place]) for row in [columns, *rows]) for place in range(len(columns))]
    print(f"\n{title}   ({machine()})")
    for row in [columns, *rows]:
        first, *rest = zip(row, widths, strict=True)
        print("  " + first[0].ljust(first[1]) + "".join(f"  {cell:>{width}}" for cell, width in rest), flush=True)


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which this share of `values` lies."""
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def summary(values: Sequence[float], unit: str = "") -> list[str]:
    """Median, 90th percentile and maximum, as cells of a table."""
    return [f"{value:,.3g}{unit}" for value in (median(values), percentile(values, 0.9), max(values))]
