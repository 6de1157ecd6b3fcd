"""What all connections of a server share."""

import asyncio
import secrets
import time
from typing import TYPE_CHECKING

from tfraft.resp.gateway import Gateway
from tfraft.resp.limits import RespLimits
from tfraft.resp.statistics import Statistics

if TYPE_CHECKING:
    from tfraft.resp.caller import Caller


class Hub:
    """The gateway, the limits, the counters and everybody who is connected, by number, in the order of connecting."""

    __slots__ = (
        "callers",
        "gateway",
        "host",
        "last_id",
        "limits",
        "loop",
        "port",
        "run_id",
        "started_at_s",
        "statistics",
    )

    def __init__(self, gateway: Gateway, limits: RespLimits, loop: asyncio.AbstractEventLoop) -> None:
        self.gateway = gateway
        self.limits = limits
        self.loop = loop
        self.statistics = Statistics()
        self.callers: dict[int, Caller] = {}
        self.last_id = 0
        self.host = ""
        self.port = 0
        self.run_id = secrets.token_hex(20)
        self.started_at_s = loop.time()

    def next_id(self) -> int:
        """A number that no connection of this server had before."""
        self.last_id += 1
        return self.last_id

    def wall_clock_us(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000
