"""AsyncClient: the store as typed methods, for asyncio.

client = await tfraft.aconnect("10.0.0.1:7001,10.0.0.2:7001")
"""

import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

from tfraft.client.commands import Commands
from tfraft.client.pipeline import AsyncPipeline
from tfraft.client.prepare import prepare
from tfraft.client.reading import as_it_is
from tfraft.client.request import Awaiting, Request, T
from tfraft.client.routing import ClusterClient
from tfraft.client.settings import CallSettings
from tfraft.client.transaction import AsyncTransaction
from tfraft.client.words import Text, Word, result_in, words_of
from tfraft.core.requests import Consistency
from tfraft.errors import WatchedKeyChanged


class AsyncClient(Commands, Awaiting):
    """A client of a cluster; any number of calls may be under way.

    Every call raises `CommandError` if the command is not well-formed or the store answers with an error, `Refused` or
    `Unavailable` if it was not executed, and `OutcomeUnknown` if a write may or may not take effect. `close` is called
    once, when the client is closed."""

    def __init__(
        self, cluster: ClusterClient, settings: CallSettings, close: Callable[[], Awaitable[object]] | None = None
    ) -> None:
        self.cluster = cluster
        self.settings = settings
        self._close = close or cluster.close

    async def send(self, request: Request[T]) -> T:
        call = self.settings
        command = prepare(words_of(request.words))
        if command.writes:
            reply = await self.cluster.apply(command.encoded, call.left_s)
        else:
            reply = await self.cluster.query(command.encoded, call.left_s, call.consistency, call.max_staleness_s)
        return request.read(result_in(reply))

    async def execute(self, *words: Word) -> Any:
        """Run any command of the store; its answer as None, bytes, int, float, bool, list, dict or set."""
        return await self.send(Request(words, as_it_is))

    # --- The same client with other settings ---

    def reading(self, consistency: Consistency, *, max_staleness_s: float = 0.0) -> "AsyncClient":
        """This client; what is called on it reads so. `max_staleness_s` is for STALE."""
        return self._with(replace(self.settings, consistency=consistency, max_staleness_s=max_staleness_s))

    def with_timeout(self, timeout_s: float) -> "AsyncClient":
        """This client; each call on it takes at most `timeout_s`."""
        return self._with(replace(self.settings, timeout_s=timeout_s))

    def with_deadline(self, within_s: float) -> "AsyncClient":
        """This client; all calls on it end within `within_s` from now."""
        return self._with(replace(self.settings, deadline=time.monotonic() + within_s))

    def _with(self, settings: CallSettings) -> "AsyncClient":
        return AsyncClient(self.cluster, settings, self._close)

    # --- Many commands ---

    def pipeline(self, *, raise_errors: bool = True) -> AsyncPipeline:
        """Many commands on their way at a time. At the end the first error is raised, or all are left in `results`."""
        return AsyncPipeline(self.cluster, self.settings, raise_errors)

    def transaction(self, watch: Sequence[Text] = ()) -> AsyncTransaction:
        """Commands that take effect as one, if nobody has changed the keys in `watch` since the block began."""
        return AsyncTransaction(self.cluster, self.settings, watch)

    async def transact(
        self, change: Callable[[AsyncTransaction], Awaitable[object]], watch: Sequence[Text] = ()
    ) -> list[Any]:
        """Let `change` queue commands, and execute them; once more whenever a watched key has changed meanwhile.

        The results. Raises `WatchedKeyChanged` once the time of a call is over."""
        deadline = time.monotonic() + self.settings.left_s
        while True:
            try:
                async with self.transaction(watch) as transaction:
                    await change(transaction)
                return transaction.results
            except WatchedKeyChanged:
                if time.monotonic() >= deadline:
                    raise

    # --- The end ---

    async def close(self) -> None:
        """End all connections. Calls under way raise `OutcomeUnknown` or `Unavailable`, and so do later ones."""
        await self._close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()
