"""State machine safety as clients see it: after the same number of commands every server has the same state."""

from typing import Final
from zlib import crc32

from tfraft.simulator.violation import Violation
from tfraft.store.store import Store

WHOLE_STATE_EVERY: Final = 64
"""Commands and responses are compared at each; the states, which takes longer, after so many."""


class Replicas:
    """What came of each command that was applied anywhere, from the first on."""

    def __init__(self) -> None:
        self._outcomes: list[int] = []
        self._states: dict[int, tuple[str, str]] = {}
        self._difference = ""

    def note(self, server: str, applied: int, outcome: int, store: Store) -> None:
        """Take note that `server` has applied its command number `applied`; `outcome` is a checksum of all so far.

        Says nothing yet: the node takes what its state machine raises for an answer."""
        if applied > len(self._outcomes):
            self._outcomes.append(outcome)
        elif self._outcomes[applied - 1] != outcome:
            self._difference = self._difference or f"{server} applied another command number {applied}, or another way"
        if applied % WHOLE_STATE_EVERY == 0:
            digest = store.digest()
            first, known = self._states.setdefault(applied, (server, digest))
            if known != digest:
                self._difference = self._difference or f"{first} and {server} differ after {applied} commands"

    def check(self) -> None:
        """Raise Violation if two servers ever differed."""
        if self._difference:
            raise Violation("state machine safety", self._difference)


class WatchedStore:
    """The store of one life of a node; each command that it applies is compared with the other servers'."""

    def __init__(self, server: str, replicas: Replicas) -> None:
        self._server = server
        self._replicas = replicas
        self._store = Store()
        self._applied = 0
        self._outcome = 0

    def apply(self, command: bytes) -> bytes:
        """Execute `command`, as the store does."""
        response = self._store.apply(command)
        self._applied += 1
        self._outcome = crc32(response, crc32(command, self._outcome))
        self._replicas.note(self._server, self._applied, self._outcome, self._store)
        return response

    def query(self, query: bytes) -> bytes:
        """Answer `query`, as the store does."""
        return self._store.query(query)

    def snapshot(self) -> bytes:
        """The state of the store."""
        return self._store.snapshot()

    def restore(self, snapshot: bytes) -> None:
        """Replace the state of the store."""
        self._store.restore(snapshot)
