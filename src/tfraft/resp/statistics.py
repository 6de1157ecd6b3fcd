"""What a server counts, for INFO; plain integers, since they are counted at every command."""

from collections import Counter, defaultdict
from collections.abc import Iterable

_SHOWN_ERRORS = 128
"""So many kinds of errors are told apart, as in Redis: whoever can make up a new one cannot fill the memory."""


class Statistics:
    """The counters of one server since its start, or since CONFIG RESETSTAT."""

    __slots__ = (
        "_sampled_at_s",
        "_sampled_commands",
        "calls",
        "connections",
        "cut_off",
        "errors",
        "input_bytes",
        "operations_per_s",
        "output_bytes",
        "rejected_connections",
    )

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Count from zero."""
        self.calls: defaultdict[str, int] = defaultdict(int)  # A Counter takes three times as long to count.
        self.errors: Counter[str] = Counter()
        self.connections = 0
        self.rejected_connections = 0
        self.cut_off = 0
        self.input_bytes = 0
        self.output_bytes = 0
        self.operations_per_s = 0
        self._sampled_at_s = 0.0
        self._sampled_commands = 0

    @property
    def commands(self) -> int:
        """How many commands were executed."""
        return sum(self.calls.values())

    def count_error(self, reply: bytes) -> None:
        """Count an error reply by its first word."""
        code = reply[1:40].split(None, 1)[0].decode(errors="replace")
        self.errors[code if code in self.errors or len(self.errors) < _SHOWN_ERRORS else "OTHER"] += 1

    def sample(self, now_s: float) -> None:
        """Afterwards `operations_per_s` is that since the last sample."""
        commands, passed_s = self.commands, now_s - self._sampled_at_s
        if self._sampled_at_s and passed_s > 0:
            self.operations_per_s = round((commands - self._sampled_commands) / passed_s)
        self._sampled_at_s, self._sampled_commands = now_s, commands

    def by_command(self) -> Iterable[tuple[str, int]]:
        """How often each command was called, by name."""
        return sorted(self.calls.items())
