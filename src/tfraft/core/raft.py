"""Raft: the inputs, the rules that hold once per turn, and the turn's effects.

Feed it: every method but `take_effects` changes state and returns at once.
Drain it: `take_effects` gives everything outstanding, once per turn. While a save is under way, what depends on the
disk gathers inside, and all else goes on: the slower the disk, the larger the next batch.
"""

from itertools import repeat
from random import Random
from typing import Final, assert_never

from tfraft.core import election, membership, reads, repair, replication, snapshot, transfer
from tfraft.core.base import Base, Snapshot
from tfraft.core.config import MAX_ENTRY_BYTES, RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Committed, ConfirmedReads, Effects, Save, Saved, Settled, Token
from tfraft.core.entry import EntryKind
from tfraft.core.log import Log
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.requests import AnswerStatus, Consistency, MembershipChange, TransferLeadership
from tfraft.core.roles import become_follower
from tfraft.core.state import RaftState, Role, configurations_in

_LEADER: Final = Role.LEADER
"""To get a member of an enum by its name takes Python 3.11 as long as a call: too long for every proposal."""
NUMBER_BITS = 62
"""Numbers on the wire have 63; so many are never used up."""


class Raft:
    """One server of Figure 3.1. `rng` is its only chance, `now` (seconds, never falling) its only clock.

    It begins with what its disk holds: `saved`, and the `latest` snapshot, which the state machine must hold too.
    A `token` is whatever the caller wants back with the outcome. Each is given back exactly once: in
    `Effects.committed` when its entry is committed, in `Effects.reads`, or in `Effects.settled`; unless the server
    stops, or a proposal's entry is never decided while it runs."""

    def __init__(
        self,
        config: RaftConfig,
        server_id: ServerId,
        rng: Random,
        now: float,
        saved: Saved,
        latest: Snapshot | None = None,
    ) -> None:
        found, new_base = recover(saved, latest)
        base = found.base
        self.state = RaftState(
            config=config,
            server_id=server_id,
            rng=rng,
            now=now,
            current_term=found.current_term,
            voted_for=found.voted_for,
            log=Log(found.entries, base.index, base.term),
            configurations=[
                (base.configuration_index, base.configuration),
                *configurations_in(found.entries, base.index + 1),
            ],
            saved_term=saved.current_term,
            saved_vote=saved.voted_for,
            durable_index=base.index + len(found.entries),
            snapshot=latest,
            # Our questions of before a restart had other numbers: a late answer to one of them answers none of ours.
            reads_asked=rng.getrandbits(NUMBER_BITS),
            dirty_base=new_base,
            incarnation=saved.incarnation,
            repairing=saved.repairing,
        )
        if latest is not None:
            self.state.commit_index = self.state.last_applied = latest.base.index
        if config.lease_reads:
            # We may have answered a leader just before we stopped: its lease counts on us for as long (§6.4.1).
            self.state.leader_heard_at = now
        self.state.reset_election_timer()

    # --- Inputs ---

    @property
    def deadline(self) -> float:
        """When `tick` is next wanted. A level, not an edge: ask again after each turn."""
        raft = self.state
        deadline = raft.heartbeat_deadline if raft.role is _LEADER else raft.election_deadline
        if raft.transfer is not None:
            deadline = min(deadline, raft.transfer.deadline)
        if raft.asked_read is not None:
            deadline = min(deadline, raft.asked_read.asked_at + raft.config.heartbeat_interval_s)
        return deadline

    def tick(self, now: float) -> None:
        """Let time pass. Feed the mail that has arrived first: a heartbeat may be in it (§3.4)."""
        raft = self.state
        raft.now = now
        # Looked at in every tick, due or not: rounds of reads put the heartbeat off again and again.
        if raft.role is _LEADER and replication.steps_down_without_quorum(raft):
            become_follower(raft, raft.current_term)
        if raft.transfer is not None and now >= raft.transfer.deadline:
            transfer.give_up_transfer(raft)
        if raft.role is _LEADER and now >= raft.heartbeat_deadline:
            replication.on_heartbeat_timeout(raft)
        elif raft.role is not _LEADER and now >= raft.election_deadline:
            election.on_election_timeout(raft)

    def receive(self, message: Message, now: float) -> None:
        """Take a message from another server, in whatever order it comes and however often."""
        raft = self.state
        raft.now = now
        match message:
            case AppendEntries():
                replication.on_append_entries(raft, message)
            case AppendEntriesReply():
                replication.on_append_entries_reply(raft, message)
            case RequestVote():
                election.on_request_vote(raft, message)
            case RequestVoteReply():
                election.on_request_vote_reply(raft, message)
            case PreVote():
                election.on_pre_vote(raft, message)
            case PreVoteReply():
                election.on_pre_vote_reply(raft, message)
            case InstallSnapshot():
                snapshot.on_install_snapshot(raft, message)
            case InstallSnapshotReply():
                snapshot.on_install_snapshot_reply(raft, message)
            case TimeoutNow():
                transfer.on_timeout_now(raft, message)
            case ReadIndex():
                reads.on_read_index(raft, message)
            case ReadIndexReply():
                reads.on_read_index_reply(raft, message)
            case _:
                assert_never(message)

    def propose(self, data: bytes, token: Token, kind: EntryKind = EntryKind.COMMAND) -> None:
        """Append an entry to the log, if this server leads and can take it; anybody else is told NOT_LEADER.

        While leadership is on its way to another server, or this one on its way out of the cluster, it waits: the
        next leader may do it, and would not know that we had begun (§3.10)."""
        raft = self.state
        if raft.role is not _LEADER:
            raft.settle(token, AnswerStatus.NOT_LEADER)
        elif len(data) > MAX_ENTRY_BYTES:
            limit = f"the limit is {MAX_ENTRY_BYTES} bytes"
            raft.settle(token, AnswerStatus.REFUSED, f"the command has {len(data)} bytes, {limit}")
        elif reason := replication.overload(raft):
            raft.settle(token, AnswerStatus.OVERLOADED, reason)
        elif raft.transfer is not None or raft.server_id not in raft.configuration:
            raft.delayed_proposals.append((kind, data, token))
        else:
            raft.proposals[raft.append_entry(kind, data)] = token

    def query(
        self,
        token: Token,
        now: float,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> None:
        """Ask for a read (§6.4). A lease, and the age of a state, are judged by `now`."""
        reads.query(self.state, token, now, consistency, max_staleness_s)

    def change_membership(self, request: MembershipChange, token: Token) -> None:
        """Ask for a server to join, to leave or to move, or for other voters (ch. 4)."""
        membership.change_membership(self.state, request, token)

    def transfer_leadership(self, request: TransferLeadership, token: Token) -> None:
        """Ask for another server to lead (§3.10)."""
        transfer.transfer_leadership(self.state, request, token)

    def snapshot_taken(self, taken: Snapshot) -> Base | None:
        """Our own snapshot is the latest on disk; the base that the log on disk may now begin after, if it is new."""
        return snapshot.compact(self.state, taken)

    def piece_written(self, of: Snapshot, written: int) -> None:
        """The first `written` bytes of a snapshot that was sent to us are in a file."""
        snapshot.on_piece_written(self.state, of, written)

    def snapshot_received(self, received: Snapshot) -> None:
        """A snapshot that was sent to us is the latest on disk, whole and checked."""
        snapshot.on_snapshot_received(self.state, received)

    def snapshot_refused(self, refused: Snapshot) -> None:
        """What was sent to us is not the snapshot that was promised."""
        snapshot.on_snapshot_refused(self.state, refused)

    def saved(self, term: int, last_index: int) -> None:
        """The save that was handed out is durable; `term` and `last_index` are its own.

        Entries that were overwritten while it was under way do not count as durable (see `truncate_log`)."""
        raft = self.state
        save = raft.save_under_way
        assert save is not None, "saved() without a save under way"
        assert (save.current_term, save.last_index) == (term, last_index), "saved() for another save"
        raft.save_under_way = None
        raft.saved_term = save.current_term
        raft.saved_vote = save.voted_for
        raft.durable_index = max(raft.durable_index, raft.saving_through)
        election.on_own_vote_saved(raft)

    def halt(self) -> list[Settled]:
        """The server stops: everybody who still waits, with what can be said. Nothing may be fed afterwards.

        A proposal may yet be committed by others (TIMEOUT); a read or a change that is not in the log ends here."""
        raft = self.state
        if raft.role is _LEADER:
            become_follower(raft, raft.current_term)
        transfer.give_up_transfer(raft)
        reads.forget_reads(raft)
        for token in raft.orphans.values():
            raft.settle(token, AnswerStatus.TIMEOUT, "the node stopped before the entry was committed")
        raft.orphans.clear()
        return raft.settled

    # --- The turn ---

    def take_effects(self) -> Effects:
        """Apply the rules that follow from state alone, then give all that is outstanding, once."""
        raft = self.state
        if raft.role is _LEADER:
            replication.advance_commit_index(raft)
            repair.restore_votes(raft)
            membership.advance_membership(raft)
            if membership.is_removed(raft):
                transfer.resign(raft)
        if raft.role is _LEADER:
            transfer.yield_to_priority(raft)
            transfer.advance_transfer(raft)
            reads.advance_reads(raft)
            snapshot.send_snapshots(raft)
            replication.replicate(raft)
        else:
            reads.advance_asked_reads(raft)
        repaired = repair.end_repair(raft)
        idle = raft.save_under_way is None
        save = self._take_save() if idle else None
        effects = Effects(
            messages=raft.messages,
            save=save,
            replies=raft.replies if idle else [],
            repaired=repaired,
            pieces=raft.pieces,
            installed=raft.installed,
            committed=self._take_committed(),
            reads=self._take_reads(),
            settled=raft.settled,
        )
        raft.messages = []
        raft.replies = [] if idle else raft.replies
        raft.pieces = []
        raft.installed = None
        raft.settled = []
        return effects

    def _take_save(self) -> Save | None:
        """What the disk does not hold yet, if anything; from now on a save is under way."""
        raft = self.state
        is_saved = (raft.current_term, raft.voted_for) == (raft.saved_term, raft.saved_vote)
        if is_saved and not raft.dirty_from and raft.dirty_base is None:
            return None
        save = Save(raft.current_term, raft.voted_for, base=raft.dirty_base)
        raft.saving_through = raft.durable_index
        if raft.dirty_from:
            entries = raft.log.read(raft.dirty_from, raft.log.last_index)
            save = Save(raft.current_term, raft.voted_for, raft.dirty_from, entries, raft.dirty_base)
            raft.saving_through = raft.log.last_index
        raft.dirty_from = 0
        raft.dirty_base = None
        raft.save_under_way = save
        raft.save_started_at = raft.now
        return save

    def _take_committed(self) -> Committed | None:
        """The entries that are committed and not handed out yet, with whoever waits for them."""
        raft = self.state
        if raft.commit_index == raft.last_applied:
            return None
        first = raft.last_applied + 1
        committed = Committed(first, raft.log.read(first, raft.commit_index), [])
        raft.last_applied = raft.commit_index
        if raft.proposals:
            committed.tokens.extend(map(raft.proposals.pop, range(first, raft.commit_index + 1), repeat(None)))
        if raft.orphans:
            self._settle_orphans(committed)
        return committed

    def _take_reads(self) -> list[ConfirmedReads]:
        """The reads whose index is applied; on a server that does not lead, some may have to wait for theirs."""
        raft = self.state
        ready = [round for round in raft.confirmed if round.read_index <= raft.last_applied]
        if ready:
            raft.confirmed = [round for round in raft.confirmed if round.read_index > raft.last_applied]
        return [ConfirmedReads(round.read_index, round.tokens) for round in ready]

    def _settle_orphans(self, committed: Committed) -> None:
        """Decide the proposals of an older leadership of ours, as far as what is committed tells (§3.6.3).

        If the entry that is committed at their index is theirs they are done. If it is another leader's, theirs will
        never be committed anywhere; nor will it if it would have to follow a committed entry of a higher term, since
        every later leader has that one, and terms never fall along a log."""
        raft = self.state
        if not committed.tokens:
            committed.tokens.extend([None] * len(committed.entries))
        commit_term = raft.log.term_at(raft.commit_index)
        decided = [place for place in raft.orphans if place[0] <= raft.commit_index or place[1] < commit_term]
        for index, term in decided:
            token = raft.orphans.pop((index, term))
            if index <= raft.commit_index and raft.log.term_at(index) == term:
                committed.tokens[index - committed.first_index] = token
            else:
                raft.settle(token, AnswerStatus.NOT_LEADER)


def recover(saved: Saved, latest: Snapshot | None) -> tuple[Saved, Base | None]:
    """What a server begins with, and the base that its log on disk must get first, if that is not its own.

    A crash between the end of a snapshot from a leader and the save that follows leaves a log that does not lead up to
    the snapshot: what is in it was not committed, or is in the snapshot. Nor need the term have been saved; then we
    never voted in it."""
    if latest is None or log_reaches(saved, latest.base):
        return saved, None
    base = latest.base
    if base.term > saved.current_term:
        return Saved(base.term, None, base), base
    return Saved(saved.current_term, saved.voted_for, base), base


def log_reaches(saved: Saved, base: Base) -> bool:
    """Whether the log has the entry that `base` stands for, or a base at or above it."""
    if base.index <= saved.base.index:
        return True
    row = base.index - saved.base.index - 1
    return row < len(saved.entries) and saved.entries.terms[row] == base.term
