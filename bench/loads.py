"""Load generators that are not ours, so that no system is measured by its own client: redis-benchmark and h2load.

Both are written in C and come from Debian (redis-tools, nghttp2-client). What they need of the machine is taken from
the system that they measure, from each alike.
"""

import csv
import json
import struct
import subprocess
import tempfile
from dataclasses import field
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from bench.tables import percentile
from tfraft.record import record

KEYS = 100_000
VALUE_BYTES = 100


@record
class Load:
    """So many clients at once, each with so many requests under way; reads or writes."""

    clients: int
    in_flight: int = 1
    reads: bool = False

    def __str__(self) -> str:
        what = "GET" if self.reads else "SET"
        clients = "1 client" if self.clients == 1 else f"{self.clients} clients"
        return f"{what}, {clients}" + (f" x {self.in_flight}" if self.in_flight > 1 else "")


@record
class Figure:
    """What one run of a load has given: requests a second, and how long they took, in seconds."""

    per_s: float
    p50_s: float
    p99_s: float
    times_s: list[float] = field(default_factory=list)


def by_redis_benchmark(port: int, load: Load, seconds: float) -> Figure:
    """Run a load against a server that speaks RESP, for about so many seconds."""
    rehearsal = _redis_benchmark(port, load, max(load.clients * load.in_flight * 4, 500))
    return _redis_benchmark(port, load, max(int(rehearsal.per_s * seconds), 1000))


def _redis_benchmark(port: int, load: Load, requests: int) -> Figure:
    command = ["redis-benchmark", "-p", str(port), "-t", "get" if load.reads else "set", "--csv", "-n", str(requests)]
    command += ["-c", str(load.clients), "-P", str(load.in_flight), "-d", str(VALUE_BYTES), "-r", str(KEYS)]
    printed = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120).stdout
    (row,) = csv.DictReader(printed.splitlines())
    return Figure(float(row["rps"]), float(row["p50_latency_ms"]) / 1000, float(row["p99_latency_ms"]) / 1000)


def by_h2load(url: str, load: Load, seconds: float) -> Figure:
    """Run a load against etcd's gRPC service at `url`, for so many seconds. All requests are for one key.

    A key that is always the same is in no cache that another would not be in: etcd's work does not depend on it."""
    with tempfile.TemporaryDirectory() as directory:
        body, log = Path(directory, "body"), Path(directory, "log")
        body.write_bytes(grpc_frame(_text(1, b"key:1") if load.reads else _text(1, b"key:1") + _text(2, b"x" * 100)))
        method = "Range" if load.reads else "Put"
        command = [
            "h2load",
            "-D",
            f"{round(1000 * seconds)}ms",
            "-c",
            str(load.clients),
            "-m",
            str(load.in_flight),
            "-d",
            str(body),
        ]
        command += ["-H", "content-type: application/grpc", "-H", "te: trailers", f"--log-file={log}"]
        subprocess.run([*command, f"{url}/etcdserverpb.KV/{method}"], capture_output=True, check=True, timeout=120)
        rows = [line.split("\t") for line in log.read_text().splitlines()]
    times_s = sorted(int(row[2]) / 1e6 for row in rows if row[1] == "200")
    return Figure(len(times_s) / seconds, percentile(times_s, 0.5), percentile(times_s, 0.99))


def grpc_frame(message: bytes) -> bytes:
    """A message as gRPC sends it: not compressed, with its length before it."""
    return b"\0" + struct.pack(">I", len(message)) + message


def _text(number: int, data: bytes) -> bytes:
    """A field of a protobuf message, of fewer than 128 bytes."""
    return bytes([number << 3 | 2, len(data)]) + data


def etcd_revision(url: str) -> int:
    """How many changes etcd has committed."""
    return int(_etcd_says(f"{url}/v3/kv/range", b'{"key":"AA=="}')["header"]["revision"])


def etcd_leads(url: str) -> bool:
    """Whether the member at `url` leads."""
    says = _etcd_says(f"{url}/v3/maintenance/status", b"{}")
    return bool(says["leader"] == says["header"]["member_id"])


def _etcd_says(url: str, question: bytes) -> dict[str, Any]:
    with urlopen(Request(url, data=question, method="POST"), timeout=10) as answer:
        said: dict[str, Any] = json.load(answer)
        return said


def redis_says(port: int, *words: str) -> str:
    """What `redis-cli` prints for a command."""
    command = ["redis-cli", "-p", str(port), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout
