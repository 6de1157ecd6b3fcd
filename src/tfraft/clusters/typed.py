"""The nine commands of the store as typed methods, for whoever writes Python instead of typing at a prompt."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import chain

from tfraft.core.requests import Consistency
from tfraft.errors import CommandError
from tfraft.store.replies import ErrorReply, Reply, parse

Text = str | bytes
"""A key or a value; a string stands for its UTF-8 bytes."""


class StoreCommands(ABC):
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

    async def set(self, key: Text, value: Text) -> None:
        """Store a string under `key`, in place of whatever is there."""
        await self._ask("SET", key, value)

    async def get(self, key: Text) -> bytes | None:
        """The string under `key`; None if there is none."""
        return as_bytes(await self._ask("GET", key))

    async def delete(self, *keys: Text) -> int:
        """Remove keys of any type; how many there were."""
        return as_int(await self._ask("DEL", *keys))

    async def hset(self, key: Text, fields: Mapping[str, Text] | Mapping[bytes, Text]) -> int:
        """Set fields of the hash under `key`; how many are new."""
        return as_int(await self._ask("HSET", key, *chain.from_iterable(fields.items())))

    async def hget(self, key: Text, field: Text) -> bytes | None:
        """A field of the hash under `key`; None if there is none."""
        return as_bytes(await self._ask("HGET", key, field))

    async def hdel(self, key: Text, *fields: Text) -> int:
        """Remove fields of the hash under `key`; how many there were."""
        return as_int(await self._ask("HDEL", key, *fields))

    async def sset(self, key: Text, *values: Text) -> int:
        """Add values to the set under `key`; how many are new."""
        return as_int(await self._ask("SSET", key, *values))

    async def shas(self, key: Text, value: Text) -> bool:
        """Whether the set under `key` has `value`."""
        reply = await self._ask("SHAS", key, value)
        assert isinstance(reply, bool), "the store answers SHAS with yes or no"
        return reply

    async def sdel(self, key: Text, *values: Text) -> int:
        """Remove values from the set under `key`; how many there were."""
        return as_int(await self._ask("SDEL", key, *values))

    async def _ask(self, *words: Text) -> Reply:
        args = [word.encode() if isinstance(word, str) else word for word in words]
        reply = parse(await self.execute(args))
        if isinstance(reply, ErrorReply):
            raise CommandError(f"{reply.code} {reply.message}")
        return reply


def as_int(reply: Reply) -> int:
    """The number that a command which counts has answered."""
    assert isinstance(reply, int), "the store answers with a number"
    return reply


def as_bytes(reply: Reply) -> bytes | None:
    """The value that a command which reads has answered."""
    assert reply is None or isinstance(reply, bytes), "the store answers with a value or with none"
    return reply
