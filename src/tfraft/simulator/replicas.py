"""State machine safety as clients see it: after the same number of commands every server has the same state.

And what is in a session is executed once, whatever becomes of the servers (§6.3).
"""

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Final
from zlib import crc32

from tfraft.core.entry import Entry, EntryKind
from tfraft.simulator.violation import Violation
from tfraft.store.envelope import Command
from tfraft.store.session import Outcome
from tfraft.store.sessions import Sessions
from tfraft.store.store import Store

WHOLE_STATE_EVERY: Final = 64
"""Commands and outcomes are compared at each; the states, which takes longer, after so many, and at snapshots."""

FOR_THE_MACHINE: Final = (EntryKind.COMMAND, EntryKind.REGISTER_CLIENT)


class Replicas:
    """What came of each command that was applied anywhere, from the first on; `committed` are all entries so far."""

    def __init__(self, committed: Sequence[Entry]) -> None:
        self._committed = committed
        self._commands = [0]
        """How many commands are among the first entries: for none of them, one, two, …"""
        self._outcomes: list[int] = []
        self._executed: list[bool] = []
        self._executions: dict[tuple[int, int], int] = {}
        """Which command executed a request: by client id and sequence number."""
        self._states: dict[int, tuple[str, str]] = {}
        self._difference: tuple[str, str] | None = None

    def commands_through(self, index: int) -> int:
        """How many of the entries through `index`, which are committed, are commands for the state machine."""
        while len(self._commands) <= index:
            entry = self._committed[len(self._commands) - 1]
            self._commands.append(self._commands[-1] + (entry.kind in FOR_THE_MACHINE))
        return self._commands[index]

    def outcome_through(self, applied: int) -> int:
        """The checksum of all outcomes through command number `applied`."""
        return self._outcomes[applied - 1] if applied else 0

    def was_executed_at(self, index: int) -> bool:
        """Whether the entry at `index`, a command that was applied somewhere, was executed by the state machine."""
        return self._executed[self.commands_through(index) - 1]

    def was_executed(self, client_id: int, sequence_num: int) -> bool:
        """Whether this request of a session was executed."""
        return (client_id, sequence_num) in self._executions

    def note(self, server: str, applied: int, outcome: int, executed: bool, data: bytes) -> None:
        """Take note that `server` has applied its command number `applied`; `outcome` is a checksum of all so far.

        Says nothing yet: the node takes what its state machine raises for an answer."""
        if applied > len(self._outcomes):
            self._outcomes.append(outcome)
            self._executed.append(executed)
            if executed:
                self._once(applied, Command.decode(data))
        elif self._outcomes[applied - 1] != outcome:
            self._differs("state machine safety", f"{server} applied another command number {applied}, or another way")

    def note_state(self, server: str, applied: int, digest: str) -> None:
        """Take note of the state of `server` after so many commands."""
        first, known = self._states.setdefault(applied, (server, digest))
        if known != digest:
            self._differs("state machine safety", f"{first} and {server} differ after {applied} commands")

    def note_time(self, server: str, before: int, after: int) -> None:
        """Take note of the log time of `server` before a command and after it."""
        if after < before:
            self._differs("log time never goes back", f"{server} goes from {before} to {after} (§6.3)")

    def check(self) -> None:
        """Raise Violation if two servers ever differed, or something was executed twice."""
        if self._difference:
            raise Violation(*self._difference)

    def _once(self, applied: int, command: Command) -> None:
        if not command.client_id:
            return
        request = command.client_id, command.sequence_num
        first = self._executions.setdefault(request, applied)
        if first != applied:
            self._differs(
                "a request of a session is executed once",
                f"request {request[1]} of session {request[0]} was executed as command {first} and as {applied}",
            )

    def _differs(self, rule: str, facts: str) -> None:
        self._difference = self._difference or (rule, facts)


class CountingStore(Store):
    """The store, and how many commands it has executed."""

    __slots__ = ("executed",)

    def __init__(self) -> None:
        super().__init__()
        self.executed = 0

    def apply(self, command: bytes) -> bytes:
        """Execute `command`."""
        self.executed += 1
        return super().apply(command)


class WatchedSessions(Sessions):
    """The state machine of one life of a node; all that it applies is compared with the other servers'.

    `restored_index` tells the index of the snapshot that is being restored."""

    def __init__(self, server: str, replicas: Replicas, restored_index: Callable[[], int]) -> None:
        self._store = CountingStore()
        super().__init__(self._store)
        self._server = server
        self._replicas = replicas
        self._restored_index = restored_index
        self._applied = 0
        self._outcome = 0

    def apply(self, data: bytes) -> Outcome:
        """Execute a command, as the sessions do."""
        before, log_time = self._store.executed, self.time_ms
        outcome = super().apply(data)
        self._replicas.note_time(self._server, log_time, self.time_ms)
        self._note(data, outcome, self._store.executed > before)
        return outcome

    def register(self, index: int, data: bytes) -> Outcome:
        """Open a session, as the sessions do."""
        outcome = super().register(index, data)
        self._note(data, outcome, False)
        return outcome

    def snapshot(self) -> Generator[bytes, None, None]:
        """The state of this moment, at which the node asks for the first piece."""
        self._replicas.note_state(self._server, self._applied, self.digest())
        return super().snapshot()

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Replace the state, which must be one that another server had."""
        super().restore(pieces)
        self._applied = self._replicas.commands_through(self._restored_index())
        self._outcome = self._replicas.outcome_through(self._applied)
        self._replicas.note_state(self._server, self._applied, self.digest())

    def _note(self, data: bytes, outcome: Outcome, executed: bool) -> None:
        self._applied += 1
        what = crc32(outcome.response, crc32(data, self._outcome))
        self._outcome = crc32(bytes((outcome.kind, executed)), what)
        self._replicas.note(self._server, self._applied, self._outcome, executed, data)
        if self._applied % WHOLE_STATE_EVERY == 0:
            self._replicas.note_state(self._server, self._applied, self.digest())
