"""Canaries of snapshots and compaction (ch. 5)."""

from tests.simulator.canary import CANARIES, canary
from tfraft.core import raft as raft_module
from tfraft.core import snapshot as chapter
from tfraft.core.base import Base, Snapshot
from tfraft.core.effects import Piece, Saved
from tfraft.core.messages import InstallSnapshot
from tfraft.core.raft import Raft
from tfraft.core.roles import hear_leader
from tfraft.core.state import RaftState, Receiving
from tfraft.node.compaction import Compaction
from tfraft.node.snapshots import OwnSnapshots
from tfraft.simulator.snapshots import SimulatedSnapshots


@canary(RaftState, "base_at")
def a_snapshot_has_a_configuration_that_is_not_committed(self: RaftState, index: int) -> Base:
    """The one in force, not the one that belongs to the index (canonical/raft 250)."""
    return Base(index, self.log.term_at(index), self.configuration, self.configuration_index)


@canary(RaftState, "base_at")
def a_snapshot_has_the_first_configuration(self: RaftState, index: int) -> Base:
    """Changes since are lost with the entries (swarmkit 238)."""
    configuration_index, configuration = self.configurations[0]
    return Base(index, self.log.term_at(index), configuration, configuration_index)


@canary(chapter, "on_snapshot_received")
def a_snapshot_goes_backwards(raft: RaftState, snapshot: Snapshot) -> None:
    """What is committed already is replaced by what was committed earlier."""
    raft.snapshot = snapshot
    raft.receiving = None
    raft.replace_log(snapshot.base)
    raft.installed = snapshot


def take_though_more_is_committed(raft: RaftState, request: InstallSnapshot) -> None:
    if request.term < raft.current_term:
        return
    hear_leader(raft, request.term, request.leader_id)
    if request.offset == 0:
        raft.receiving = Receiving(request.snapshot)
    receiving = raft.receiving
    if receiving is not None and receiving.snapshot == request.snapshot and request.offset == receiving.offset:
        raft.pieces.append(Piece(request.snapshot, request.offset, request.data))
        receiving.offset += len(request.data)


CANARIES["a_snapshot_goes_backwards"].append((chapter, "on_install_snapshot", take_though_more_is_committed))


@canary(chapter, "on_snapshot_received")
def a_log_that_conflicts_with_the_snapshot_is_kept(raft: RaftState, snapshot: Snapshot) -> None:
    """Only its length is compared (hashicorp 697)."""
    base = snapshot.base
    raft.snapshot = snapshot
    chapter.forget_receiving(raft, base)
    if base.index > raft.commit_index:
        if base.index <= raft.log.last_index:
            raft.commit_through(base.index)
        else:
            raft.replace_log(base)
            raft.installed = snapshot
    if raft.leader_id is not None:
        raft.replies.append((raft.leader_id, chapter.agreement(raft, base)))


on_snapshot_received = chapter.on_snapshot_received


@canary(chapter, "on_snapshot_received")
def the_new_base_is_not_saved(raft: RaftState, snapshot: Snapshot) -> None:
    on_snapshot_received(raft, snapshot)
    raft.dirty_base = None


on_install_snapshot = chapter.on_install_snapshot


@canary(chapter, "on_install_snapshot")
def a_snapshot_is_acknowledged_before_it_is_whole(raft: RaftState, request: InstallSnapshot) -> None:
    on_install_snapshot(raft, request)
    if raft.receiving is not None:
        raft.replies.append((request.leader_id, chapter.agreement(raft, request.snapshot.base)))


@canary(chapter, "on_install_snapshot")
def pieces_are_taken_in_any_order(raft: RaftState, request: InstallSnapshot) -> None:
    if request.term < raft.current_term or request.snapshot.base.index <= raft.commit_index:
        on_install_snapshot(raft, request)
        return
    hear_leader(raft, request.term, request.leader_id)
    if raft.receiving is None or raft.receiving.snapshot != request.snapshot:
        if request.offset:
            return
        raft.receiving = Receiving(request.snapshot)
    raft.pieces.append(Piece(request.snapshot, request.offset, request.data))


@canary(chapter, "compact")
def the_log_is_compacted_to_what_is_durable(raft: RaftState, snapshot: Snapshot) -> Base | None:
    """Beyond the snapshot, and beyond what is applied."""
    raft.snapshot = snapshot
    base = raft.base_at(raft.durable_index)
    raft.log.compact(raft.durable_index)
    return base


@canary(chapter, "compact")
def the_log_is_compacted_to_what_is_applied(raft: RaftState, snapshot: Snapshot) -> Base | None:
    """More was applied while the snapshot was written."""
    raft.snapshot = snapshot
    index = min(raft.last_applied, raft.durable_index)
    return raft.compact_log(index) if index > raft.log.base_index else None


@canary(raft_module, "recover")
def a_log_that_does_not_reach_the_snapshot_is_kept(saved: Saved, latest: Snapshot | None) -> tuple[Saved, Base | None]:
    """A crash came before the save that follows a snapshot (etcd 22443)."""
    return saved, None


@canary(Compaction, "_install")
def the_state_machine_is_not_replaced(self: Compaction, snapshot: Snapshot) -> None:
    """Log and commit index go on, the state stays behind."""


@canary(SimulatedSnapshots, "load")
def the_disk_loses_its_snapshot(self: SimulatedSnapshots) -> Snapshot | None:
    return None


snapshot_taken = Raft.snapshot_taken


@canary(Raft, "snapshot_taken")
def a_snapshot_is_never_taken_note_of(self: Raft, taken: Snapshot) -> Base | None:
    """The log is compacted, and who needs what was before gets nothing."""
    before = self.state.snapshot
    base = snapshot_taken(self, taken)
    self.state.snapshot = before
    return base


@canary(OwnSnapshots, "take")
def a_new_server_takes_a_snapshot_before_it_knows_its_cluster(self: OwnSnapshots) -> None:
    """The configuration of the founders, which is in no entry, is missing from it (ours; seed 172)."""
    raft = self._raft.state
    if self._writer is None and raft.last_applied:
        self._entries = self._bytes = 0
        self._writer = self._store.create(raft.base_at(raft.last_applied))
        self._pieces = self._begin()
        self._write_next(self._writer)
