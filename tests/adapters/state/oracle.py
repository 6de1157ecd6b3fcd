"""The dumb oracle of a StateManager: what the words of the port say, entry by entry; and histories to try it on."""

from hypothesis import strategies as st

from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind

Step = Save | Base
"""What a server asks of its StateManager: a save, or a trim to this base."""


def as_told(before: Saved | None, step: Step) -> Saved:
    """The state after `step`."""
    before = before or Saved()
    rows = dict(enumerate(before.entries, before.base.index + 1))
    if isinstance(step, Base):
        if step.index <= before.base.index:
            return before
        left = (row for index, row in rows.items() if index > step.index)
        return Saved(before.current_term, before.voted_for, step, Entries.from_rows(left))
    if step.base is not None:
        rows.clear()
    if step.first_index:
        kept = {index: row for index, row in rows.items() if index < step.first_index}
        rows = {**kept, **dict(enumerate(step.entries, step.first_index))}
    base = before.base if step.base is None else step.base
    return Saved(step.current_term, step.voted_for, base, Entries.from_rows(rows.values()))


_CONFIGURATIONS = (
    Configuration.of({"n1": "h:1", "n2": "h:2"}),
    Configuration.of(["n1"], ["n3"], ["n1", "n2"], ["n0"]),
)


@st.composite
def histories(draw: st.DrawFn, max_bytes: int = 20) -> list[list[Step]]:
    """Runs of a server, each the steps that a server may take: terms never fall, there is no gap in the log, and
    nothing is written below its base. An entry has up to `max_bytes` bytes."""
    runs: list[list[Step]] = []
    term, state = 0, Saved()
    for _ in range(draw(st.integers(1, 4))):
        runs.append([])
        for _ in range(draw(st.integers(0, 6))):
            term += draw(st.integers(0, 2))
            step = draw(_steps(term, state, max_bytes))
            runs[-1].append(step)
            state = as_told(state, step)
    return runs


@st.composite
def _steps(draw: st.DrawFn, term: int, state: Saved, max_bytes: int) -> Step:
    """What a server with this state on its disk may do in this term."""
    kind = draw(st.sampled_from(["save", "save", "save", "trim", "reset"]))
    below, last = state.base.index, state.base.index + len(state.entries)
    if kind == "trim":
        index = draw(st.integers(0, last + 2))
        held = state.entries[index - below - 1].term if below < index <= last else term
        return Base(index, held, draw(st.sampled_from(_CONFIGURATIONS)), draw(st.integers(0, index)))
    base = None
    if kind == "reset":
        # As a rule upwards; what is on the disk has no say in it.
        below = last = draw(st.integers(0, last + 5))
        base = Base(below, term, draw(st.sampled_from(_CONFIGURATIONS)), draw(st.integers(0, below)))
    first = draw(st.just(0) | st.integers(below + 1, last + 1))
    entries = draw(_entries(term, max_bytes)) if first else NO_ENTRIES
    return Save(term, draw(st.sampled_from([None, "n1", "n2"])), first, entries, base)


@st.composite
def _entries(draw: st.DrawFn, term: int, max_bytes: int) -> Entries:
    # A term that never falls, whatever is cut: all entries of one save have the term of the save.
    data = st.binary(max_size=20) | st.text(max_size=8).map(str.encode)
    if max_bytes > 20:
        data = st.integers(0, max_bytes).map(lambda size: bytes([term % 250 + 1]) * size)
    some = _CONFIGURATIONS[0].encode()
    rows = draw(st.lists(st.tuples(st.sampled_from(EntryKind), data), max_size=4))
    return Entries.from_rows(
        Entry(term, kind, some if kind is EntryKind.CONFIGURATION else data) for kind, data in rows
    )
