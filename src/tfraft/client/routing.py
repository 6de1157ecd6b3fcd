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
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from tfraft.client.session import ClientSession
from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientQuery,
    ClientRequest,
    Consistency,
    NodeRequest,
    RegisterClient,
)
from tfraft.errors import CommandError, OutcomeUnknown, Overloaded, Refused, SessionExpired, Unavailable
from tfraft.ports import PeerConnection, PeerFactory
from tfraft.store import codec
from tfraft.store.commands import check_limits, resolve
from tfraft.store.replies import ErrorReply, parse

FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.1
"""Where no leader is known the next server is asked after a pause, which doubles from the first to the longest."""

SHORTEST_ATTEMPT_S = 0.1
"""What may be sent again is given up at one server after half of the time that is left, but not below this."""

REFUSALS = (AnswerStatus.REFUSED, AnswerStatus.SESSION_EXPIRED, AnswerStatus.OVERLOADED)
DEFINITE = (AnswerStatus.OK, *REFUSALS)
NO_ANSWER = Answer(AnswerStatus.NOT_LEADER)


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
        words = list(args)
        if not words:
            raise CommandError("a command needs a name")
        check_limits(words)
        command = resolve(words)
        if isinstance(command, bytes):
            raise command_error(command)
        encoded = codec.encode(words)
        if command.writes:
            return await self.apply(encoded, timeout_s)
        return await self.query(encoded, timeout_s, consistency, max_staleness_s)

    async def apply(self, command: bytes, timeout_s: float = 10.0) -> bytes:
        """Replicate `command` and execute it exactly once; the answer of the state machine.

        Raises `Refused` or `Unavailable` if it was not executed and never will be, `OutcomeUnknown` if it may be."""
        limit = _Limit(timeout_s)
        while True:
            session = await self._open_session(limit)
            with session.request(command) as request:
                answer, is_open = await self._ask(request, limit)
            if answer.status is AnswerStatus.SESSION_EXPIRED and self._session is session:
                self._session = None
            if is_open and answer.status in REFUSALS:
                raise OutcomeUnknown(f"an earlier try may have been executed, but {answer.reason}")
            if answer.status is not AnswerStatus.SESSION_EXPIRED:
                return result_of_write(answer)

    async def query(
        self,
        query: bytes,
        timeout_s: float = 10.0,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> bytes:
        """Ask the state machine; the answer is linearizable (§6.4), unless `consistency` allows less.

        Raises `Refused` or `Unavailable`."""
        return result_of_read(await self.ask(ClientQuery(query, consistency, max_staleness_s), timeout_s))

    async def ask(self, request: NodeRequest, timeout_s: float) -> Answer:
        """The leader's answer; where none came in time, NOT_LEADER if nothing was done, or else TIMEOUT.

        Whatever is not OK has a reason. If the task is cancelled, what was sent may still take effect."""
        return (await self._ask(request, _Limit(timeout_s)))[0]

    async def _ask(self, request: NodeRequest, limit: "_Limit") -> tuple[Answer, bool]:
        """The answer, and whether an earlier try of the same request may have been done."""
        may_repeat = isinstance(request, ClientQuery | RegisterClient) or (
            isinstance(request, ClientRequest) and request.client_id > 0
        )
        is_open = False
        search = _Search()
        answer = NO_ANSWER
        preferred = self._preferred(request)
        while (left_s := limit.left_s) > 0:
            server = search.next(preferred or self._leader, self._members)
            if server is None:
                await asyncio.sleep(min(search.pause_s(), left_s))
                continue
            # What may be sent to the next server need not wait for this one to the end.
            patience_s = left_s / 2 if may_repeat and left_s > 2 * SHORTEST_ATTEMPT_S else left_s
            answer = await self._peer(server).request(request, patience_s)
            preferred = None
            self._learn(server, answer, request)
            if answer.status in DEFINITE:
                return answer, is_open
            if answer.status is AnswerStatus.TIMEOUT and not isinstance(request, ClientQuery):
                is_open = True
                if not may_repeat:
                    break
        if is_open and (answer.reason or limit.left_s > 0):
            reason = answer.reason or "the leader was lost before it answered"
            return replace(answer, status=AnswerStatus.TIMEOUT, reason=reason), is_open
        status = AnswerStatus.TIMEOUT if is_open else answer.status
        return Answer(status, reason=self._silence(limit)), is_open

    def _silence(self, limit: "_Limit") -> str:
        """That there was no answer in time, and why that may be."""
        return f"no answer in {limit.timeout_s:g} s: {self._reachability()}"

    def _preferred(self, request: NodeRequest) -> ServerId | None:
        """Whom to ask first, if that need not be the leader: for reads that any server may answer, each in turn."""
        if not answered_anywhere(request) or not self._members:
            return None
        self._turn += 1
        return list(self._members)[self._turn % len(self._members)]

    async def _open_session(self, limit: "_Limit") -> ClientSession:
        """The session of this client; a new one where there is none, or no room in it. Raises as `query` does."""
        if self._session is not None and not self._session.is_full:
            return self._session
        try:
            # One request opens it for all; nobody waits longer for that than for an answer.
            async with asyncio.timeout_at(limit.deadline), self._opening:
                if self._session is None or self._session.is_full:
                    self._session = ClientSession(await self._register(limit))
                return self._session
        except TimeoutError:
            raise Unavailable(self._silence(limit)) from None

    async def _register(self, limit: "_Limit") -> int:
        """The number of a session that was opened for this client.

        A registration is as harmless as a read: that a session was opened which nobody uses changes nothing."""
        answer, _ = await self._ask(RegisterClient(), limit)
        return int(result_of_read(answer))

    async def close(self) -> None:
        """End all connections; requests under way end as not known."""
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


class _Limit:
    """When a request that may take `timeout_s` is to be answered at the latest."""

    __slots__ = ("deadline", "timeout_s")

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self.deadline = asyncio.get_running_loop().time() + timeout_s

    @property
    def left_s(self) -> float:
        """How long it is until then; not above 0 when it is over."""
        return self.deadline - asyncio.get_running_loop().time()


class _Search:
    """Whom one request has asked: each server once at first, then one at each pause, and who is said to lead."""

    __slots__ = ("_asked", "_pause_s", "_since_pause")

    def __init__(self) -> None:
        self._asked: dict[ServerId, None] = {}
        self._since_pause: set[ServerId] = set()
        self._pause_s = FIRST_PAUSE_S

    def next(self, leader: ServerId | None, members: Collection[ServerId]) -> ServerId | None:
        """Whom to ask now; None if it is time for a pause."""
        server = leader
        if server is None or server in self._since_pause:
            server = next((member for member in members if member not in self._asked), None)
        if server is None and not self._since_pause:
            server = next((member for member in self._asked if member in members), None)
        if server is not None:
            # Asked again, it goes to the end of the row.
            self._asked.pop(server, None)
            self._asked[server] = None
            self._since_pause.add(server)
        return server

    def pause_s(self) -> float:
        """How long to wait now; after that the servers may be asked again."""
        pause_s = self._pause_s
        self._pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
        self._since_pause.clear()
        return pause_s


def answered_anywhere(request: NodeRequest) -> bool:
    """Whether a server need not lead to answer this."""
    return isinstance(request, ClientQuery) and request.consistency in (Consistency.FOLLOWER, Consistency.STALE)


def result_of_write(answer: Answer) -> bytes:
    """What the state machine answered. Raises `Refused` or `Unavailable` if nothing was done, else `OutcomeUnknown`."""
    if answer.status is AnswerStatus.TIMEOUT:
        raise OutcomeUnknown(answer.reason)
    return result_of_read(answer)


def result_of_read(answer: Answer) -> bytes:
    """What the state machine answered. Raises `Refused` or `Unavailable` if it did not."""
    match answer.status:
        case AnswerStatus.OK:
            return answer.response
        case AnswerStatus.REFUSED:
            raise Refused(answer.reason)
        case AnswerStatus.SESSION_EXPIRED:
            raise SessionExpired(answer.reason)
        case AnswerStatus.OVERLOADED:
            raise Overloaded(answer.reason)
        case _:
            raise Unavailable(answer.reason)


def command_error(reply: bytes) -> CommandError:
    """The error that an error reply of the store tells of."""
    error = parse(reply)
    assert isinstance(error, ErrorReply), "a command is refused with an error"
    return CommandError(f"{error.code} {error.message}")
