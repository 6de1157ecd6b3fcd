"""Raft: the inputs, the rules that hold once per turn, and the turn's effects.

Feed it: `tick`, `receive`, `propose`, `query`, `add_server`, `remove_server`, `saved` change state and return at once.
Drain it: `take_effects` gives everything outstanding, once per turn. While a save is under way, what depends on the
disk gathers inside, and all else goes on: the slower the disk, the larger the next batch.
"""

from random import Random
from typing import assert_never

from tfraft.core import election, membership, reads, replication
from tfraft.core.config import MAX_ENTRY_BYTES, RaftConfig
from tfraft.core.effects import Committed, ConfirmedReads, Effects, Save, Saved, Settled, Token
from tfraft.core.entry import EntryKind
from tfraft.core.log import Log
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    RequestVote,
    RequestVoteReply,
    ServerId,
)
from tfraft.core.requests import AddServer, AnswerStatus, RemoveServer
from tfraft.core.roles import become_follower
from tfraft.core.state import RaftState, Role, configurations_in


class Raft:
    """One server of Figure 3.1. `rng` is its only chance, `now` (seconds, never falling) its only clock.

    A `token` is whatever the caller wants back with the outcome. Each is given back exactly once: in
    `Effects.committed` when its entry is committed, in `Effects.reads`, or in `Effects.settled`; unless the server
    stops, or a proposal's entry is never decided while it runs."""

    def __init__(self, config: RaftConfig, server_id: ServerId, rng: Random, now: float, saved: Saved) -> None:
        self.state = RaftState(
            config=config,
            server_id=server_id,
            rng=rng,
            now=now,
            current_term=saved.current_term,
            voted_for=saved.voted_for,
            log=Log(saved.entries),
            configurations=[(0, saved.configuration), *configurations_in(saved.entries, 1)],
            saved_term=saved.current_term,
            saved_vote=saved.voted_for,
            durable_index=len(saved.entries),
        )
        self.state.reset_election_timer()

    # --- Inputs ---

    @property
    def deadline(self) -> float:
        """When `tick` is next wanted. A level, not an edge: ask again after each turn."""
        raft = self.state
        return raft.heartbeat_deadline if raft.role is Role.LEADER else raft.election_deadline

    def tick(self, now: float) -> None:
        """Let time pass. Feed the mail that has arrived first: a heartbeat may be in it (§3.4)."""
        raft = self.state
        raft.now = now
        # Looked at in every tick, due or not: rounds of reads put the heartbeat off again and again.
        if raft.role is Role.LEADER and replication.steps_down_without_quorum(raft):
            become_follower(raft, raft.current_term)
        if now < self.deadline:
            return
        if raft.role is Role.LEADER:
            replication.on_heartbeat_timeout(raft)
        else:
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
            case _:
                assert_never(message)

    def propose(self, command: bytes, token: Token) -> None:
        """Append a command to the log, if this server leads; anybody else is told NOT_LEADER."""
        raft = self.state
        if raft.role is not Role.LEADER:
            raft.settle(token, AnswerStatus.NOT_LEADER)
        elif len(command) > MAX_ENTRY_BYTES:
            limit = f"the limit is {MAX_ENTRY_BYTES} bytes"
            raft.settle(token, AnswerStatus.REFUSED, f"the command has {len(command)} bytes, {limit}")
        else:
            raft.proposals[raft.append_entry(EntryKind.COMMAND, command)] = token

    def query(self, token: Token) -> None:
        """Ask for a linearizable read (§6.4)."""
        reads.query(self.state, token)

    def add_server(self, request: AddServer, token: Token) -> None:
        """Ask for a server to become a voter (§4.2.1)."""
        membership.add_server(self.state, request, token)

    def remove_server(self, request: RemoveServer, token: Token) -> None:
        """Ask for a voter to leave (§4.2.2)."""
        membership.remove_server(self.state, request, token)

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
        if raft.role is Role.LEADER:
            become_follower(raft, raft.current_term)
        for token in raft.orphans.values():
            raft.settle(token, AnswerStatus.TIMEOUT, "the node stopped before the entry was committed")
        raft.orphans.clear()
        return raft.settled

    # --- The turn ---

    def take_effects(self) -> Effects:
        """Apply the rules that follow from state alone, then give all that is outstanding, once."""
        raft = self.state
        if raft.role is Role.LEADER:
            replication.advance_commit_index(raft)
            membership.advance_membership(raft)
        if raft.role is Role.LEADER:
            reads.advance_reads(raft)
            replication.replicate(raft)
        idle = raft.save_under_way is None
        save = self._take_save() if idle else None
        effects = Effects(
            messages=raft.messages,
            save=save,
            replies=raft.replies if idle else [],
            committed=self._take_committed(),
            reads=[ConfirmedReads(round.read_index, round.tokens) for round in raft.confirmed],
            settled=raft.settled,
        )
        raft.messages = []
        raft.replies = [] if idle else raft.replies
        raft.confirmed = []
        raft.settled = []
        return effects

    def _take_save(self) -> Save | None:
        """What the disk does not hold yet, if anything; from now on a save is under way."""
        raft = self.state
        if not raft.dirty_from and (raft.current_term, raft.voted_for) == (raft.saved_term, raft.saved_vote):
            return None
        save = Save(raft.current_term, raft.voted_for)
        raft.saving_through = raft.durable_index
        if raft.dirty_from:
            entries = raft.log.read(raft.dirty_from, raft.log.last_index)
            save = Save(raft.current_term, raft.voted_for, raft.dirty_from, entries)
            raft.saving_through = raft.log.last_index
        raft.dirty_from = 0
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
            committed.tokens.extend(raft.proposals.pop(first + row, None) for row in range(len(committed.entries)))
        if raft.orphans:
            self._settle_orphans(committed)
        return committed

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
