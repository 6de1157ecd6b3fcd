"""Who calls whom: what every call of one node to another tells of itself, and what does not fit. No I/O here.

A call tells it as gRPC metadata. A client tells nothing: whoever it reaches sends it on to the leader.
"""

from collections.abc import Callable, Iterable
from typing import Final

from tfraft.adapters.network.wire import VERSION
from tfraft.core.configuration import EMPTY, Configuration, ServerId
from tfraft.record import record

_VERSION_KEY: Final = "tfraft-version"
_CLUSTER_KEY: Final = "tfraft-cluster-bin"
_CALLER_KEY: Final = "tfraft-caller-bin"
_CALLED_KEY: Final = "tfraft-called-bin"


@record
class Claim:
    """What one call tells: the version of the protocol, the cluster (empty if the caller knows of none yet), and the
    ids of who calls and who is meant."""

    cluster_id: str
    caller: ServerId
    called: ServerId
    version: str = str(VERSION)

    def as_metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        """The claim as the metadata of a call. A name that is no Unicode is made one, which then fits nobody."""
        return (
            (_VERSION_KEY, self.version),
            (_CLUSTER_KEY, self.cluster_id.encode(errors="backslashreplace")),
            (_CALLER_KEY, self.caller.encode(errors="backslashreplace")),
            (_CALLED_KEY, self.called.encode(errors="backslashreplace")),
        )

    @classmethod
    def in_metadata(cls, metadata: Iterable[tuple[str, str | bytes]]) -> "Claim | None":
        """The claim that a call makes; None for one that makes none, of a client."""
        told = {key: _as_text(value) for key, value in metadata if key.startswith("tfraft-")}
        if not told:
            return None
        return cls(*(told.get(key, "") for key in (_CLUSTER_KEY, _CALLER_KEY, _CALLED_KEY, _VERSION_KEY)))

    def objection(self, cluster_id: str, server_id: ServerId) -> str:
        """Why the call is not for the server `server_id` of `cluster_id`; empty where it is, or where we cannot know.

        A backup that was restored, or a machine that took over an address, must not be heard."""
        if self.version != str(VERSION):
            return f"version {VERSION} of the protocol is spoken here, not {self.version or 'an unknown one'}"
        if cluster_id and self.cluster_id and self.cluster_id != cluster_id:
            return f"this is a server of cluster {cluster_id}, not of {self.cluster_id}"
        if server_id and self.called and self.called != server_id:
            return f"{server_id} listens here, not {self.called}"
        return ""


@record
class Standing:
    """Whom a node takes for the leader, and the configuration that it has; empty where it knows of none."""

    leader_hint: ServerId = ""
    configuration: Configuration = EMPTY


@record
class Identification:
    """What a node tells to who asks it who it is. Empty is what it does not know (yet)."""

    cluster_id: str
    server_id: ServerId
    leader_hint: ServerId = ""
    leader_address: str = ""
    members: tuple[tuple[ServerId, str], ...] = ()
    version: int = VERSION


class Doorplate:
    """Who listens at one door: known from the beginning, save for the cluster and the standing of the node."""

    def __init__(self, cluster_id: str, server_id: ServerId) -> None:
        self.cluster_id = cluster_id
        self.server_id = server_id
        self.standing: Callable[[], Standing] = Standing

    def objection(self, claim: Claim | None) -> str:
        """Why a call with this claim is not heard here; empty where it is, as that of a client, who claims nothing."""
        return "" if claim is None else claim.objection(self.cluster_id, self.server_id)

    def identification(self) -> Identification:
        """What is told to who asks."""
        standing = self.standing()
        configuration, leader = standing.configuration, standing.leader_hint
        members = tuple((member, configuration.address_of(member)) for member in configuration.members)
        return Identification(self.cluster_id, self.server_id, leader, configuration.address_of(leader), members)


def _as_text(value: str | bytes) -> str:
    return value if isinstance(value, str) else value.decode(errors="backslashreplace")
