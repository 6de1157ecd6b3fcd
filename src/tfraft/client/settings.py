"""How the calls of a client are made: how long each may take, and what a read may miss."""

import math
import time

from tfraft.core.requests import Consistency
from tfraft.errors import SettingError
from tfraft.record import record


@record
class CallSettings:
    """Each call takes `timeout_s` at most, and all together end at `deadline`, on the clock of `time.monotonic`.

    `max_staleness_s` is for reads that may be STALE. Raises SettingError for numbers that make no sense."""

    timeout_s: float = 10.0
    deadline: float | None = None
    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness_s: float = 0.0

    def __post_init__(self) -> None:
        if not (math.isfinite(self.timeout_s) and self.timeout_s > 0):
            raise SettingError(f"a timeout is a number of seconds above 0, not {self.timeout_s}")
        if not (math.isfinite(self.max_staleness_s) and self.max_staleness_s >= 0):
            raise SettingError(f"max_staleness_s is a number of seconds from 0 on, not {self.max_staleness_s}")
        if self.max_staleness_s and self.consistency is not Consistency.STALE:
            raise SettingError(f"max_staleness_s is for STALE reads, not for {self.consistency.name}")

    @property
    def left_s(self) -> float:
        """How long a call may take that begins now."""
        if self.deadline is None:
            return self.timeout_s
        return max(0.0, min(self.timeout_s, self.deadline - time.monotonic()))
