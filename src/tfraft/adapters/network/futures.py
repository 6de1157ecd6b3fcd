"""The edge between callbacks and futures, for the adapters that wait for an answer."""

import asyncio
from typing import TypeVar

T = TypeVar("T")


def settle(future: "asyncio.Future[T]", result: T) -> None:
    """Give `future` its result, unless it has one already or nobody waits any more."""
    if not future.done():
        future.set_result(result)
