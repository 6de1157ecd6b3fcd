"""What is done before and after a load: every key written once, every written key removed."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Final

import hiredis

from tfraft.cli.load.asking import Asking, connected
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.workload import Workload
from tfraft.errors import Unavailable
from tfraft.record import record

_KEYS_AT_ONCE: Final = 250
_BYTES_AT_ONCE: Final = 2**20
_PATIENCE_S: Final = 10.0
_RETRY_S: Final = 0.2

OnDone = Callable[[int], None]


@record
class Chore:
    """Requests that may be sent again: how many they are, and how many keys they are about."""

    data: bytes
    requests: int
    keys: int


async def fill(plan: LoadPlan, workload: Workload, on_done: OnDone) -> None:
    """Write every key once; `on_done` learns how many keys were written each time. Raises Unavailable."""
    many = max(1, min(_KEYS_AT_ONCE, _BYTES_AT_ONCE // (plan.value_size + 1)))
    await _do((Chore(data, count, count) for data, count in workload.writes(many)), plan.addresses, on_done)


async def remove_keys(plan: LoadPlan, workload: Workload, on_done: OnDone) -> None:
    """Remove all keys that may have been written; `on_done` learns how many each time. Raises Unavailable."""
    chores = (Chore(data, 1, count) for data, count in workload.removals(_KEYS_AT_ONCE))
    await _do(chores, plan.addresses, on_done)


async def _do(chores: Iterator[Chore], addresses: tuple[str, ...], on_done: OnDone) -> None:
    """Do them one after the other; at the next address, and again, where one fails.

    Raises Unavailable where one has failed for ten seconds."""
    loop = asyncio.get_running_loop()
    turn = 0
    chore = next(chores, None)
    give_up_s = loop.time() + _PATIENCE_S
    while chore is not None:
        try:
            async with connected(addresses[turn % len(addresses)]) as asking:
                while chore is not None:
                    await _do_one(chore, asking)
                    on_done(chore.keys)
                    chore = next(chores, None)
                    give_up_s = loop.time() + _PATIENCE_S
        except Unavailable:
            if loop.time() >= give_up_s:
                raise
            turn += 1
            await asyncio.sleep(_RETRY_S)


async def _do_one(chore: Chore, asking: Asking) -> None:
    for reply in await asking.ask(chore.data, chore.requests):
        if isinstance(reply, hiredis.ReplyError):
            raise Unavailable(f"{asking.address} answers {reply}")
