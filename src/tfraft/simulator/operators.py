"""The operators: one changes the membership, the other wants another leader; both at any moment."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ChangeServers,
    MembershipChange,
    RemoveServer,
    TransferLeadership,
    UpdateServer,
)
from tfraft.simulator.chance import Chance, Draw, about, pick
from tfraft.simulator.changes import Changes
from tfraft.simulator.desk import Desk
from tfraft.simulator.host import Host
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.plan import Plan
from tfraft.simulator.rare import Counts, Rare

MOST_VOTERS: Final = 7
MOST_HOSTS: Final = 40
"""An id is never given again, so that there are many more servers in a run than at any moment."""
SWITCHES_OFF: Final = 0.3
"""How likely the operator stops a server that was removed at once; the others must stop by themselves."""
HURRIES: Final = 0.2
"""How likely an operator asks for something within milliseconds after a leader was elected."""
HURRY_S: Final = 0.004
ASKS_TWICE: Final = 0.5
"""How likely the operator asks for something else before the first change is done."""
TWICE_WITHIN_S: Final = 0.02
ASKS_AGAIN: Final = 0.3
"""How likely the operator asks for the same again, an election timeout later or so."""


class Asker(ABC):
    """Asks the leader for something again and again: by time, and sometimes as soon as there is a new leader."""

    def __init__(
        self,
        loop: VirtualLoop,
        every_s: float | None,
        when: Draw,
        hurry: Draw,
        desk: Desk,
        leader: Callable[[], Host | None],
    ) -> None:
        self._loop = loop
        self._every_s = every_s
        self._when = when
        self._hurry = hurry
        self._desk = desk
        self._leader = leader
        self._retired = False

    def begin(self) -> None:
        """Ask from now on, if the plan has it."""
        if self._every_s is not None:
            self._loop.call_later(about(self._when, self._every_s), self._ask_in_turn)

    def retire(self) -> None:
        """Ask nothing more."""
        self._retired = True

    def leader_elected(self) -> None:
        """There is a new leader: it may be asked before it has committed anything."""
        if self._every_s is not None and self._hurry() < HURRIES:
            self._loop.call_later(self._hurry() * HURRY_S, self._ask_now)

    def _ask_in_turn(self) -> None:
        self._ask_now()
        if not self._retired:
            self.begin()

    def _ask_now(self) -> None:
        leader = self._leader()
        if leader is not None and not self._retired:
            self._ask_of(leader)

    @abstractmethod
    def _ask_of(self, leader: Host) -> None:
        """Ask this leader for something."""


class Operator(Asker):
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
        when, hurry = chance.stream("operator", "when"), chance.stream("operator", "hurry")
        super().__init__(loop, plan.change_every_s, when, hurry, desk, leader)
        self._what = chance.stream("operator", "what")
        self._twice = chance.stream("operator", "twice")
        self._again = chance.stream("operator", "again")
        self._switch = chance.stream("operator", "switch off")
        self._plan = plan
        self._hosts = hosts
        self._new_host = new_host
        self._rare = rare
        self._changes = Changes(self._what, plan.fewest_voters, MOST_VOTERS, self._newcomer)

    def _ask_of(self, leader: Host) -> None:
        request = self._draw_request(leader)
        self._ask(request)
        if self._twice() < ASKS_TWICE:
            self._loop.call_later(self._twice() * TWICE_WITHIN_S, self._ask, self._draw_request(leader))
        if self._again() < ASKS_AGAIN:
            self._loop.call_later(about(self._again, self._plan.config.election_timeout_s), self._ask, request)

    def _draw_request(self, leader: Host) -> MembershipChange:
        raft = leader.raft
        return self._changes.next(raft.configuration, raft.configuration_index, leader.server_id)

    def _ask(self, request: MembershipChange) -> None:
        leader = self._leader()
        if leader is not None and not self._retired:
            self._desk.ask(leader, request, partial(self._answered, request))

    def _newcomer(self) -> ServerId:
        """A fresh server, or one that runs and that no leader has taken in yet."""
        free = [name for name, host in self._hosts.items() if host.running and self._is_free(name)]
        if free and (len(self._hosts) >= MOST_HOSTS or self._what() < 0.5):
            return pick(self._what, free)
        host = self._new_host()
        host.start()
        return host.server_id

    def _is_free(self, server: ServerId) -> bool:
        leader = self._leader()
        known = leader.raft.configuration if leader is not None else None
        return known is None or (server not in known.members and server not in known.removed)

    def _answered(self, request: MembershipChange, answer: Answer) -> None:
        done = answer.status is AnswerStatus.OK
        self._rare[Rare.CHANGE_REFUSED] += answer.status is AnswerStatus.REFUSED
        match request:
            case AddServer(learner=learner):
                self._rare[Rare.LEARNER_ADDED if learner else Rare.SERVER_ADDED] += done
            case RemoveServer(old_server=server):
                self._rare[Rare.SERVER_REMOVED] += done
                if done and self._switch() < SWITCHES_OFF:
                    self._loop.call_later(self._switch(), self._hosts[server].stop)
            case ChangeServers() | UpdateServer():
                pass


class Mover(Asker):
    """Asks the leader to let another server lead (§3.10)."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        plan: Plan,
        hosts: Mapping[ServerId, Host],
        desk: Desk,
        leader: Callable[[], Host | None],
    ) -> None:
        self._draw = chance.stream("mover")
        super().__init__(loop, plan.transfer_every_s, self._draw, chance.stream("mover", "hurry"), desk, leader)
        self._hosts = hosts

    def _ask_of(self, leader: Host) -> None:
        voters = leader.raft.configuration.ids
        target = "" if self._draw() < 0.3 or not voters else pick(self._draw, voters)
        if self._draw() < 0.05:
            target = pick(self._draw, list(self._hosts))
        self._desk.ask(leader, TransferLeadership(target), lambda answer: None)
