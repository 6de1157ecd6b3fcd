"""The keys to offer when TAB is pressed: those of this session, and those of a cluster that has not too many."""

import asyncio
from collections.abc import Iterable, Iterator

from tfraft.clusters.cluster import Cluster
from tfraft.errors import TfRaftError
from tfraft.store import replies

# More keys than this are not asked for: nobody picks one of them from a list, and the answer would be long.
_MOST_KEYS = 2_000
_PAUSE_S = 1.0
_TIMEOUT_S = 0.5


class KnownKeys:
    """Never makes anybody wait: what it asks the cluster for is there the next time."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._seen: dict[bytes, None] = {}
        self._stored: list[bytes] = []
        self._asking: asyncio.Task[None] | None = None
        self._asked_at_s = float("-inf")

    def saw(self, keys: Iterable[bytes]) -> None:
        """Remember keys that a command named; the oldest go when there are too many."""
        for key in keys:
            self._seen.pop(key, None)
            self._seen[key] = None
        while len(self._seen) > _MOST_KEYS:
            del self._seen[next(iter(self._seen))]

    def __iter__(self) -> Iterator[bytes]:
        """The keys known so far, sorted."""
        return iter(sorted({*self._seen, *self._stored}))

    def refresh(self) -> None:
        """Ask the cluster in the background, at most once a second."""
        loop = asyncio.get_running_loop()
        if self._asking is None and loop.time() >= self._asked_at_s + _PAUSE_S:
            self._asked_at_s = loop.time()
            self._asking = loop.create_task(self._ask())

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)

    async def _ask(self) -> None:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                count = replies.parse(await self._cluster.execute([b"DBSIZE"], _TIMEOUT_S))
                if isinstance(count, int) and count <= _MOST_KEYS:
                    keys = replies.parse(await self._cluster.execute([b"KEYS", b"*"], _TIMEOUT_S))
                    self._stored = [key for key in keys if isinstance(key, bytes)] if isinstance(keys, list) else []
        except (TfRaftError, TimeoutError):
            return  # A cluster that is busy with itself has no keys to offer.
        finally:
            self._asking = None
