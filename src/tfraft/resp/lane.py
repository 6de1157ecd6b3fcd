"""Lane: takes requests of clients to whoever leads, this node or another, through changes of the leader.

While this node leads, a request is handed to it at once: a callback, no task. Otherwise what has gathered goes to the
leader as one batch, which is one task and one message there and back. Who gets NOT_LEADER was not done, and tries
again until its time is over; who gets TIMEOUT may have been done, and is sent again only if that cannot do it twice.

An ordered lane keeps its requests in order on all these ways: a request is handed to another server than the one
before it, or in another term, only after all before it have their answers. So one batch at a time is under way, and
meanwhile the next one gathers: the slower the way, the larger the batch.
"""

import asyncio
from collections import deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush
from itertools import count, repeat
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.requests import Answer, AnswerStatus, ClientBatch, ClientCall, ClientQuery, ClientRequest
from tfraft.core.state import Role
from tfraft.node.node import RaftNode
from tfraft.ports import OnAnswer
from tfraft.record import record
from tfraft.resp.call import Call, Where
from tfraft.resp.leaders import Leaders

PAUSE_S: Final = 0.01
"""After so long look again for a leader, and for requests whose time is over."""
BATCH_CALLS: Final = 1024
BATCH_BYTES: Final = 1024 * 1024
"""A batch has at most so many requests, and at most so many bytes of commands or else one request."""

# To get a member of an enum by its name takes Python 3.11 as long as a call, and these are needed for every request.
_HERE: Final = Where.HERE
_LEADER: Final = Role.LEADER


@record
class Patience:
    """How long a request waits until a leader is there that takes it, and then for its answer."""

    leader_wait_s: float
    answer_wait_s: float


class Lane:
    """Requests that are answered where the leader is, or, `stays`, by this node whether it leads or not.

    Without order up to `batches` batches are under way at a time; an `ordered` lane has one."""

    def __init__(
        self,
        node: RaftNode,
        leaders: Leaders,
        loop: asyncio.AbstractEventLoop,
        patience: Patience,
        *,
        ordered: bool = False,
        stays: bool = False,
        batches: int = 1,
    ) -> None:
        assert batches == 1 or not ordered, "batches that are under way together may overtake each other"
        self._node = node
        self._raft = node.raft.state
        self._leaders = leaders
        self._loop = loop
        self._patience = patience
        self._ordered = ordered
        self._stays = stays
        self._batches = batches
        self._numbers = count()
        self._waiting: list[tuple[int, Call]] = []  # A heap, by number.
        self._here: deque[Call] = deque()  # What this node was handed, oldest first; some of it may be answered.
        self._here_term = 0
        self._away: dict[asyncio.Task[None], list[Call]] = {}
        self._pump_due = False
        self._held = False
        """Whether a try has just failed, so that the next is made after the pause."""
        self._pausing: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None

    def request(self, request: ClientCall, on_answer: OnAnswer) -> None:
        """Have it done; `on_answer` gets its one answer."""
        if self._waiting and len(self._waiting) >= self._raft.config.max_waiting:
            on_answer(Answer(AnswerStatus.OVERLOADED, reason=f"{len(self._waiting)} requests wait for a leader"))
            return
        now = self._loop.time()
        call = Call(next(self._numbers), request, on_answer, now + self._patience.leader_wait_s, self._settle)
        if not self._waiting and self._may_stay():
            self._hand_in(call, now)
        else:
            heappush(self._waiting, (call.number, call))
            self._pump_soon()

    def close(self) -> list[asyncio.Task[None]]:
        """Give up all requests; the tasks that end now. Nothing may be asked for afterwards."""
        for timer in (self._pausing, self._sweeping):
            if timer is not None:
                timer.cancel()
        calls = [call for _, call in self._waiting]
        calls += [call for call in self._here if call.where is Where.HERE]
        # A batch stands among these for a turn after its calls were answered, or wait again.
        calls += [call for batch in self._away.values() for call in batch if call.where is Where.AWAY]
        self._waiting, self._here = [], deque()
        for call in calls:
            call.give_up()
        for task in self._away:
            task.cancel()
        return list(self._away)

    # --- To whom ---

    def _pump_soon(self) -> None:
        """Hand on what waits once all that arrives in this turn is there."""
        if not self._pump_due and not self._held:
            self._pump_due = True
            self._loop.call_soon(self._pump)

    def _pump(self) -> None:
        """Hand on what waits, as far as somebody takes it; look again later for the rest."""
        self._pump_due = False
        if self._may_stay():
            now = self._loop.time()
            while self._waiting and self._may_stay():
                self._hand_in(heappop(self._waiting)[1], now)
        elif self._waiting and self._may_send():
            leader = self._raft.leader_id
            if leader not in (None, self._node.server_id):
                self._send(leader, self._raft.address_of(leader))
        if self._waiting:
            self._pause()

    def _pause(self) -> None:
        if self._pausing is None:
            self._pausing = self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        self._pausing = None
        self._held = False
        now = self._loop.time()
        late = [call for _, call in self._waiting if call.deadline <= now]
        if late:
            self._waiting = [item for item in self._waiting if item[1].deadline > now]
            heapify(self._waiting)
        for call in late:
            call.give_up()
        self._pump()

    # --- To this node ---

    def _may_stay(self) -> bool:
        if self._stays:
            return True
        if self._raft.role is not _LEADER:
            return False
        return not self._ordered or (
            not self._away and (self._here_term == self._raft.current_term or not self._has_any_here())
        )

    def _has_any_here(self) -> bool:
        """Whether this node owes an answer to anything that it was handed."""
        here = self._here
        while here and here[0].where is not _HERE:
            here.popleft()
        return bool(here)

    def _hand_in(self, call: Call, now: float) -> None:
        here = self._here
        while here and here[0].where is not _HERE:  # As `_has_any_here`: those with answers are forgotten.
            here.popleft()
        here.append(call)
        self._here_term = self._raft.current_term
        call.where = _HERE
        call.ends_at = now + self._patience.answer_wait_s
        if self._sweeping is None:
            self._sweeping = self._loop.call_at(call.ends_at, self._sweep)
        self._node.request(call.request, call)

    def _sweep(self) -> None:
        """Give up what this node has had for too long: it may have lost the others, and never learns the end."""
        self._sweeping = None
        now = self._loop.time()
        while self._has_any_here() and self._here[0].ends_at <= now:
            self._here.popleft().give_up()
        if self._here:
            self._sweeping = self._loop.call_at(self._here[0].ends_at, self._sweep)

    # --- To another server ---

    def _may_send(self) -> bool:
        if self._ordered and self._has_any_here():
            return False
        return len(self._away) < self._batches

    def _send(self, leader: ServerId, address: str) -> None:
        calls: list[Call] = []
        size = 0
        while self._waiting and len(calls) < BATCH_CALLS:
            size += size_of(self._waiting[0][1].request)
            if calls and size > BATCH_BYTES:
                break
            calls.append(heappop(self._waiting)[1])
        for call in calls:
            call.where = Where.AWAY
        task = self._loop.create_task(self._forward(calls, leader, address), name=f"a batch for {leader}")
        self._away[task] = calls
        task.add_done_callback(self._came_back)

    async def _forward(self, calls: list[Call], leader: ServerId, address: str) -> None:
        # Over gRPC a request by itself takes 0.2 ms less than one in a batch.
        alone = len(calls) == 1
        request = calls[0].request if alone else ClientBatch(tuple(call.request for call in calls))
        answer = await self._leaders.reach(leader, address).request(request, self._patience.answer_wait_s)
        answers: Iterable[Answer] = answer.answers
        if alone or answer.status is not AnswerStatus.OK:
            answers = repeat(answer)
        elif len(answer.answers) != len(calls):
            answers = repeat(Answer(AnswerStatus.TIMEOUT, reason=f"{leader} gave no answer to some of a batch"))
        for call, one in zip(calls, answers, strict=False):
            self._settle(call, one)

    def _came_back(self, task: "asyncio.Task[None]") -> None:
        del self._away[task]
        if not task.cancelled():
            task.result()
            self._pump_soon()

    # --- The answer ---

    def _settle(self, call: Call, answer: Answer) -> None:
        """End the call with its answer, or try again."""
        match answer.status:
            case AnswerStatus.NOT_LEADER:
                self._try_again(call, answer)
            case AnswerStatus.TIMEOUT if call.may_repeat:
                if not call.is_open:  # The time in which a leader is to be found begins anew, once.
                    call.is_open = True
                    call.deadline = self._loop.time() + self._patience.leader_wait_s
                self._try_again(call, answer)
            case _:
                call.end(answer)

    def _try_again(self, call: Call, answer: Answer) -> None:
        call.reason = answer.reason
        call.where = Where.WAITING
        heappush(self._waiting, (call.number, call))
        self._held = True
        self._pause()


def size_of(request: ClientCall) -> int:
    """The bytes in it that may be many."""
    match request:
        case ClientRequest(command):
            return len(command)
        case ClientQuery(query):
            return len(query)
        case _:
            return 0
