"""What operators ask for, by chance, and whether it is done (ch. 4)."""

from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.requests import AddServer, ChangeServers, MembershipChange, RemoveServer, UpdateServer
from tfraft.simulator.chance import Draw, pick, sample


def is_done(request: MembershipChange, configuration: Configuration) -> bool:
    """Whether `configuration` has what was asked for."""
    match request:
        case AddServer(new_server=server, learner=True):
            return configuration.is_learner(server)
        case AddServer(new_server=server):
            return any(server == voter for voter, _ in configuration.voters)
        case RemoveServer(old_server=server):
            return server not in configuration.members
        case UpdateServer(server=server, address=address):
            return configuration.address_of(server) == address
        case ChangeServers(voters=voters):
            return not configuration.is_joint and configuration.voters == tuple(sorted(voters))
        case _:
            assert_never(request)


class Changes:
    """Draws the next change that makes sense for a configuration; `newcomer` gives a server that is in none."""

    def __init__(self, draw: Draw, fewest_voters: int, most_voters: int, newcomer: Callable[[], ServerId]) -> None:
        self._draw = draw
        self._fewest_voters = fewest_voters
        self._most_voters = most_voters
        self._newcomer = newcomer

    def next(self, configuration: Configuration, configuration_index: int, leader: ServerId) -> MembershipChange:
        """A change by chance; sometimes on the ground of this configuration alone, sometimes of an outdated one."""
        request = self._change(configuration, leader)
        ground = self._draw()
        if ground < 0.2:
            return replace(request, configuration_index=configuration_index)
        return replace(request, configuration_index=max(configuration_index - 1, 0)) if ground < 0.25 else request

    def _change(self, configuration: Configuration, leader: ServerId) -> MembershipChange:
        voters, learners = configuration.ids, [learner for learner, _ in configuration.learners]
        kind = self._draw()
        if kind < 0.08:
            member = pick(self._draw, configuration.members)
            return UpdateServer(member, f"{member}@{int(self._draw() * 1000)}")
        if kind < 0.13 and configuration.removed:
            # A mistake: the id is never given again.
            return AddServer(pick(self._draw, configuration.removed))
        if kind < 0.35:
            return self._several(configuration)
        if kind < 0.55 and learners:
            learner = pick(self._draw, learners)
            return RemoveServer(learner) if self._draw() < 0.3 else AddServer(learner)
        if len(voters) <= self._fewest_voters or (len(voters) < self._most_voters and self._draw() < 0.5):
            server = self._newcomer()
            return AddServer(server, server, learner=self._draw() < 0.4, force=self._draw() < 0.2)
        return RemoveServer(leader if self._draw() < 0.3 else pick(self._draw, voters), force=self._draw() < 0.2)

    def _several(self, configuration: Configuration) -> ChangeServers:
        """One to three of the voters give way to as many others, or fewer, or more."""
        voters = dict(configuration.voters)
        replaced = sample(self._draw, sorted(voters), 1 + int(self._draw() * 3))
        kept = {voter: address for voter, address in voters.items() if voter not in replaced}
        most = min(len(replaced) + 1, self._most_voters - len(kept))
        fewest = max(self._fewest_voters - len(kept), 1 if not kept else 0)
        wanted = fewest + int(self._draw() * (most - fewest + 1))
        newcomers: set[ServerId] = set()
        while len(newcomers) < wanted:
            newcomers.add(self._newcomer())
        return ChangeServers(tuple(sorted({**kept, **{server: server for server in newcomers}}.items())))
