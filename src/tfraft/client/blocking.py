"""Client: the store as typed methods that wait for their result, for programs without asyncio.

client = tfraft.connect("10.0.0.1:7001,10.0.0.2:7001")
"""

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from tfraft.client.asynchronous import AsyncClient
from tfraft.client.background import Background
from tfraft.client.commands import Commands
from tfraft.client.pipeline import BlockingPipeline
from tfraft.client.reading import as_it_is
from tfraft.client.request import Blocking, Request, T
from tfraft.client.transaction import BlockingTransaction
from tfraft.client.words import Text, Word
from tfraft.core.requests import Consistency
from tfraft.errors import WatchedKeyChanged


class Client(Commands, Blocking):
    """A client of a cluster, to be used from any number of threads; it does what `client`, in `background`, does.

    Its calls raise what those of an `AsyncClient` raise."""

    def __init__(self, client: AsyncClient, background: Background) -> None:
        self._client = client
        self._background = background

    def send(self, request: Request[T]) -> T:
        return self._background.run(lambda: self._client.send(request))

    def execute(self, *words: Word) -> Any:
        """Run any command of the store; its answer as None, bytes, int, float, bool, list, dict or set."""
        return self.send(Request(words, as_it_is))

    # --- The same client with other settings ---

    def reading(self, consistency: Consistency, *, max_staleness_s: float = 0.0) -> "Client":
        """This client; what is called on it reads so. `max_staleness_s` is for STALE."""
        return Client(self._client.reading(consistency, max_staleness_s=max_staleness_s), self._background)

    def with_timeout(self, timeout_s: float) -> "Client":
        """This client; each call on it takes at most `timeout_s`."""
        return Client(self._client.with_timeout(timeout_s), self._background)

    def with_deadline(self, within_s: float) -> "Client":
        """This client; all calls on it end within `within_s` from now."""
        return Client(self._client.with_deadline(within_s), self._background)

    # --- Many commands ---

    def pipeline(self, *, raise_errors: bool = True) -> BlockingPipeline:
        """Many commands on their way at a time. At the end the first error is raised, or all are left in `results`."""
        client = self._client
        return BlockingPipeline(client.cluster, client.settings, raise_errors).on(self._background)

    def transaction(self, watch: Sequence[Text] = ()) -> BlockingTransaction:
        """Commands that take effect as one, if nobody has changed the keys in `watch` since the block began."""
        client = self._client
        return BlockingTransaction(client.cluster, client.settings, watch).on(self._background)

    def transact(self, change: Callable[[BlockingTransaction], object], watch: Sequence[Text] = ()) -> list[Any]:
        """Let `change` queue commands, and execute them; once more whenever a watched key has changed meanwhile.

        The results. Raises `WatchedKeyChanged` once the time of a call is over."""
        deadline = time.monotonic() + self._client.settings.left_s
        while True:
            try:
                with self.transaction(watch) as transaction:
                    change(transaction)
                return transaction.results
            except WatchedKeyChanged:
                if time.monotonic() >= deadline:
                    raise

    # --- The end ---

    def close(self) -> None:
        """End all connections. Calls under way raise `OutcomeUnknown` or `Unavailable`, and so do later ones."""
        self._background.close(self._client.close)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()
