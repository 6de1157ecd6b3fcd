"""The operator: adds fresh servers and removes old ones, the leader among them, while everything else goes on."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tfraft.core.messages import ServerId
from tfraft.core.requests import AddServer, Answer, AnswerStatus, RemoveServer
from tfraft.simulator.chance import Chance, about, pick
from tfraft.simulator.desk import Desk
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.plan import Plan
from tfraft.simulator.rare import Counts, Rare

MOST_VOTERS: Final = 7
MOST_HOSTS: Final = 9
"""A server that was removed keeps running, as in life; so there may be more hosts than voters."""
SWITCHES_OFF: Final = 0.5
"""How likely the operator stops a server that was removed; the others go on and stand for election."""
HURRIES: Final = 0.2
"""How likely the operator asks for a change within milliseconds after a leader was elected."""
HURRY_S: Final = 0.004
ASKS_TWICE: Final = 0.5
"""How likely the operator asks for something else before the first change is done."""
TWICE_WITHIN_S: Final = 0.02
ASKS_AGAIN: Final = 0.3
"""How likely the operator asks for the same again, an election timeout later or so."""


class Operator:
    """Changes the membership of the cluster, through whichever node leads."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        plan: Plan,
        hosts: Mapping[ServerId, Host],
        desk: Desk,
        leader: Callable[[], Host | None],
        new_host: Callable[[], Host],
        rare: Counts,
    ) -> None:
        self._loop = loop
        self._when = chance.stream("operator", "when")
        self._what = chance.stream("operator", "what")
        self._hurry = chance.stream("operator", "hurry")
        self._twice = chance.stream("operator", "twice")
        self._again = chance.stream("operator", "again")
        self._switch = chance.stream("operator", "switch off")
        self._plan = plan
        self._hosts = hosts
        self._desk = desk
        self._leader = leader
        self._new_host = new_host
        self._rare = rare
        self._retired = False

    def begin(self) -> None:
        """Change the membership from now on, if the plan has it."""
        if self._plan.change_every_s is not None:
            self._loop.call_later(about(self._when, self._plan.change_every_s), self._change)

    def retire(self) -> None:
        """Change nothing more."""
        self._retired = True

    def leader_elected(self) -> None:
        """There is a new leader: it may be asked for a change before it has committed anything."""
        if self._plan.change_every_s is not None and self._hurry() < HURRIES:
            self._loop.call_later(self._hurry() * HURRY_S, self._change_now)

    def _change(self) -> None:
        self._change_now()
        if not self._retired:
            self.begin()

    def _change_now(self) -> None:
        leader = self._leader()
        if leader is not None and not self._retired:
            request = self._draw_request(leader)
            self._ask(request)
            if self._twice() < ASKS_TWICE:
                self._loop.call_later(self._twice() * TWICE_WITHIN_S, self._ask, self._draw_request(leader))
            if self._again() < ASKS_AGAIN:
                self._loop.call_later(about(self._again, self._plan.config.election_timeout_s), self._ask, request)

    def _draw_request(self, leader: Host) -> AddServer | RemoveServer:
        voters = leader.raft.configuration.ids
        if len(voters) <= self._plan.fewest_voters or (len(voters) < MOST_VOTERS and self._what() < 0.5):
            server = self._newcomer(voters)
            self._hosts[server].start()
            return AddServer(server, server)
        return RemoveServer(leader.server_id if self._what() < 0.3 else pick(self._what, voters))

    def _ask(self, request: AddServer | RemoveServer) -> None:
        leader = self._leader()
        if leader is not None and not self._retired:
            self._desk.ask(leader, request, partial(self._answered, request))

    def _newcomer(self, voters: tuple[ServerId, ...]) -> ServerId:
        """A fresh server, or one that was a member before and still has its disk."""
        former = [name for name in self._hosts if name not in voters]
        if former and (len(self._hosts) >= MOST_HOSTS or self._what() < 0.5):
            return pick(self._what, former)
        return self._new_host().server_id

    def _answered(self, request: AddServer | RemoveServer, answer: Answer) -> None:
        done = answer.status is AnswerStatus.OK
        self._rare[Rare.CHANGE_REFUSED] += answer.status is AnswerStatus.REFUSED
        match request:
            case AddServer():
                self._rare[Rare.SERVER_ADDED] += done
            case RemoveServer(old_server=server):
                self._rare[Rare.SERVER_REMOVED] += done
                if done and self._switch() < SWITCHES_OFF:
                    self._loop.call_later(self._switch(), self._hosts[server].stop)
