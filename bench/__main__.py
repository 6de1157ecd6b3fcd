"""`python -m bench` runs all measurements; with names, such as `throughput`, only these."""

import asyncio
import sys

from bench import failover, startup, throughput, wal

MEASUREMENTS = {
    "throughput": lambda: asyncio.run(throughput.main(2.0)),
    "failover": lambda: asyncio.run(failover.main(20)),
    "startup": lambda: startup.main(5),
    "wal": lambda: wal.main(256, None),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASUREMENTS:
        if name not in MEASUREMENTS:
            sys.exit(f"there is no measurement {name}; there are {', '.join(MEASUREMENTS)}")
        MEASUREMENTS[name]()
