"""ClusterClient: sends each request to the leader, and follows the leadership when it passes on (§6.2).

A request goes to the server that is believed to lead. One that does not lead says who may; where nobody knows, the
servers are asked in turn, with growing pauses. Every write is sent in a session, so that it is executed once however
often it is sent (§6.3). What is sent again, and what is not:

    NOT_LEADER          it was not done there and never will be: sent again, whatever it is
    TIMEOUT             it may have been done: reads and writes are sent again, a change of the membership never
    SESSION_EXPIRED     a write is sent again in a new session, if no earlier try may have been done
    all else            the answer, unless it refuses what an earlier try may have done: then that is not known
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from tfraft.client.fate import (
    DEFINITE,
    NO_ANSWER,
    Fate,
    Result,
    answered_anywhere,
    as_one,
    is_harmless_twice,
    is_read,
    own_answers,
    result_of_read,
    result_or_raise,
)
from tfraft.client.prepare import prepare
from tfraft.client.search import Limit, Search
from tfraft.client.session import ClientSession
from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientBatch,
    ClientCall,
    ClientQuery,
    Consistency,
    NodeRequest,
    RegisterClient,
)
from tfraft.errors import SessionExpired, TfRaftError, Unavailable
from tfraft.ports import PeerConnection, PeerFactory

SHORTEST_ATTEMPT_S = 0.1
"""What may be sent again is given up at one server after half of the time that is left, but not below this."""


class ClusterClient:
    """A client of the servers in `members`, a mapping of id to address; any number of requests may be under way.

    `reachability` says in a few words who can be reached and who cannot, for the text of an error."""

    def __init__(
        self, connect: PeerFactory, members: Mapping[ServerId, str], reachability: Callable[[], str] | None = None
    ) -> None:
        self._connect = connect
        self._members = dict(members)
        self._reachability = reachability or (lambda: f"none of {' '.join(self._members)} said that it leads")
        self._leader: ServerId | None = None
        self._leader_address = ""
        self._peers: dict[ServerId, tuple[str, PeerConnection]] = {}
        self._retired: list[PeerConnection] = []
        self._session: ClientSession | None = None
        self._opening = asyncio.Lock()
        self._turn = 0
        self._closed = False

    def set_members(self, members: Mapping[ServerId, str]) -> None:
        """From now on these are the servers, each at its address."""
        self._members = dict(members)
        if self._leader not in self._members:
            self._leader = None

    def believe(self, leader: ServerId, address: str = "") -> None:
        """From now on ask this server first; its `address` is needed only if it is none of the members."""
        self._leader = leader
        self._leader_address = address

    def drop(self, server: ServerId) -> None:
        """Take note that this server has just ended: it leads no more, and is reached over a new connection if at all.

        The old one may not have noticed yet. What is sent over it then would be lost with an unknown outcome."""
        if self._leader == server:
            self._leader = None
        _, peer = self._peers.pop(server, ("", None))
        if peer is not None:
            self._retired.append(peer)

    async def execute(
        self,
        args: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        """Run one command of the store; its reply (RESP3 bytes, see `store.replies`). The last two are for reads.

        Raises `CommandError` for a command that is not well-formed, and what `apply` and `query` raise."""
        command = prepare(args)
        if command.writes:
            return await self.apply(command.encoded, timeout_s)
        return await self.query(command.encoded, timeout_s, consistency, max_staleness_s)

    async def apply(self, command: bytes, timeout_s: float = 10.0) -> bytes:
        """Replicate `command` and execute it exactly once; the answer of the state machine.

        Raises `Refused` or `Unavailable` if it was not executed and never will be, `OutcomeUnknown` if it may be."""
        return result_or_raise((await self.apply_all([command], timeout_s))[0])

    async def apply_all(self, commands: Sequence[bytes], timeout_s: float = 10.0) -> list[Result]:
        """Replicate `commands` in this order, each executed exactly once; what became of each.

        At most `MOST_UNANSWERED`."""
        limit = Limit(timeout_s)
        results: dict[int, Result] = {}
        remaining = list(range(len(commands)))
        while remaining:
            try:
                session = await self._open_session(limit, len(remaining))
            except TfRaftError as error:
                results |= dict.fromkeys(remaining, error)
                break
            with session.requests([commands[place] for place in remaining]) as requests:
                fates = await self._ask_all(requests, limit)
            expired = [fate.answer.status is AnswerStatus.SESSION_EXPIRED for fate in fates]
            if any(expired) and self._session is session:
                self._session = None
            results |= {place: fate.result_of_write() for place, fate in zip(remaining, fates, strict=True)}
            remaining = [place for place in remaining if isinstance(results[place], SessionExpired)]
        return [results[place] for place in range(len(commands))]

    async def query(
        self,
        query: bytes,
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        """Ask the state machine; the answer is linearizable (§6.4), unless `consistency` allows less.

        Raises `Refused` or `Unavailable`."""
        return result_or_raise((await self.query_all([query], timeout_s, consistency, max_staleness_s))[0])

    async def query_all(
        self,
        queries: Sequence[bytes],
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> list[Result]:
        """Ask the state machine all this at the same time, each as `query` does; what became of each."""
        requests = [ClientQuery(query, consistency, max_staleness_s) for query in queries]
        return [fate.result_of_read() for fate in await self._ask_all(requests, Limit(timeout_s))]

    async def ask(self, request: NodeRequest, timeout_s: float) -> Answer:
        """The leader's answer; where none came in time, NOT_LEADER if nothing was done, or else TIMEOUT.

        Whatever is not OK has a reason. If the task is cancelled, what was sent may still take effect."""
        return (await self._ask(request, Limit(timeout_s)))[0]

    async def _ask_all(self, requests: Sequence[ClientCall], limit: Limit) -> list[Fate]:
        """What became of `requests`, which are sent together; who has no answer yet is sent again, in this order."""
        fates = [Fate()] * len(requests)
        remaining = list(range(len(requests)))
        while remaining:
            together = tuple(requests[place] for place in remaining)
            asked = together[0] if len(together) == 1 else ClientBatch(together)
            answer, is_open = await self._ask(asked, limit)
            for place, own in zip(remaining, own_answers(asked, answer), strict=True):
                fates[place] = fates[place].then(own, is_open)
            if answer.status is not AnswerStatus.OK:
                break
            remaining = [place for place in remaining if fates[place].answer.status not in DEFINITE]
        return fates

    async def _ask(self, request: NodeRequest, limit: Limit) -> tuple[Answer, bool]:
        """The answer, and whether an earlier try of the same request may have been done."""
        may_repeat = is_harmless_twice(request)
        is_open = False
        search = Search()
        answer = NO_ANSWER
        preferred = self._preferred(request)
        while (left_s := limit.left_s) > 0 and not self._closed:
            server = search.next(preferred or self._leader, self._members)
            if server is None:
                await asyncio.sleep(min(search.pause_s(), left_s))
                continue
            # What may be sent to the next server need not wait for this one to the end.
            patience_s = left_s / 2 if may_repeat and left_s > 2 * SHORTEST_ATTEMPT_S else left_s
            answer = as_one(request, await self._peer(server).request(request, patience_s))
            preferred = None
            self._learn(server, answer, request)
            if answer.status in DEFINITE:
                return answer, is_open
            if answer.status is AnswerStatus.TIMEOUT and not is_read(request):
                is_open = True
                if not may_repeat:
                    break
        if is_open and not self._closed and (answer.reason or limit.left_s > 0):
            reason = answer.reason or "the leader was lost before it answered"
            return replace(answer, status=AnswerStatus.TIMEOUT, reason=reason), is_open
        status = AnswerStatus.TIMEOUT if is_open else answer.status
        return Answer(status, reason=self._silence(limit)), is_open

    def _silence(self, limit: Limit) -> str:
        """That there was no answer in time, and why that may be."""
        if self._closed:
            return "the client is closed"
        return f"no answer in {limit.timeout_s:g} s: {self._reachability()}"

    def _preferred(self, request: NodeRequest) -> ServerId | None:
        """Whom to ask first, if that need not be the leader: for reads that any server may answer, each in turn."""
        if not answered_anywhere(request) or not self._members:
            return None
        self._turn += 1
        return list(self._members)[self._turn % len(self._members)]

    async def _open_session(self, limit: Limit, count: int) -> ClientSession:
        """The session of this client; a new one where there is none, or no room for `count`. Raises as `query` does."""
        if self._session is not None and self._session.has_room(count):
            return self._session
        try:
            # One request opens it for all; nobody waits longer for that than for an answer.
            async with asyncio.timeout_at(limit.deadline), self._opening:
                if self._session is None or not self._session.has_room(count):
                    self._session = ClientSession(await self._register(limit))
                return self._session
        except TimeoutError:
            raise Unavailable(self._silence(limit)) from None

    async def _register(self, limit: Limit) -> int:
        """The number of a session that was opened for this client.

        A registration is as harmless as a read: that a session was opened which nobody uses changes nothing."""
        answer, _ = await self._ask(RegisterClient(), limit)
        return int(result_or_raise(result_of_read(answer)))

    async def close(self) -> None:
        """End all connections; requests under way end as not known, and further ones as `Unavailable`."""
        self._closed = True
        peers = [*self._retired, *(peer for _, peer in self._peers.values())]
        self._retired, self._peers = [], {}
        for peer in peers:
            await peer.close()

    def _learn(self, server: ServerId, answer: Answer, request: NodeRequest) -> None:
        """Learn from the answer of `server` who leads: itself, if it did what only a leader does, or whom it names."""
        hint = answer.leader_hint
        if hint != server and (hint in self._members or (hint and answer.leader_address)):
            self.believe(hint, answer.leader_address)
        elif answer.status is AnswerStatus.OK:
            if not answered_anywhere(request):
                self._leader = server
        elif answer.status is not AnswerStatus.REFUSED and self._leader == server:
            self._leader = None

    def _peer(self, server: ServerId) -> PeerConnection:
        """The way to a server; a new one when the server has moved."""
        address = self._members.get(server, self._leader_address)
        known_address, peer = self._peers.get(server, ("", None))
        if peer is None or known_address != address:
            if peer is not None:
                self._retired.append(peer)
            peer = self._connect(server, address)
            self._peers[server] = (address, peer)
        return peer
