"""EventListener: what a node in another process tells of itself, as long as anybody wants to hear it."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from tfraft.adapters.network.admin import MAX_EVENTS, AdminClient
from tfraft.errors import Unavailable
from tfraft.node.status import Event

LISTEN_AGAIN_S: Final = 0.1
"""The first pause before we listen again to a node whose events we cannot hear any more; it doubles up to a second."""

LONGEST_PAUSE_S: Final = 1.0


class EventListener:
    """Hands each event of the node behind `admin` to `on_event`, once; also those from before it listened, and from
    while the connection was lost."""

    def __init__(self, admin: AdminClient, on_event: Callable[[Event], None], name: str) -> None:
        self._admin = admin
        self._on_event = on_event
        self._heard: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._task = asyncio.create_task(self._listen(), name=f"events of {name}")

    def stop(self) -> None:
        """Pass on no more events."""
        self._task.cancel()

    async def close(self) -> None:
        """Stop, and wait until it has stopped."""
        self.stop()
        await asyncio.wait([self._task])

    async def _listen(self) -> None:
        pause_s = LISTEN_AGAIN_S
        while True:
            with suppress(Unavailable):
                async for event in self._admin.watch():
                    pause_s = LISTEN_AGAIN_S
                    if event not in self._heard:
                        self._heard.append(event)
                        self._on_event(event)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
