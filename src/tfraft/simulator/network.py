"""The simulated network: it loses, doubles, delays and reorders messages, and brings some back seconds later.

Each link, from one server to another, has its own chance. What goes out is shown to the oracle first.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from tfraft.core.configuration import ServerId
from tfraft.core.messages import AppendEntriesReply, InstallSnapshotReply, Message, Reply, RequestVoteReply
from tfraft.ports import OnReply
from tfraft.simulator.chance import Chance, Draw, about, between
from tfraft.simulator.loop import VirtualLoop
from tfraft.simulator.violation import Violation

ZOMBIE_S: Final = (0.3, 6.0)
"""A zombie, the late copy of a message, comes this much later: after elections and truncations."""


@dataclass(slots=True)
class Weather:
    """How the links behave now: probabilities for each message, and the time that it takes."""

    latency_s: float
    jitter_s: float
    loss: float = 0.0
    duplication: float = 0.0
    zombies: float = 0.0

    def clear_up(self) -> None:
        """Afterwards no message is lost, doubled or brought back."""
        self.loss = self.duplication = self.zombies = 0.0


CALL_TIMEOUT_S: Final = 1.0
"""How long a unary call waits for its answer."""


class Destination(Protocol):
    """Where messages arrive; `life` counts the starts of its node."""

    @property
    def life(self) -> int: ...

    @property
    def running(self) -> bool: ...

    def deliver(self, message: Message, on_reply: OnReply | None) -> None: ...


@dataclass(slots=True)
class Link:
    """The way from one server to another, with its faults; faults overlap, so blocks and delays add up."""

    lost: Draw
    jitter: Draw
    doubled: Draw
    copy_jitter: Draw
    returns: Draw
    return_time: Draw
    blocks: int = 0
    extra_delay_s: float = 0.0

    def block(self) -> None:
        """Afterwards nothing passes, until each block is gone."""
        self.blocks += 1

    def unblock(self) -> None:
        """Take one block away."""
        self.blocks -= 1

    def slow_down(self, seconds: float) -> None:
        """Afterwards everything takes this much longer, or less where it is negative."""
        self.extra_delay_s += seconds


class Network:
    """All links between the servers of one world."""

    def __init__(
        self,
        loop: VirtualLoop,
        chance: Chance,
        weather: Weather,
        servers: Mapping[ServerId, Destination],
        *,
        unary_calls: bool,
        recode: Callable[[Message], Message] | None,
        leaves: Callable[[ServerId, ServerId, Message], None],
    ) -> None:
        self.weather = weather
        self._loop = loop
        self._chance = chance
        self._servers = servers
        self._unary_calls = unary_calls
        self._recode = recode
        self._leaves = leaves
        self._links: dict[tuple[ServerId, ServerId], Link] = {}

    def link(self, source: ServerId, target: ServerId) -> Link:
        """The link from `source` to `target`."""
        link = self._links.get((source, target))
        if link is None:
            name = f"{source}>{target}"
            stream = self._chance.stream
            link = self._links[source, target] = Link(
                lost=stream("loss", name),
                jitter=stream("delay", name),
                doubled=stream("duplicate", name),
                copy_jitter=stream("delay of the duplicate", name),
                returns=stream("zombie", name),
                return_time=stream("delay of the zombie", name),
            )
        return link

    def heal(self) -> None:
        """Make all links whole. What is on its way still comes."""
        self.weather.clear_up()
        for link in self._links.values():
            link.blocks = 0
            link.extra_delay_s = 0.0

    def send(self, source: ServerId, target: ServerId, message: Message) -> None:
        """Take a message that leaves `source`; `target` is the address to which it goes.

        A request may be for a server that left the configuration while it waited for the disk, and go nowhere. An
        answer must find its way, whatever the configuration says of who asked."""
        if not target and isinstance(message, RequestVoteReply | AppendEntriesReply | InstallSnapshotReply):
            raise Violation("an answer has an address", f"{source} does not know where to send {message}")
        self._leaves(source, target, message)
        self._carry(source, target, message)

    def _carry(self, source: ServerId, target: ServerId, message: Message) -> None:
        """Decide what becomes of a message: none, one, two or three of it will arrive."""
        link = self.link(source, target)
        weather = self.weather
        # Drawn for every message, lost or not, so that the n-th message of a link has the n-th delay.
        travel_s = weather.latency_s + about(link.jitter, weather.jitter_s) + link.extra_delay_s
        is_lost = weather.loss and link.lost() < weather.loss
        if is_lost or link.blocks or target not in self._servers:
            return
        if self._recode is not None:
            message = self._through_the_codec(self._recode, message)
        call = (self._deliver, source, self._servers[source].life, target, message)
        self._loop.call_later(travel_s, *call)
        if weather.duplication and link.doubled() < weather.duplication:
            self._loop.call_later(travel_s + about(link.copy_jitter, weather.jitter_s), *call)
        if weather.zombies and link.returns() < weather.zombies:
            self._loop.call_later(between(link.return_time, *ZOMBIE_S), *call)

    @staticmethod
    def _through_the_codec(recode: Callable[[Message], Message], message: Message) -> Message:
        decoded = recode(message)
        if decoded != message:
            raise Violation("the wire format changes a message", f"{message} came out as {decoded}")
        return decoded

    def _deliver(self, source: ServerId, life: int, target: ServerId, message: Message) -> None:
        destination = self._servers[target]
        if destination.running and not self.link(source, target).blocks:
            destination.deliver(message, self._way_back(source, life, target) if self._unary_calls else None)

    def _way_back(self, source: ServerId, life: int, target: ServerId) -> OnReply:
        """How `target` answers one call of `source`: for a second, while the caller lives, and once."""
        called_at = self._loop.now
        answered = False

        def answer(reply: Reply) -> None:
            nonlocal answered
            if answered:
                raise Violation("a call has one answer", f"{target} answers {source} twice, now with {reply}")
            answered = True
            self._leaves(target, source, reply)
            if self._servers[source].life == life and self._loop.now - called_at < CALL_TIMEOUT_S:
                self._carry(target, source, reply)

        return answer
