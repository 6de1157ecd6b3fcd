"""The systems that are compared, each started on free ports of this machine and stopped by its process ids.

tf-raft    three `tf-raft serve`, with their defaults: durable log, every write synced on a majority
etcd       three members, with their defaults: every write synced on a majority
Redis      one server alone, which syncs its log before it answers; no other machine has a copy
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from time import monotonic, sleep

from bench.loads import Figure, Load, by_h2load, by_redis_benchmark, etcd_leads, etcd_revision, redis_says

PATIENCE_S = 30.0


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class System:
    """A system under way; `processes` are its own."""

    name = ""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.processes: list[subprocess.Popen[bytes]] = []

    def start(self) -> None:
        """Afterwards it takes writes."""

    def run(self, load: Load, seconds: float) -> Figure:
        """Run a load."""
        raise NotImplementedError

    def written(self) -> int:
        """A number that grows with what is written; to see that anything was."""
        raise NotImplementedError

    def spawn(self, *command: str) -> None:
        """Start a process of this system."""
        log = self.directory / f"{len(self.processes)}.log"
        with log.open("wb") as out:
            self.processes.append(subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out))

    def stop(self) -> None:
        """End its processes."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            process.wait()


class TfRaft(System):
    """Three servers of ours; the load goes to the one that leads."""

    name = "tf-raft"

    def start(self) -> None:
        ports = free_ports(6)
        self.resp_ports = ports[3:]
        first = f"127.0.0.1:{ports[0]}"
        for place, (port, resp_port) in enumerate(zip(ports[:3], self.resp_ports, strict=True), 1):
            how = ["--bootstrap"] if place == 1 else ["--join", first]
            data = str(self.directory / f"n{place}")
            command = [sys.executable, "-m", "tfraft", "serve", "--id", f"n{place}", "--data-dir", data, *how]
            self.spawn(*command, "--listen", f"127.0.0.1:{port}", "--resp-listen", f"127.0.0.1:{resp_port}")
            until(partial(self._has_voters, place), f"n{place} votes")

    def _has_voters(self, count: int) -> bool:
        fields = self._raft_section(self.resp_ports[0])
        return fields.get("raft_quorum_ok") == "1" and int(fields["raft_voters"]) == count

    @staticmethod
    def _raft_section(port: int) -> dict[str, str]:
        try:
            lines = redis_says(port, "INFO", "raft").splitlines()
        except subprocess.CalledProcessError:
            return {}
        return dict(line.strip().split(":", 1) for line in lines if ":" in line)

    def _leading_port(self) -> int:
        return next(port for port in self.resp_ports if self._raft_section(port).get("raft_role") == "leader")

    def run(self, load: Load, seconds: float) -> Figure:
        return by_redis_benchmark(self._leading_port(), load, seconds)

    def written(self) -> int:
        return int(self._raft_section(self._leading_port())["raft_commit_index"])


class Etcd(System):
    """Three members of etcd; the load goes to the one that leads."""

    name = "etcd"

    def start(self) -> None:
        ports = free_ports(6)
        peers = [f"http://127.0.0.1:{port}" for port in ports[3:]]
        self.urls = [f"http://127.0.0.1:{port}" for port in ports[:3]]
        cluster = ",".join(f"m{place}={peer}" for place, peer in enumerate(peers))
        for place, (url, peer) in enumerate(zip(self.urls, peers, strict=True)):
            command = ["etcd", "--name", f"m{place}", "--data-dir", str(self.directory / f"m{place}")]
            command += ["--listen-client-urls", url, "--advertise-client-urls", url]
            command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
            self.spawn(*command, "--initial-cluster", cluster, "--log-level", "error")
        until(lambda: etcd_revision(self.urls[0]) > 0, "etcd leads")

    def run(self, load: Load, seconds: float) -> Figure:
        return by_h2load(next(filter(etcd_leads, self.urls)), load, seconds)

    def written(self) -> int:
        return etcd_revision(self.urls[0])


class RedisAlone(System):
    """One Redis, which syncs what it writes before it answers."""

    name = "Redis alone, appendfsync always"

    def start(self) -> None:
        (self.port,) = free_ports(1)
        command = ["redis-server", "--port", str(self.port), "--dir", str(self.directory), "--save", ""]
        self.spawn(*command, "--appendonly", "yes", "--appendfsync", "always")
        until(lambda: redis_says(self.port, "PING").strip() == "PONG", "Redis answers")

    def run(self, load: Load, seconds: float) -> Figure:
        return by_redis_benchmark(self.port, load, seconds)

    def written(self) -> int:
        return int(redis_says(self.port, "DBSIZE"))


SYSTEMS = (TfRaft, Etcd, RedisAlone)


@contextlib.contextmanager
def running(kind: type[System], directory: Path) -> Iterator[System]:
    """A system of this kind, with its data in this directory, until the end of the block."""
    directory.mkdir()
    system = kind(directory)
    try:
        system.start()
        yield system
    finally:
        system.stop()


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for it. Raises TimeoutError."""
    deadline = monotonic() + PATIENCE_S
    while monotonic() < deadline:
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            if condition():
                return
        sleep(0.05)
    raise TimeoutError(f"not within {PATIENCE_S:g} s: {what}")
