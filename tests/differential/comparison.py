"""How alike two replies must be: as far as the command and the state settle them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import assert_never

from tests.differential.grammar import Settled
from tests.differential.grammar_keys import GRAMMAR
from tests.differential.resp3 import Answer

IN_SECONDS = {b"TTL", b"EXPIRETIME"}


class Different(AssertionError):
    """Redis and we answer in different ways, or hold different things."""

    def __init__(self, command: Sequence[bytes], theirs: object, ours: object) -> None:
        super().__init__(f"{b' '.join(command)!r}\n  Redis: {theirs}\n  ours:  {ours}")


def settled_of(command: Sequence[bytes]) -> Settled:
    """How far the reply to this command is settled; wholly where it is none."""
    grammar = GRAMMAR.get(command[0].upper())
    return grammar.settled if grammar else Settled.WHOLLY


def compare(command: Sequence[bytes], theirs: Answer, ours: Answer, elapsed_ms: int) -> None:
    """Raise Different where our reply is not one that Redis could have given, too.

    `elapsed_ms` is how far the clock of Redis may be ahead of our log time. What a reply by chance may hold, and all
    parts of a scan together, are left to `compare_choice` and `compare_found`."""
    if not _alike(command, theirs, ours, elapsed_ms):
        raise Different(command, theirs, ours)


def _alike(command: Sequence[bytes], theirs: Answer, ours: Answer, elapsed_ms: int) -> bool:
    if theirs.is_error or ours.is_error:
        return theirs == ours
    match settled_of(command):
        case Settled.WHOLLY:
            return theirs == ours
        case Settled.BUT_FOR_ORDER:
            return theirs.marker == ours.marker and _content(theirs) == _content(ours)
        case Settled.BUT_FOR_THE_CLOCK:
            return _is_sooner(theirs, ours, by_at_most=_in_unit(command, elapsed_ms))
        case Settled.BUT_FOR_THE_CLOCK_THEN:
            return _is_sooner(ours, theirs, by_at_most=_in_unit(command, elapsed_ms))
        case Settled.BY_CHANCE:
            return _shape(theirs) == _shape(ours)
        case Settled.IN_KIND:
            return theirs.marker == ours.marker
        case Settled.IN_PARTS:
            return [part.marker for part in theirs.members] == [part.marker for part in ours.members]
        case settled:
            assert_never(settled)


def compare_choice(command: Sequence[bytes], pool: Answer, ours: Answer) -> None:
    """Raise Different where our reply by chance holds what the key does not, or twice what it should hold once.

    `pool` is all there is to choose from, as Redis tells it."""
    chosen = ours.members or (ours,)
    possible = {*pool.members, Answer(b"_"), Answer(b"*"), Answer(b"~")}
    if pool.marker == b"%":
        possible |= {Answer(b"*", b"", pair) for pair in pool.pairs()}
    may_repeat = len(command) > 2 and command[2].startswith(b"-")
    if not possible.issuperset(chosen) or (len(set(chosen)) < len(chosen) and not may_repeat):
        raise Different(command, pool, ours)


def compare_found(command: Sequence[bytes], theirs: Sequence[Answer], ours: Sequence[Answer]) -> None:
    """Raise Different where whole scans, each given as the parts that were found, found different things."""
    in_pairs = command[0].upper() == b"HSCAN"
    if _found(theirs, in_pairs) != _found(ours, in_pairs):
        raise Different(command, theirs, ours)


def _found(parts: Sequence[Answer], in_pairs: bool) -> set[object]:
    found: set[object] = set()
    for part in parts:
        found.update(part.pairs() if in_pairs else part.members)
    return found


def _content(answer: Answer) -> Counter[object]:
    return Counter(answer.pairs() if answer.marker == b"%" else answer.members)


def _shape(answer: Answer) -> tuple[bytes, tuple[object, ...]]:
    return answer.marker, tuple(map(_shape, answer.members))


def _is_sooner(earlier: Answer, later: Answer, by_at_most: int) -> bool:
    if earlier.number < 0 or later.number < 0:  # There is no such key, or no deadline.
        return earlier == later
    return 0 <= later.number - earlier.number <= by_at_most


def _in_unit(command: Sequence[bytes], elapsed_ms: int) -> int:
    return elapsed_ms // 1000 + 1 if command[0].upper() in IN_SECONDS else elapsed_ms
