"""`python -m bench` runs all measurements; with names, such as `throughput`, only these."""

import asyncio
import sys

from bench import failover, memory, snapshot, startup, throughput, transfer, wal

MEASUREMENTS = {
    "throughput": lambda: asyncio.run(throughput.main(2.0)),
    "failover": lambda: asyncio.run(failover.main(20)),
    "transfer": lambda: asyncio.run(transfer.main(20)),
    "startup": lambda: startup.main(5),
    "wal": lambda: wal.main(256, None),
    "snapshot": lambda: snapshot.main(1_000_000),
    "memory": lambda: memory.main(100_000),
}

if __name__ == "__main__":
    for name in sys.argv[1:] or MEASUREMENTS:
        if name not in MEASUREMENTS:
            sys.exit(f"there is no measurement {name}; there are {', '.join(MEASUREMENTS)}")
        MEASUREMENTS[name]()
