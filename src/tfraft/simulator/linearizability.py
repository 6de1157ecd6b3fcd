"""Could this history have happened in one place, each operation at one moment between question and answer?

The search of Wing and Gong, one key at a time, with Lowe's two improvements: an operation takes its moment only when
some answer needs it, and a situation that was seen is not entered twice. It goes from answer to answer and explains
each in the way that takes the fewest operations; where it can go no further it goes back and tries the next way.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator

from tfraft.record import record
from tfraft.simulator.history import Operation
from tfraft.simulator.models import Model, State, model_of

Done = frozenset[int]
"""The operations that are open and have taken their moment already, by their numbers."""

Situation = tuple[State, Done]

UNTOLD = b"a value that no answer tells"


@record
class Impossible:
    """`operation` has an answer that nothing explains, though the `before` that were answered by then are explained."""

    operation: Operation
    before: list[Operation]


def judge(operations: Iterable[Operation]) -> Impossible | None:
    """None if the history is linearizable, else the first answer, of the first key, that cannot be explained."""
    keys: dict[tuple[bytes, ...], list[Operation]] = defaultdict(list)
    for operation in operations:
        keys[operation.key].append(operation)
    for of_one in keys.values():
        impossible = judge_key(model_of(of_one), of_one)
        if impossible is not None:
            return impossible
    return None


def judge_key(model: Model, operations: list[Operation]) -> Impossible | None:
    """As `judge`, for the operations on one key, in any order."""
    # A read that nobody heard of constrains nothing.
    relevant = [one for one in operations if one.is_known or one.name not in model.reads]
    unknown = frozenset(number for number, one in enumerate(relevant) if not one.is_known)
    search = Search(model, relevant, unknown)
    answers = answers_of(relevant)
    seen = [Situations(unknown) for _ in range(len(answers) + 1)]
    ways: list[Iterator[Situation]] = [iter([(None, frozenset())])]
    furthest = 0
    while ways:
        explained = len(ways) - 1
        situation = next(ways[-1], None)
        if situation is None:
            ways.pop()
        elif seen[explained].add(situation):
            if explained == len(answers):
                return None
            furthest = max(furthest, explained)
            ways.append(search.explanations(situation, *answers[explained]))
    return Impossible(relevant[answers[furthest][0]], [relevant[number] for number, _ in answers[:furthest]])


def answers_of(operations: list[Operation]) -> list[tuple[int, list[int]]]:
    """Each answer in the order of time: whose it is, and which operations are open then, in the order they were asked.

    At the same moment questions come first: what happens at once may happen in either order."""
    moments = [(one.invoked_at, False, number) for number, one in enumerate(operations)]
    moments += [(one.completed_at, True, number) for number, one in enumerate(operations) if one.is_known]
    answers = []
    open_now: list[int] = []
    for _, is_answer, number in sorted(moments):
        if is_answer:
            answers.append((number, open_now.copy()))
            open_now.remove(number)
        else:
            open_now.append(number)
    return answers


class Search:
    """The ways in which the answers of one key may be explained."""

    def __init__(self, model: Model, operations: list[Operation], unknown: Done) -> None:
        self._model = model
        self._operations = operations
        self._unknown = unknown
        self._kinds = kinds_of(model, operations)

    def explanations(self, situation: Situation, number: int, open_now: list[int]) -> Iterator[Situation]:
        """The situations in which operation `number` has its answer, those that take the fewest operations first."""
        seen = Situations(self._unknown)
        frontier = deque([(situation, False)])
        while frontier:
            (state, done), last_is_unknown = frontier.popleft()
            if number in done:
                yield state, done - {number}
            elif seen.add((state, done)):
                frontier.extend(self._steps(state, done, open_now, last_is_unknown))

    def _steps(
        self, state: State, done: Done, open_now: list[int], last_is_unknown: bool
    ) -> Iterator[tuple[Situation, bool]]:
        """The situations after one more open operation has taken its moment, and whether its answer is unknown.

        Of those whose answer is unknown, and that are otherwise alike, only the first is tried; and none that would
        undo another such, which then need not have happened."""
        tried = set()
        for number in open_now:
            if number in done:
                continue
            kind = self._kinds[number]
            if number in self._unknown:
                if kind in tried or (last_is_unknown and kind[0] in self._model.overwrites):
                    continue
                tried.add(kind)
                yield (self._model.step(state, *kind)[0], done | {number}), True
            else:
                after, result = self._model.step(state, *kind)
                if result == self._operations[number].result:
                    yield (after, done | {number}), False


def kinds_of(model: Model, operations: list[Operation]) -> list[tuple[str, bytes | None]]:
    """The name and the argument of each operation; one argument stands for all that no answer ever gave back."""
    told = {one.result for one in operations if one.is_known}
    return [
        (one.name, UNTOLD if one.name in model.overwrites and one.argument not in told else one.argument)
        for one in operations
    ]


class Situations:
    """A set of situations that leaves out each that another beats: equal but for fewer operations of unknown outcome.

    Such an operation need never happen, so to have used it up is never better. Without this, histories with many
    lost answers take time that is exponential in their number."""

    def __init__(self, unknown: Done) -> None:
        self._unknown = unknown
        self._kept: dict[tuple[State, Done], list[Done]] = {}

    def add(self, situation: Situation) -> bool:
        """Put `situation` in, unless it is beaten or there already; whether it was put in."""
        state, done = situation
        used_up = done & self._unknown
        known = self._kept.setdefault((state, done - self._unknown), [])
        if any(fewer <= used_up for fewer in known):
            return False
        known[:] = [more for more in known if not used_up <= more]
        known.append(used_up)
        return True

    def __iter__(self) -> Iterator[Situation]:
        for (state, known), choices in self._kept.items():
            for used_up in choices:
                yield state, known | used_up
