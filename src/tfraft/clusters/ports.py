"""The ports of nodes that are processes: predictable, the next free one where taken, held while the cluster runs."""

import errno
import os
import socket
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError

HOST: Final = "127.0.0.1"
FIRST_PORT: Final = 50051
"""The port of n1; those of n2, n3 and so on follow."""

LAST_PORT: Final = 65535


class Ports:
    """The ports that this cluster holds: nobody else gets one, not even while the node that it is for is down."""

    def __init__(self) -> None:
        self._held: dict[ServerId, _HeldPort] = {}

    def assign(self, wanted: Mapping[ServerId, int]) -> tuple[dict[ServerId, int], list[str]]:
        """Hold for each server the port that it wants, or else the next one that is free above all of these.

        Gives the ports, and a remark for each that was taken. Raises SettingError where no port is left."""
        remarks: list[str] = []
        taken = [server for server, port in wanted.items() if not self._hold(server, port)]
        for server in taken:
            port = self._hold_first(server, range(max(wanted.values()) + 1, LAST_PORT + 1))
            user = user_of(wanted[server])
            by = f" by {user}" if user else ""
            remarks.append(f"port {wanted[server]} is in use{by} → using {port} for {server}")
        return {server: self._held[server].port for server in wanted}, remarks

    def release(self, server: ServerId) -> None:
        """Let others have the port of `server`."""
        self._held.pop(server).release()

    def release_all(self) -> None:
        """Let others have all ports."""
        for server in list(self._held):
            self.release(server)

    def _hold_first(self, server: ServerId, ports: Iterable[int]) -> int:
        for port in ports:
            if self._hold(server, port):
                return port
        raise SettingError(f"no port is free up to {LAST_PORT}")

    def _hold(self, server: ServerId, port: int) -> bool:
        try:
            self._held[server] = _HeldPort(port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise SettingError(f"port {port} cannot be used: {error.strerror}") from error
            return False
        return True


class _HeldPort:
    """Keeps a port from everybody but our own node; raises OSError where it is taken.

    Two sockets do it. A name in the abstract namespace, which the system frees however we end, keeps out other
    clusters that choose their ports at the same moment. A TCP socket that is bound and never listens keeps the system
    from lending the port to somebody's outgoing connection, while our node may still listen on it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            self._name.bind(f"\0tf-raft {HOST}:{port}")
            self._tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._tcp.bind((HOST, port))
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Let others have it."""
        self._name.close()
        self._tcp.close()


def user_of(port: int) -> str:
    """Who listens on this port, as `pid 4242 (python)`; empty where the system does not tell us."""
    with suppress(OSError):
        sockets = _listening(port)
        for process in Path("/proc").iterdir():
            if process.name.isdecimal() and sockets & _sockets_of(process):
                name = (process / "comm").read_text().strip()
                return f"pid {process.name} ({name})"
    return ""


def _listening(port: int) -> set[str]:
    """The inodes of the sockets that listen on `port`, from the table of the system."""
    rows = [line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()]
    return {row[9] for row in rows if row[3] == "0A" and row[1].endswith(f":{port:04X}")}


def _sockets_of(process: Path) -> set[str]:
    """The inodes of the sockets that a process has open; none where we may not know."""
    inodes: set[str] = set()
    with suppress(OSError):
        for file in (process / "fd").iterdir():
            with suppress(OSError):
                inodes.add(os.readlink(file).removeprefix("socket:[").removesuffix("]"))
    return inodes
