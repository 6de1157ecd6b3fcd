"""ClusterClient: sends each request to the leader, and follows the leadership when it passes on (§6.2).

A request goes to the server that is believed to lead. One that does not lead says who may; where nobody knows, the
servers are asked in turn, with growing pauses. What is sent again, and what is not:

    NOT_LEADER   it was not done there and never will be: sent again, whatever it is
    TIMEOUT      it may have been done: a read is sent again, anything else never, its outcome stays open
    OK, REFUSED  the answer
"""

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace

from tfraft.core.messages import ServerId
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest, NodeRequest
from tfraft.errors import CommandError, OutcomeUnknown, Refused, Unavailable
from tfraft.ports import PeerConnection, PeerFactory
from tfraft.store import codec
from tfraft.store.commands import check_limits, resolve
from tfraft.store.replies import ErrorReply, parse

FIRST_PAUSE_S = 0.01
LONGEST_PAUSE_S = 0.1
"""Where no leader is known the next server is asked after a pause, which doubles from the first to the longest."""

SHORTEST_ATTEMPT_S = 0.1
"""A read is given up at one server, to be asked at another, after half of the time that is left, but not below this."""

DEFINITE = (AnswerStatus.OK, AnswerStatus.REFUSED)
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

    async def execute(self, args: Sequence[bytes], timeout_s: float = 10.0) -> bytes:
        """Run one command of the store; its reply (RESP3 bytes, see `store.replies`).

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
            return result_of_write(await self.ask(ClientRequest(encoded), timeout_s))
        return result_of_read(await self.ask(ClientQuery(encoded), timeout_s))

    async def apply(self, command: bytes, timeout_s: float = 10.0) -> bytes:
        """Replicate `command` and execute it once; the answer of the state machine.

        Raises `Refused` or `Unavailable` if it was not executed and never will be, `OutcomeUnknown` if it may be."""
        return result_of_write(await self.ask(ClientRequest(command), timeout_s))

    async def query(self, query: bytes, timeout_s: float = 10.0) -> bytes:
        """Ask the state machine; the answer is linearizable (§6.4). Raises `Refused` or `Unavailable`."""
        return result_of_read(await self.ask(ClientQuery(query), timeout_s))

    async def ask(self, request: NodeRequest, timeout_s: float) -> Answer:
        """The leader's answer; where none came in time, NOT_LEADER if nothing was done, or else TIMEOUT.

        Whatever is not OK has a reason. If the task is cancelled, what was sent may still take effect."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        only_reads = isinstance(request, ClientQuery)
        search = _Search()
        answer = NO_ANSWER
        while (left_s := deadline - loop.time()) > 0:
            server = search.next(self._leader, self._members)
            if server is None:
                await asyncio.sleep(min(search.pause_s(), left_s))
                continue
            # A read can be sent to the next server, so it need not wait for this one to the end.
            patience_s = left_s / 2 if only_reads and left_s > 2 * SHORTEST_ATTEMPT_S else left_s
            answer = await self._peer(server).request(request, patience_s)
            self._learn(server, answer)
            if answer.status in DEFINITE:
                return answer
            if answer.status is AnswerStatus.TIMEOUT and not only_reads:
                break
        if answer.status is AnswerStatus.TIMEOUT and (answer.reason or loop.time() < deadline):
            return replace(answer, reason=answer.reason or "the leader was lost before it answered")
        return Answer(answer.status, reason=f"no answer in {timeout_s:g} s: {self._reachability()}")

    async def close(self) -> None:
        """End all connections; requests under way end as not known."""
        peers = [*self._retired, *(peer for _, peer in self._peers.values())]
        self._retired, self._peers = [], {}
        for peer in peers:
            await peer.close()

    def _learn(self, server: ServerId, answer: Answer) -> None:
        """Learn from the answer of `server` who leads: itself, if it did what it was asked, or whom it names."""
        hint = answer.leader_hint
        if answer.status is AnswerStatus.OK:
            self._leader = server
        elif hint != server and (hint in self._members or (hint and answer.leader_address)):
            self.believe(hint, answer.leader_address)
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


def result_of_write(answer: Answer) -> bytes:
    """What the state machine answered. Raises `Refused` or `Unavailable` if nothing was done, else `OutcomeUnknown`."""
    if answer.status is AnswerStatus.TIMEOUT:
        raise OutcomeUnknown(answer.reason)
    return result_of_read(answer)


def result_of_read(answer: Answer) -> bytes:
    """What the state machine answered. Raises `Refused` or `Unavailable` if it did not."""
    if answer.status is AnswerStatus.OK:
        return answer.response
    raise Refused(answer.reason) if answer.status is AnswerStatus.REFUSED else Unavailable(answer.reason)


def command_error(reply: bytes) -> CommandError:
    """The error that an error reply of the store tells of."""
    error = parse(reply)
    assert isinstance(error, ErrorReply), "a command is refused with an error"
    return CommandError(f"{error.code} {error.message}")
