"""What an answer says must be so, and nobody gets two: each request of a client or an operator, from question to end.

An answer is noted when it is given and judged after the turn that gave it, when what the turn committed is known.
"""

from collections.abc import Callable
from dataclasses import dataclass

from tfraft.core.requests import AddServer, Answer, AnswerStatus, ClientQuery, ClientRequest, NodeRequest, RemoveServer
from tfraft.core.state import Role
from tfraft.ports import OnAnswer
from tfraft.simulator.claims import Claims
from tfraft.simulator.host import Host
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.rare import Counts, Rare
from tfraft.simulator.violation import Violation

Place = tuple[int, int]
"""The index and the term of an entry."""


@dataclass(slots=True)
class Question:
    """A request that reached a node. `place` is where the node put a command; None where it took none."""

    number: int
    request: NodeRequest
    host: Host
    life: int
    asked_at: float
    committed_before: int
    on_answer: OnAnswer
    place: Place | None = None
    answers: int = 0


class Desk:
    """Hands requests to nodes and judges what comes back."""

    def __init__(self, oracle: Oracle, claims: Claims, rare: Counts, time: Callable[[], float]) -> None:
        self._oracle = oracle
        self._claims = claims
        self._time = time
        self._rare = rare
        self._asked = 0
        self._open: dict[int, Question] = {}
        self._answered: list[tuple[Question, Answer]] = []
        self._refused: dict[Place, str] = {}
        """Entries of which a client was told that they will never happen."""
        self._committed_checked = 0

    def ask(self, host: Host, request: NodeRequest, on_answer: OnAnswer) -> None:
        """Hand `request` to the node of `host`, if one runs there; `on_answer` gets its one answer, if ever."""
        host.call(type(request).__name__, self._ask, host, request, on_answer)

    def _ask(self, host: Host, request: NodeRequest, on_answer: OnAnswer) -> None:
        self._asked += 1
        committed = len(self._oracle.invariants.committed)
        question = Question(self._asked, request, host, host.life, self._time(), committed, on_answer)
        self._open[question.number] = question
        log = host.raft.log
        last_index = log.last_index

        def note(answer: Answer) -> None:
            question.answers += 1
            self._answered.append((question, answer))

        assert host.node is not None
        host.node.request(request, note)
        if isinstance(request, ClientRequest) and log.last_index > last_index:
            question.place = (log.last_index, log.last_term)

    def waiting(self) -> list[Question]:
        """The questions that a node which still runs has not answered."""
        self._open = {n: one for n, one in self._open.items() if one.host.running and one.host.life == one.life}
        return [question for question in self._open.values() if question.answers == 0]

    def judge(self) -> None:
        """Raise Violation if an answer of the last turn, or an earlier refusal, says what is not so."""
        self._check_refused()
        if self._answered:
            answered, self._answered = self._answered, []
            for question, answer in answered:
                self._judge_one(question, answer)
                question.on_answer(answer)

    def _judge_one(self, question: Question, answer: Answer) -> None:
        if question.answers > 1:
            raise Violation("one answer to each request", f"{question.request} got {question.answers} answers")
        self._open.pop(question.number, None)
        match question.request, answer.status:
            case ClientRequest(), AnswerStatus.OK:
                self._rare[Rare.ORPHAN_COMMITTED] += question.host.raft.role is not Role.LEADER
                self._write_done(question)
            case ClientRequest(), AnswerStatus.NOT_LEADER if question.place:
                self._rare[Rare.ORPHAN_REFUSED] += 1
                self._refused[question.place] = question.host.server_id
                self._never_committed(question.place)
            case ClientQuery(), AnswerStatus.OK:
                self._read_done(question)
            case ((AddServer() | RemoveServer()), AnswerStatus.OK):
                self._change_done(question)
            case ((ClientRequest() | ClientQuery()), AnswerStatus.REFUSED):
                raise Violation("a command is answered", f"{question.request} was refused: {answer.reason}")
            case _:
                pass

    def _write_done(self, question: Question) -> None:
        """A write is answered once it is committed by counting, and the entry is that very command."""
        index, term = question.place or (0, 0)
        committed = self._oracle.invariants.committed
        assert isinstance(question.request, ClientRequest)
        if not 0 < index <= min(len(committed), self._oracle.counted):
            raise Violation(
                "an acknowledged write is on a quorum of disks",
                f"{question.host.server_id} acknowledges its entry {index} of term {term}, "
                f"committed is only {min(len(committed), self._oracle.counted)}",
            )
        entry = committed[index - 1]
        if entry.term != term or entry.data != question.request.command:
            raise Violation(
                "an acknowledged write is on a quorum of disks",
                f"{question.host.server_id} acknowledges its entry {index} of term {term}, committed is {entry}",
            )

    def _read_done(self, question: Question) -> None:
        """A read sees all that was committed when it reached the node, and a quorum vouches for that (§6.4)."""
        raft = question.host.raft
        configuration = self._oracle.views[raft.server_id].configurations[-1][1]
        followed_at = self._claims.followed_at
        vouching = [
            voter
            for voter in configuration.ids
            if voter == raft.server_id or followed_at.get((voter, raft.current_term), -1.0) >= question.asked_at
        ]
        if not configuration.has_quorum(vouching):
            raise Violation(
                "a read is confirmed by a quorum after it was asked",
                f"{raft.server_id} answers a read of {question.asked_at:.6f}, which only {vouching} of "
                f"{configuration.ids} have confirmed since (§6.4)",
            )
        applied = raft.last_applied
        if applied < question.committed_before:
            raise Violation(
                "a read sees all that was committed before it",
                f"{question.host.server_id} answers from index {applied}, "
                f"but {question.committed_before} was committed when it was asked (§6.4)",
            )

    def _change_done(self, question: Question) -> None:
        """A change of the membership is answered with OK once it is committed; others may have followed it since."""
        raft = question.host.raft
        known = self._oracle.views[raft.server_id].configurations
        committed = [(index, one) for index, one in known if index <= raft.commit_index]
        since = max(index for index, _ in committed if index <= question.committed_before)
        match question.request:
            case AddServer(new_server=server):
                done = any(server in one for index, one in committed if index >= since)
            case RemoveServer(old_server=server):
                done = any(server not in one for index, one in committed if index >= since)
            case _:
                return
        if not done:
            raise Violation(
                "a change is answered once it is committed",
                f"{raft.server_id} says OK to {question.request}, committed is {committed[-1]}",
            )

    def _check_refused(self) -> None:
        committed = self._oracle.invariants.committed
        if self._committed_checked < len(committed):
            for index in range(self._committed_checked + 1, len(committed) + 1):
                if self._refused:
                    self._never_committed((index, committed[index - 1].term))
            self._committed_checked = len(committed)

    def _never_committed(self, place: Place) -> None:
        """What was refused for good is not committed, then or ever."""
        index, term = place
        committed = self._oracle.invariants.committed
        if place in self._refused and index <= len(committed) and committed[index - 1].term == term:
            raise Violation(
                "what is refused never happens",
                f"{self._refused[place]} refused the entry {index} of term {term}, which is committed",
            )
