"""What a turn changed that is worth knowing: rare states to count, and moments at which a fault does the most harm."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tfraft.core.configuration import ServerId
from tfraft.core.state import RaftState, Role
from tfraft.simulator.host import Host
from tfraft.simulator.plan import Trigger
from tfraft.simulator.rare import Counts, Rare


@dataclass(slots=True)
class Seen:
    """A server after its last turn."""

    role: Role
    term: int
    last_index: int
    last_term: int
    configuration_index: int
    base_index: int
    received: int
    """How much of a snapshot has been written."""
    read_waits: bool
    transfers: bool
    repairing: bool
    save_started_at: float | None

    @classmethod
    def of(cls, raft: RaftState) -> "Seen":
        """This moment of `raft`."""
        return cls(
            raft.role,
            raft.current_term,
            raft.log.last_index,
            raft.log.last_term,
            raft.configuration_index,
            raft.log.base_index,
            raft.receiving.written if raft.receiving is not None else 0,
            bool(raft.reads_waiting) or raft.open_round is not None,
            raft.transfer is not None,
            raft.repairing,
            raft.save_started_at if raft.save_under_way is not None else None,
        )


class Turns:
    """Compares each server with what it was a turn before."""

    def __init__(self, hosts: Mapping[ServerId, Host], rare: Counts, strike: Callable[[Trigger, Host], None]) -> None:
        self._hosts = hosts
        self._rare = rare
        self._strike = strike
        self._seen: dict[ServerId, Seen] = {}

    def started(self, host: Host) -> None:
        """The node of `host` begins a life."""
        self._rare[Rare.RESTART_WITH_VOTE] += host.disk.voted_for is not None
        self._seen[host.server_id] = Seen.of(host.raft)

    def crashes(self, host: Host) -> None:
        """The node of `host` is about to be lost."""
        raft, rare = host.raft, self._rare
        if raft.role is Role.LEADER:
            rare[Rare.LEADER_DIES_IN_CHANGE] += raft.configuration_index > raft.commit_index
            rare[Rare.LEADER_DIES_IN_JOINT] += raft.configuration.is_joint
            rare[Rare.LEADER_DIES_IN_TRANSFER] += raft.transfer is not None
        save = raft.save_under_way
        rare[Rare.CRASH_IN_SAVE] += save is not None
        rare[Rare.CRASH_BEFORE_INSTALLED] += raft.dirty_base is not None or (save is not None and save.base is not None)
        rare[Rare.CRASH_BEFORE_TRIM] += host.about_to_trim
        rare[Rare.CRASH_IN_SNAPSHOT] += raft.receiving is not None
        rare[Rare.ALL_DOWN] += sum(one.running for one in self._hosts.values()) == 1

    def resumes(self, host: Host) -> None:
        """The node of `host` is about to go on after a pause."""
        if host.raft.role is Role.LEADER and any(
            other.running and other.raft.role is Role.LEADER and other.raft.current_term > host.raft.current_term
            for other in self._hosts.values()
        ):
            self._rare[Rare.PAUSED_LEADER_RETURNS] += 1

    def storage_failed(self, host: Host) -> None:
        """The node of `host` has stopped because its disk failed."""
        self._rare[Rare.DISK_FAILS_LEADER] += self._seen[host.server_id].role is Role.LEADER

    def snapshot_received(self, host: Host) -> None:
        """A snapshot is whole, and the node of `host` knows it."""
        self._rare[Rare.SNAPSHOT_RECEIVED] += 1
        self._rare[Rare.SNAPSHOT_KEEPS_LOG] += host.raft.installed is None
        self._rare[Rare.SNAPSHOT_INSTALLED] += host.raft.installed is not None

    def observe(self, host: Host) -> None:
        """Take note of what the last turn of `host` has changed."""
        raft = host.raft
        before = self._seen[host.server_id]
        if (raft.role, raft.current_term) != (before.role, before.term):
            self._role_changed(host, raft, before)
        was_cut = raft.log.last_index < before.last_index or raft.log.term_at(before.last_index) != before.last_term
        if was_cut and raft.log.base_index <= before.last_index:
            self._rare[Rare.TRUNCATION] += 1
            self._rare[Rare.CONFIGURATION_DROPPED] += raft.configuration_index < before.configuration_index
            self._strike(Trigger.TRUNCATED, host)
        if raft.configuration_index > before.configuration_index and raft.log.base_index == before.base_index:
            self._strike(Trigger.APPENDED_CONFIGURATION, host)
        if raft.transfer is not None and not before.transfers:
            self._strike(Trigger.TRANSFERS, host)
        self._rare[Rare.REPAIRED] += before.repairing and not raft.repairing
        self._rare[Rare.SNAPSHOT_BEGUN_ANEW] += raft.receiving is not None and raft.receiving.written < before.received
        self._rare[Rare.TRANSFER_GIVEN_UP] += before.transfers and raft.transfer is None and raft.role is Role.LEADER
        self._seen[host.server_id] = Seen.of(raft)

    def _role_changed(self, host: Host, raft: RaftState, before: Seen) -> None:
        rare = self._rare
        if raft.role is Role.LEADER:
            rare[Rare.NEW_LEADER_WITH_UNCOMMITTED] += before.last_index > raft.commit_index
            rare[Rare.TWO_LEADERS] += any(
                other.running and other.raft.role is Role.LEADER and other is not host for other in self._hosts.values()
            )
            self._strike(Trigger.BECAME_LEADER, host)
        rare[Rare.SPLIT_VOTE] += raft.role in (Role.CANDIDATE, Role.PRE_CANDIDATE) and before.role is Role.CANDIDATE
        if before.role is Role.LEADER:
            rare[Rare.READ_AT_STEP_DOWN] += before.read_waits
            rare[Rare.WRITE_AT_STEP_DOWN] += bool(raft.orphans)
            is_out = raft.server_id not in raft.configuration and raft.configuration_index <= raft.commit_index
            rare[Rare.LEADER_REMOVED_ITSELF] += is_out
            started_at = before.save_started_at
            hung = started_at is not None and started_at < raft.now - raft.config.election_timeout_s
            rare[Rare.DISK_HANGS_LEADER] += hung and raft.current_term == before.term
            self._strike(Trigger.STEPPED_DOWN, host)
