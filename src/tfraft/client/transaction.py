"""Transactions: commands that take effect as one, if no key that is watched has changed.

    async with client.transaction(watch=["a"]) as transaction:
        a = int(await client.get("a") or 0)
        transaction.set("a", a + 1)

They are one entry of the log, and executed exactly once. Nothing comes between them.
"""

from collections.abc import Sequence

from tfraft.client.prepare import Prepared, prepare_transaction
from tfraft.client.queue import AwaitedBlock, BlockingBlock, Queue
from tfraft.client.routing import ClusterClient
from tfraft.client.settings import CallSettings
from tfraft.client.words import Text, result_in, words_of
from tfraft.errors import WatchedKeyChanged
from tfraft.store.transactions import transaction


class Transaction(Queue):
    """Commands that take effect as one; `client.transaction` makes it."""

    def __init__(self, cluster: ClusterClient, settings: CallSettings, watch: Sequence[Text]) -> None:
        super().__init__()
        self._cluster = cluster
        self._call = settings
        self._watch = words_of(watch)
        self._watched: list[tuple[bytes, int]] = []

    async def begin(self) -> None:
        """From now on the keys are watched."""
        if self._watch:
            reply = await self._asked(prepare_transaction([b"TF.VERSIONS", *self._watch], writes=False))
            self._watched = list(zip(self._watch, result_in(reply), strict=True))

    async def finish(self) -> None:
        """Execute all, or nothing: raises `WatchedKeyChanged`. One that fails does not keep the others from it: then
        all results are there, and the first error is raised."""
        if not self._commands:
            return
        words = transaction(self._watched, [command.encoded for command in self._commands])
        writes = any(command.writes for command in self._commands)
        values = result_in(await self._asked(prepare_transaction(words, writes=writes)))
        if values is None:
            raise WatchedKeyChanged("nothing was executed: a watched key has changed")
        self._settle(values, raise_errors=True)

    async def _asked(self, command: Prepared) -> bytes:
        if command.writes:
            return await self._cluster.apply(command.encoded, self._call.left_s)
        return await self._cluster.query(command.encoded, self._call.left_s)


class AsyncTransaction(Transaction, AwaitedBlock):
    """The transaction of an `AsyncClient`."""


class BlockingTransaction(Transaction, BlockingBlock):
    """The transaction of a `Client`."""
