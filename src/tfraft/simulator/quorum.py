"""What a quorum is, reckoned apart from the core, whose own arithmetic must not be its own judge (ch. 4)."""

from collections.abc import Iterable

from tfraft.core.configuration import Configuration, ServerId


def is_quorum(configuration: Configuration, servers: Iterable[ServerId]) -> bool:
    """Whether `servers` are more than half of the voters; and of the old voters, while there are any (§4.3)."""
    named = set(servers)
    sets = [configuration.voters] + ([configuration.old_voters] if configuration.old_voters else [])
    return all(sum(voter in named for voter, _ in voters) * 2 > len(voters) for voters in sets)
