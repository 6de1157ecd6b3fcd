"""Roster: the account that a cluster keeps of its nodes: which there are, what became of each, who leads."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from tfraft.clusters.cluster import Member, NodeState
from tfraft.clusters.leadership import Leadership
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError
from tfraft.node.status import Event, EventKind

logger = logging.getLogger(__name__)


class Roster:
    """The nodes by name. `leads` is set once a first leader was heard of.

    `on_leader` is told of each leader, and `on_gone` of each node that runs no more."""

    def __init__(self, on_leader: Callable[[ServerId], None], on_gone: Callable[[ServerId], None]) -> None:
        self.leads = asyncio.Event()
        self._members: dict[ServerId, Member] = {}
        self._on_leader = on_leader
        self._on_gone = on_gone
        self._leadership = Leadership()
        self._observers: list[Callable[[Event], None]] = []
        self._highest_number = 0

    # --- Who there is ---

    @property
    def members(self) -> tuple[Member, ...]:
        """All nodes, in the order of their numbers."""
        return tuple(self._members.values())

    @property
    def addresses(self) -> dict[ServerId, str]:
        """Where each node listens when it runs."""
        return {member.server_id: member.address for member in self.members}

    @property
    def running(self) -> list[ServerId]:
        """The nodes that run."""
        return [member.server_id for member in self.members if member.state is NodeState.RUNNING]

    @property
    def leader(self) -> tuple[ServerId, int] | None:
        """The leader and its term, as far as events have told."""
        return self._leadership.leader

    def __contains__(self, server_id: object) -> bool:
        return server_id in self._members

    def require(self, server_id: ServerId, *states: NodeState) -> Member:
        """The node of this name. Raises SettingError where there is none, or where it is in none of `states`."""
        member = self._members.get(server_id)
        if member is None:
            raise SettingError(f"there is no node {server_id}; the nodes are {' '.join(self._members)}")
        if states and member.state not in states:
            detail = f" ({member.detail})" if member.detail else ""
            wanted = " or ".join(state.value for state in states)
            raise SettingError(f"{server_id} is {member.state.value}{detail}, not {wanted}")
        return member

    def next_name(self, removed: Iterable[ServerId] = ()) -> ServerId:
        """A name that no node of this cluster has had; `removed` are those of earlier runs."""
        return f"n{1 + max([self._highest_number, *map(number_in, removed)])}"

    def absence(self) -> str:
        """Which nodes do not run, and what that means for the quorum; empty where all run.

        Every node counts as a voter here: who really votes is known to the leader alone."""
        absent = [member.server_id for member in self.members if member.state is not NodeState.RUNNING]
        if not absent:
            return ""
        total, majority = len(self._members), len(self._members) // 2 + 1
        left = total - len(absent)
        quorum = "still a quorum" if left >= majority else f"no quorum, which is {majority}"
        return f"{' '.join(absent)} not running, {left} of {total} left: {quorum}"

    # --- What becomes of them ---

    def enter(self, server_id: ServerId, address: str, redis: str = "") -> None:
        """There is a node of this name, which does not run yet."""
        self._members[server_id] = Member(server_id, address, NodeState.STOPPED, redis=redis)
        self._highest_number = max(self._highest_number, number_in(server_id))

    def set_state(self, server_id: ServerId, state: NodeState, detail: str = "") -> None:
        """The node is in this state from now on; that it does not run any more is told to all who observe."""
        was_running = self._members[server_id].state is NodeState.RUNNING
        self._members[server_id] = replace(self._members[server_id], state=state, detail=detail)
        if was_running and state is not NodeState.RUNNING:
            self._on_gone(server_id)
            text = f"{server_id} {state.value}{f': {detail}' if detail else ''}"
            self._publish(Event(time.time(), server_id, EventKind.STOPPED, self._leadership.term, text))

    def strike_out(self, server_id: ServerId) -> None:
        """There is no such node any more."""
        del self._members[server_id]

    # --- What they tell ---

    def observe(self, on_event: Callable[[Event], None]) -> None:
        """From now on hand every event to `on_event`."""
        self._observers.append(on_event)

    def on_event(self, event: Event) -> None:
        """Take in what a node tells of itself. That it stopped we say ourselves: its last words may not reach us."""
        if event.kind is EventKind.STOPPED or event.server_id not in self._members:
            return
        self._publish(event)
        if event.kind is EventKind.STORAGE_FAILED:
            self.set_state(event.server_id, NodeState.FAILED, event.text)

    def on_failure(self, server_id: ServerId, detail: str) -> None:
        """Take in that a node has ended though nobody wanted it to; one that was struck out meanwhile is no matter."""
        if server_id in self._members:
            self.set_state(server_id, NodeState.FAILED, detail)

    def _publish(self, event: Event) -> None:
        self._leadership.observe(event)
        if event.kind is EventKind.LEADER and self._leadership.leader == (event.server_id, event.term):
            self.leads.set()
            self._on_leader(event.server_id)
        for on_event in self._observers:
            try:
                on_event(event)
            except Exception:
                # Whoever looks on must not break the node that tells.
                logger.exception("an observer of the cluster failed")


def number_in(server_id: ServerId) -> int:
    """The number in a name that we would give; 0 for any other."""
    number = server_id.removeprefix("n")
    return int(number) if number.isdecimal() else 0
