"""The commands of the store as typed methods of a cluster, for whoever writes Python instead of typing at a prompt."""

from abc import abstractmethod
from collections.abc import Sequence

from tfraft.client.commands import Commands
from tfraft.client.request import Awaiting, Request, T
from tfraft.client.words import result_in, words_of
from tfraft.core.requests import Consistency


class StoreCommands(Commands, Awaiting):
    """Whoever has `execute` has these. Each raises what `execute` raises, and `CommandError` for an error reply."""

    @abstractmethod
    async def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        """Run one command of the store; its reply (RESP3 bytes)."""

    async def send(self, request: Request[T]) -> T:
        return request.read(result_in(await self.execute(words_of(request.words))))
