"""What an answer says must be so, and nobody gets two: each request of a client or an operator, from question to end.

An answer is noted when it is given and judged after the turn that gave it, when what the turn committed is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tfraft.core.entry import EntryKind
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ChangeServers,
    ClientQuery,
    ClientRequest,
    MembershipChange,
    NodeRequest,
    RegisterClient,
    TransferLeadership,
)
from tfraft.core.state import Role
from tfraft.ports import OnAnswer
from tfraft.simulator.changes import is_done
from tfraft.simulator.host import Host
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.rare import Counts, Rare
from tfraft.simulator.readings import Readings
from tfraft.simulator.replicas import Replicas
from tfraft.simulator.violation import Violation
from tfraft.store.envelope import Command

Place = tuple[int, int]
"""The index and the term of an entry."""


@dataclass(slots=True)
class Question:
    """A request that reached a node. `place` is where the node put a command; None where it took none yet."""

    number: int
    request: NodeRequest
    host: Host
    life: int
    asked_at: float
    committed_before: int
    term_before: int
    on_answer: OnAnswer
    place: Place | None = None
    answers: int = 0


class Desk:
    """Hands requests to nodes and judges what comes back."""

    def __init__(
        self,
        oracle: Oracle,
        replicas: Replicas,
        readings: Readings,
        rare: Counts,
        time: Callable[[], float],
    ) -> None:
        self._oracle = oracle
        self._replicas = replicas
        self._readings = readings
        self._time = time
        self._rare = rare
        self._asked = 0
        self._open: dict[int, Question] = {}
        self._delayed: list[tuple[Question, OnAnswer]] = []
        """Commands that a node has taken but not put into its log yet, with what it calls with the answer."""
        self._answered: list[tuple[Question, Answer]] = []
        self._refused: dict[Place, str] = {}
        """Entries of which a client was told that they will never happen."""
        self._answered_below: dict[int, int] = {}
        """The first number of each session that its client has not told to be answered."""
        self._committed_checked = 0

    def ask(self, host: Host, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Hand `request` to the node of `host`, if one runs there; `on_answer` gets its one answer, if ever."""
        host.call(type(request).__name__, self._ask, host, request, on_answer)

    def _ask(self, host: Host, request: NodeRequest, on_answer: OnAnswer) -> None:
        self._asked += 1
        committed = len(self._oracle.invariants.committed)
        term = host.raft.current_term
        question = Question(self._asked, request, host, host.life, self._time(), committed, term, on_answer)
        self._open[question.number] = question
        if isinstance(request, ClientRequest) and request.client_id:
            below = self._answered_below.get(request.client_id, 0)
            self._answered_below[request.client_id] = max(below, request.lowest_unanswered)
        log = host.raft.log
        last_index = log.last_index

        def note(answer: Answer) -> None:
            question.answers += 1
            self._answered.append((question, answer))

        assert host.node is not None
        host.node.request(request, note)
        if isinstance(request, ClientRequest | RegisterClient):
            if log.last_index > last_index:
                question.place = (log.last_index, log.last_term)
            elif host.raft.delayed_proposals:
                self._delayed.append((question, note))
        if isinstance(request, ClientQuery):
            self._readings.taken(host, request, note)

    def waiting(self) -> list[Question]:
        """The questions that a node which still runs has not answered."""
        self._open = {n: one for n, one in self._open.items() if one.host.running and one.host.life == one.life}
        return [question for question in self._open.values() if question.answers == 0]

    def judge(self) -> None:
        """Raise Violation if an answer of the last turn, or an earlier refusal, says what is not so."""
        if self._delayed:
            self._delayed = [one for one in self._delayed if self._still_delayed(*one)]
        self._check_refused()
        if self._answered:
            answered, self._answered = self._answered, []
            for question, answer in answered:
                self._judge_one(question, answer)
                question.on_answer(answer)

    def _still_delayed(self, question: Question, token: OnAnswer) -> bool:
        """Find the place of a command that has waited for the end of a transfer; whether it still waits."""
        if question.answers or not question.host.running or question.host.life != question.life:
            return False
        raft = question.host.raft
        for index, other in raft.proposals.items():
            if other is token:
                question.place = (index, raft.log.term_at(index))
                self._rare[Rare.WRITE_AFTER_TRANSFER] += 1
        return question.place is None

    def _judge_one(self, question: Question, answer: Answer) -> None:
        if question.answers > 1:
            raise Violation("one answer to each request", f"{question.request} got {question.answers} answers")
        self._open.pop(question.number, None)
        match question.request, answer.status:
            case ((ClientRequest() | RegisterClient()), AnswerStatus.OK):
                self._rare[Rare.ORPHAN_COMMITTED] += question.host.raft.role is not Role.LEADER
                self._write_done(question, answer)
            case ClientRequest(), AnswerStatus.SESSION_EXPIRED:
                self._not_executed(question)
            case ((ClientRequest() | RegisterClient()), AnswerStatus.NOT_LEADER) if question.place:
                self._rare[Rare.ORPHAN_REFUSED] += 1
                self._refused[question.place] = question.host.server_id
                self._never_committed(question.place)
            case ClientRequest() as request, AnswerStatus.REFUSED:
                if request.sequence_num >= self._answered_below.get(request.client_id, 0):
                    raise Violation("a command is answered", f"{request} was refused: {answer.reason}")
                self._not_executed(question)
            case ClientQuery() as query, AnswerStatus.OK:
                self._readings.answered(question.host, query, question.asked_at, question.committed_before)
            case ((ClientQuery() | RegisterClient()), AnswerStatus.REFUSED):
                raise Violation("a command is answered", f"{question.request} was refused: {answer.reason}")
            case TransferLeadership(), AnswerStatus.OK:
                self._transfer_done(question)
            case _, AnswerStatus.OK:
                self._change_done(question)
            case _:
                self._rare[Rare.OVERLOADED] += answer.status is AnswerStatus.OVERLOADED

    # --- Writes ---

    def _write_done(self, question: Question, answer: Answer) -> None:
        """A write is answered once it is committed by counting, and the entry is that very command."""
        index, term = question.place or (0, 0)
        committed = self._oracle.invariants.committed
        if not 0 < index <= min(len(committed), self._oracle.counted):
            raise Violation(
                "an acknowledged write is on a quorum of disks",
                f"{question.host.server_id} acknowledges its entry {index} of term {term}, "
                f"committed is only {min(len(committed), self._oracle.counted)}",
            )
        entry = committed[index - 1]
        if entry.term != term or not holds(entry.kind, entry.data, question.request):
            raise Violation(
                "an acknowledged write is on a quorum of disks",
                f"{question.host.server_id} acknowledges its entry {index} of term {term}, committed is {entry}",
            )
        match question.request:
            case RegisterClient() if answer.response != b"%d" % index:
                raise Violation("a session has the index of its entry", f"{answer} for the one at {index} (§6.3)")
            case ClientRequest(client_id=client_id, sequence_num=sequence_num) if client_id:
                self._rare[Rare.ANSWERED_FROM_SESSION] += not self._replicas.was_executed_at(index)
                if not self._replicas.was_executed(client_id, sequence_num):
                    raise Violation("what is answered was executed", f"{question.request} never was")
            case ClientRequest() if not self._replicas.was_executed_at(index):
                raise Violation("what is answered was executed", f"{question.request} was not, at {index}")
            case _:
                pass

    def _not_executed(self, question: Question) -> None:
        """What is refused by the sessions is in the log, but this entry of it was not executed (§6.3)."""
        self._rare[Rare.SESSION_EXPIRED] += 1
        index, _ = question.place or (0, 0)
        if not index or self._replicas.was_executed_at(index):
            raise Violation("what is refused never happens", f"{question.request} was executed at {index}")

    def _check_refused(self) -> None:
        committed = self._oracle.invariants.committed
        if self._committed_checked < len(committed):
            for index in range(self._committed_checked + 1, len(committed) + 1):
                if self._refused:
                    self._never_committed((index, committed[index - 1].term))
            self._committed_checked = len(committed)
            self._readings.committed(len(committed))

    def _never_committed(self, place: Place) -> None:
        """What was refused for good is not committed, then or ever."""
        index, term = place
        committed = self._oracle.invariants.committed
        if place in self._refused and index <= len(committed) and committed[index - 1].term == term:
            raise Violation(
                "what is refused never happens",
                f"{self._refused[place]} refused the entry {index} of term {term}, which is committed",
            )

    # --- Operators ---

    def _transfer_done(self, question: Question) -> None:
        """Leadership is where it was wanted: the target has been elected since, or leads already (§3.10)."""
        assert isinstance(question.request, TransferLeadership)
        leaders = self._oracle.invariants.leaders
        elected = [leader for term, leader in leaders.items() if term >= question.term_before]
        target = question.request.target
        self._rare[Rare.TRANSFER_DONE] += target != question.host.server_id
        if target not in elected and (target or len(elected) < 2):
            raise Violation("a transfer is answered once another leads", f"{question.request}: {elected} were elected")

    def _change_done(self, question: Question) -> None:
        """A change of the membership is answered with OK once it is committed; others may have followed it since."""
        raft = question.host.raft
        known = self._oracle.views[raft.server_id].configurations
        committed = [(index, one) for index, one in known if index <= raft.commit_index]
        since = max((index for index, _ in committed if index <= question.committed_before), default=0)
        assert isinstance(question.request, MembershipChange)
        self._rare[Rare.JOINT_CHANGE_DONE] += isinstance(question.request, ChangeServers)
        if not any(is_done(question.request, one) for index, one in committed if index >= since):
            raise Violation(
                "a change is answered once it is committed",
                f"{raft.server_id} says OK to {question.request}, committed is {committed[-1]}",
            )


def holds(kind: EntryKind, data: bytes, request: NodeRequest) -> bool:
    """Whether an entry is the one that `request` asks for."""
    if not isinstance(request, ClientRequest):
        return kind is EntryKind.REGISTER_CLIENT
    if kind is not EntryKind.COMMAND:
        return False
    command = Command.decode(data)
    asked = (request.command, request.client_id, request.sequence_num if request.client_id else 0)
    return (command.command, command.client_id, command.sequence_num) == asked
