"""The verbs that need the processes or the network of the nodes, where these are not ours: each says what to do."""

from collections.abc import Iterable
from typing import NoReturn

from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError


class NotOurs:
    """A part of a `Cluster` whose nodes run by themselves: refuses what only who started them can do."""

    async def stop_node(self, server_id: ServerId) -> None:
        self._refuse(f"stop {server_id}", "Send SIGTERM to its process there, or use what supervises it")

    async def start_node(self, server_id: ServerId) -> None:
        self._refuse(f"start {server_id}", f"Start it there: tf-raft serve --id {server_id} --data-dir DIR")

    async def kill_node(self, server_id: ServerId) -> None:
        self._refuse(f"kill {server_id}", "Send SIGKILL to its process there")

    async def partition(self, groups: Iterable[Iterable[ServerId]]) -> None:
        self._refuse("cut the network", "PARTITION is for the clusters of tf-raft start")

    async def heal(self) -> None:
        self._refuse("mend the network", "HEAL is for the clusters of tf-raft start")

    async def slow(self, server_id: ServerId, delay_s: float) -> None:
        self._refuse("slow the network down", "SLOW is for the clusters of tf-raft start")

    def _refuse(self, what: str, instead: str) -> NoReturn:
        raise SettingError(f"this cluster runs by itself, on machines that are not ours to {what}. {instead}.")
