"""Pipelines: many commands on their way at a time.

    async with client.pipeline() as pipeline:
        pipeline.set("a", 1)
        a = pipeline.get("a")
    print(a.result)

They take effect in their order, but one by one: others may come between (`Transaction` is for what must not be torn).
"""

from collections.abc import Iterator
from itertools import groupby
from typing import Any, Final

from tfraft.client.prepare import Prepared
from tfraft.client.queue import AwaitedBlock, BlockingBlock, Queue
from tfraft.client.routing import ClusterClient
from tfraft.client.search import Limit
from tfraft.client.settings import CallSettings
from tfraft.client.words import value_of
from tfraft.errors import TfRaftError

MOST_TOGETHER: Final = 250
"""So many commands travel in one request, a quarter of what a session has room for, …"""
MOST_BYTES: Final = 4 * 1024 * 1024
"""… or so many bytes, and at least one command."""


class Pipeline(Queue):
    """Commands on their way at a time; `client.pipeline` makes it."""

    def __init__(self, cluster: ClusterClient, settings: CallSettings, raise_errors: bool) -> None:
        super().__init__()
        self._cluster = cluster
        self._call = settings
        self._raise_errors = raise_errors

    async def begin(self) -> None:
        """There is nothing to do before."""

    async def finish(self) -> None:
        """Send all, and wait for the results. Raises the first error among them, unless it was asked not to.

        Where reads come after writes they wait until these are answered, and the other way round: each read sees all
        writes before it and none after it."""
        values: list[Any] = []
        limit = Limit(self._call.left_s)
        for commands in together(self._commands):
            values += await self._sent(commands, max(0.0, limit.left_s))
        self._settle(values, self._raise_errors)

    async def _sent(self, commands: list[Prepared], timeout_s: float) -> list[Any]:
        encoded = [command.encoded for command in commands]
        if commands[0].writes:
            results = await self._cluster.apply_all(encoded, timeout_s)
        else:
            call = self._call
            results = await self._cluster.query_all(encoded, timeout_s, call.consistency, call.max_staleness_s)
        return [result if isinstance(result, TfRaftError) else value_of(result) for result in results]


def together(commands: list[Prepared]) -> Iterator[list[Prepared]]:
    """The commands in runs that travel together: only writes, or only reads, and not too many."""
    for _, run in groupby(commands, key=lambda command: command.writes):
        part: list[Prepared] = []
        size = 0
        for command in run:
            if part and (len(part) == MOST_TOGETHER or size + len(command.encoded) > MOST_BYTES):
                yield part
                part, size = [], 0
            part.append(command)
            size += len(command.encoded)
        yield part


class AsyncPipeline(Pipeline, AwaitedBlock):
    """The pipeline of an `AsyncClient`."""


class BlockingPipeline(Pipeline, BlockingBlock):
    """The pipeline of a `Client`."""
