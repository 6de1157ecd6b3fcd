"""Where answers go: the one interface that a terminal, a pipe and `--json` have in common."""

from enum import StrEnum
from typing import Protocol

from tfraft.errors import OutcomeUnknown, Refused, Unavailable
from tfraft.record import record
from tfraft.store.replies import Reply


class Outcome(StrEnum):
    """What a failure says of the request: `refused` and `error` changed nothing, `unknown` may still take effect."""

    ERROR = "error"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@record
class Failure:
    """Why a line has no answer, in one sentence for a person."""

    outcome: Outcome
    text: str

    @classmethod
    def of(cls, error: Exception) -> "Failure":
        """The failure that `error` stands for; its outcome follows from its class."""
        match error:
            case OutcomeUnknown():
                return cls(Outcome.UNKNOWN, f"UNKNOWN outcome: {error}")
            case Refused() | Unavailable():
                return cls(Outcome.REFUSED, str(error))
            case _:
                return cls(Outcome.ERROR, str(error))


Cell = str | int | bool | None


@record
class Row:
    """One line of a table; `style` is `leader`, `faint` for what does not count now, or empty."""

    cells: tuple[Cell, ...]
    style: str = ""


@record
class Table:
    """Rows under column names; None is a value that is not there. `long` is the column that is broken into lines
    where there is not enough room."""

    columns: tuple[str, ...]
    rows: list[Row]
    long: str


class Output(Protocol):
    """Takes the answer to one line in parts, and shows it. `end` follows the last part of each."""

    def reply(self, reply: Reply, took_s: float) -> None:
        """The store has answered, after so many seconds."""

    def say(self, sentence: str) -> None:
        """A verb tells what it did."""

    def table(self, table: Table) -> None:
        """A verb shows what there is."""

    def story(self, line: str) -> None:
        """Told while something happens; no part of the answer, so only a terminal shows it."""

    def hint(self, sentence: str) -> None:
        """Advice on the answer before; no part of it."""

    def fail(self, failure: Failure) -> None:
        """The line has failed; nothing but `end` follows."""

    def end(self) -> None:
        """The answer is complete."""
