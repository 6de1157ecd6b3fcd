"""Servers that run by themselves, for tests: `tf-raft serve` as a process, on a port that nobody else gets."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.adapters.network.recorder import DEADLINE_S
from tfraft.adapters.network.admin import AdminClient
from tfraft.clusters.ports import HOST


class Server:
    """One process of `tf-raft serve`; what it writes to standard error is in `lines`."""

    def __init__(self, site: "Site", server_id: str, *args: str) -> None:
        self.server_id = server_id
        self.log = site.path / f"{server_id}.{len(site.servers)}.log"
        options = ["--id", server_id, "--data-dir", str(site.data(server_id)), "--listen", site.address(server_id)]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tfraft", "serve", *options, *args],
                stdin=subprocess.DEVNULL,
                stderr=log,
                env=site.environ,
            )

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The log lines so far; one that is not whole yet is left out."""
        return [json.loads(line) for line in self.log.read_text().splitlines(keepends=True) if line.endswith("\n")]

    def says(self, text: str) -> bool:
        """Whether a log line has this text."""
        return any(text in line["msg"] for line in self.lines)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and wait for the exit code."""
        self.process.send_signal(number)
        return self.exit_code()

    def exit_code(self) -> int:
        """Wait until the process has ended by itself."""
        return self.process.wait(DEADLINE_S)

    @property
    def last_words(self) -> str:
        """The message of the last line."""
        return str(self.lines[-1]["msg"])


class Site:
    """Servers by name with their ports and their directories; all end with the block.

    Each port is held by a socket that is bound and never listens: the system lends it to nobody meanwhile."""

    def __init__(self, path: Path) -> None:
        self.path = path
        ours = {name: value for name, value in os.environ.items() if not name.startswith("TFRAFT_")}
        self.environ = {**ours, "XDG_STATE_HOME": str(path / "state")}
        self.servers: list[Server] = []
        self.processes: list[subprocess.Popen[bytes]] = []
        self._ports: dict[str, socket.socket] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for process in self.processes:
            process.kill()
            process.wait()
        for held in self._ports.values():
            held.close()

    def address(self, server_id: str) -> str:
        """Where this server listens."""
        if server_id not in self._ports:
            held = self._ports[server_id] = socket.socket()
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
        return f"{HOST}:{self._ports[server_id].getsockname()[1]}"

    def data(self, server_id: str) -> Path:
        """The data directory of this server."""
        return self.path / server_id

    def serve(self, server_id: str, *args: str) -> Server:
        """Start this server."""
        server = Server(self, server_id, *args)
        self.servers.append(server)
        self.processes.append(server.process)
        return server

    def join(self, server_id: str, *seeds: str) -> Server:
        """Start this server, to join the cluster of these."""
        return self.serve(server_id, "--join", ",".join(map(self.address, seeds)))

    def tf_raft(self, *args: str, at: str, script: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command at the cluster of the server `at`."""
        command = [sys.executable, "-m", "tfraft", *args[:1], "--connect", self.address(at), *args[1:]]
        return subprocess.run(
            command, input=script, capture_output=True, text=True, env=self.environ, timeout=DEADLINE_S
        )

    def status(self, at: str) -> dict[str, dict[str, Any]]:
        """The rows of STATUS by node; none where nobody answers."""
        done = self.tf_raft("status", "--json", at=at)
        return {row["node"]: row for row in json.loads(done.stdout)["value"]} if done.stdout else {}

    def voters(self, at: str) -> list[str]:
        """The nodes that vote."""
        rows = self.status(at).items()
        return [name for name, row in rows if not str(row["health"]).startswith(("learner", "no vote"))]

    def followed_by(self, server_id: str) -> list[str]:
        """The servers to which this one sends what it has; none unless it leads."""

        async def ask() -> list[str]:
            admin = AdminClient(self.address(server_id))
            try:
                return [peer.server_id for peer in (await admin.status()).peers]
            finally:
                await admin.close()

        return asyncio.run(ask())

    def leader(self, at: str) -> str:
        """The node that leads; empty where there is none."""
        return next((name for name, row in self.status(at).items() if row["role"] == "leader"), "")


def eventually(condition: Callable[[], object], what: str) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited {DEADLINE_S:g} s for {what}"
        time.sleep(0.02)
