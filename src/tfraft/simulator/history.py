"""The history of a run: which client asked for what, from when to when, and what came of it.

An operation that was refused for good never happened and is left out. One without an answer may take effect at any
time after it was invoked, or never: its end is infinity.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf


@dataclass(slots=True)
class Operation:
    """One operation of one client. `result` means something only once it is `completed_at` a time."""

    client: str
    key: tuple[bytes, ...]
    """What it is about: a key, a hash and a field, or a set and a member. Different ones are judged apart."""
    name: str
    argument: bytes | None
    invoked_at: float
    completed_at: float = inf
    result: object = None

    @property
    def is_known(self) -> bool:
        """Whether its outcome is known."""
        return self.completed_at < inf


class History:
    """All operations of a run that happened or may have happened, in the order in which they were invoked."""

    def __init__(self, time: Callable[[], float]) -> None:
        self._time = time
        self._operations: dict[int, Operation] = {}
        self._invoked = 0

    def invoke(self, client: str, key: tuple[bytes, ...], name: str, argument: bytes | None) -> int:
        """A client asks for something now; the number under which it is known."""
        self._invoked += 1
        self._operations[self._invoked] = Operation(client, key, name, argument, self._time())
        return self._invoked

    def complete(self, number: int, result: object) -> None:
        """The client has its answer."""
        operation = self._operations[number]
        operation.completed_at = self._time()
        operation.result = result

    def never_happened(self, number: int) -> None:
        """The client was told that it was not executed and never will be."""
        del self._operations[number]

    @property
    def operations(self) -> list[Operation]:
        """All that happened or may have happened."""
        return list(self._operations.values())
