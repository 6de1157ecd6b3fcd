"""One server at a time: how a test makes one in the state it wants, feeds it, and writes down what it expects.

Times are exact in binary: an election timeout is 1 s drawn out to 1.5 s, a heartbeat is due every 0.25 s.
"""

import dataclasses
from collections.abc import Mapping
from random import Random

from tfraft.core.base import Base, Snapshot
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Committed, ConfirmedReads, Effects, Envelope, Piece, Save, Saved, Settled, Token
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    Message,
    PreVote,
    PreVoteReply,
    RequestVote,
    RequestVoteReply,
)
from tfraft.core.raft import Raft
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.core.state import Role

CONFIG = RaftConfig(
    election_timeout_s=1.0, heartbeat_interval_s=0.25, catch_up_rounds=3, catch_up_timeout_s=4.0, pre_vote=False
)
"""The rules of chapters 3, 4 and 6 by themselves: an election begins with RequestVote."""
PRE_VOTE = dataclasses.replace(CONFIG, pre_vote=True)
"""As servers really run: an election begins with PreVote (§9.6)."""
Voters = str | Mapping[ServerId, str] | Configuration
"""A cluster: its servers of one letter each, or ids with addresses, or all of its configuration."""
TIMEOUT_S = 1.5
"""What `Chance(0.5)` makes of the election timeout of `CONFIG`; the moment at which `leader` is elected."""


class Chance(Random):
    """Chance that draws the same timeout each time; all else depends on `seed`."""

    def __init__(self, draw: float, seed: int = 0) -> None:
        super().__init__(seed)
        self.draw = draw

    def random(self) -> float:
        return self.draw


# --- Logs ---


def log(*terms: int, first: int = 1) -> Entries:
    """Commands of these terms from index `first` on; equal index and term give the equal command."""
    return Entries.of(*(command(index, term) for index, term in enumerate(terms, first)))


def command(index: int, term: int) -> Entry:
    """The command that every log of the tests has at this index, if it has one of this term there."""
    return Entry(term, EntryKind.COMMAND, f"{index}@{term}".encode())


def no_op(term: int) -> Entry:
    """The entry with which a leader begins its term."""
    return Entry(term, EntryKind.NO_OP)


def configuration_entry(term: int, voters: Voters) -> Entry:
    """The entry that puts this cluster in force."""
    return Entry(term, EntryKind.CONFIGURATION, configuration_of(voters).encode())


def configuration_of(voters: Voters) -> Configuration:
    """The configuration of this cluster."""
    return voters if isinstance(voters, Configuration) else Configuration.of(voters)


def joined(*runs: Entries | Entry) -> Entries:
    """These runs and single entries as one run."""
    return Entries.from_rows(row for run in runs for row in ([run] if isinstance(run, Entry) else run))


# --- Servers ---


def server(
    name: ServerId = "a",
    voters: Voters = "abc",
    *,
    term: int = 0,
    vote: ServerId | None = None,
    entries: Entries = NO_ENTRIES,
    config: RaftConfig = CONFIG,
    draw: float = 0.5,
    now: float = 0.0,
) -> Raft:
    """A server that starts with this on its disk."""
    base = Base(configuration=configuration_of(voters))
    return Raft(config, name, Chance(draw), now, Saved(term, vote, base, entries))


def follower_of(
    leader_id: ServerId,
    *,
    term: int = 1,
    entries: Entries = NO_ENTRIES,
    name: ServerId = "a",
    voters: Voters = "abc",
    config: RaftConfig = CONFIG,
) -> Raft:
    """A server that has just heard this leader of this term; it knows of no commit."""
    raft = server(name, voters, term=term, entries=entries, config=config)
    receive(raft, append(leader_id, term))
    return raft


def candidate(
    name: ServerId = "a",
    voters: Voters = "abc",
    *,
    term: int = 1,
    entries: Entries = NO_ENTRIES,
    config: RaftConfig = CONFIG,
) -> Raft:
    """A server that has stood for election in `term`: its own vote is saved, its requests are out."""
    raft = server(name, voters, term=term - 1, entries=entries, config=config)
    raft.tick(raft.deadline)
    for voter in raft.state.others if config.pre_vote else ():
        raft.receive(pre_vote_reply(voter, term - 1, term), raft.state.now)
    settle(raft)
    return raft


def leader(
    name: ServerId = "a",
    voters: Voters = "abc",
    *,
    term: int = 1,
    entries: Entries = NO_ENTRIES,
    config: RaftConfig = CONFIG,
) -> Raft:
    """A leader newly elected: its no-op is saved and out, and nobody has answered yet."""
    raft = candidate(name, voters, term=term, entries=entries, config=config)
    for voter in raft.state.others:
        raft.receive(vote(voter, term), raft.state.now)
    settle(raft)
    return raft


def followed_leader(
    name: ServerId = "a",
    voters: Voters = "abc",
    *,
    term: int = 1,
    entries: Entries = NO_ENTRIES,
    config: RaftConfig = CONFIG,
) -> Raft:
    """A leader whose whole log is stored by everybody, and committed."""
    raft = leader(name, voters, term=term, entries=entries, config=config)
    all_acknowledge(raft)
    return raft


def all_acknowledge(raft: Raft) -> None:
    """Every other voter has stored the whole log and answered the last round; the leader knows it."""
    for voter in raft.state.others:
        raft.receive(acknowledge(raft, voter), raft.state.now)
    settle(raft)


def role(raft: Raft) -> Role:
    """The role of a server now."""
    return raft.state.role


# --- Turns ---


def save_done(raft: Raft, effects: Effects) -> None:
    """The disk has done what these effects asked for."""
    assert effects.save is not None
    raft.saved(effects.save.current_term, effects.save.last_index)


def settle(raft: Raft) -> Effects:
    """Take turns, each with its save, until there is nothing more to save; the effects of the first turn."""
    first = effects = raft.take_effects()
    while effects.save is not None:
        save_done(raft, effects)
        effects = raft.take_effects()
    return first


def receive(raft: Raft, *messages: Message, at: float | None = None) -> Effects:
    """Feed these messages, all at one moment, then take the turn."""
    for message in messages:
        raft.receive(message, raft.state.now if at is None else at)
    return raft.take_effects()


def tick(raft: Raft, now: float) -> Effects:
    """Let time pass, then take the turn."""
    raft.tick(now)
    return raft.take_effects()


def effects(
    messages: list[Envelope] | None = None,
    save: Save | None = None,
    replies: list[Envelope] | None = None,
    repaired: bool = False,
    pieces: list[Piece] | None = None,
    installed: Snapshot | None = None,
    committed: Committed | None = None,
    reads: list[ConfirmedReads] | None = None,
    settled: list[Settled] | None = None,
) -> Effects:
    """The effects that a test expects; nothing where it says nothing."""
    return Effects(
        messages or [], save, replies or [], repaired, pieces or [], installed, committed, reads or [], settled or []
    )


NOTHING = effects()


# --- Messages ---


def append(
    leader_id: ServerId,
    term: int,
    *,
    prev: tuple[int, int] = (0, 0),
    entries: Entries = NO_ENTRIES,
    commit: int = 0,
    read_round: int = 0,
    sent_at: float = TIMEOUT_S,
) -> AppendEntries:
    """An AppendEntries; `prev` is (prevLogIndex, prevLogTerm)."""
    return AppendEntries(term, leader_id, *prev, entries, commit, read_round, sent_at=sent_at)


def accepted(
    server_id: ServerId,
    term: int,
    match_index: int,
    *,
    prev: int | None = None,
    read_round: int = 0,
    sent_at: float = TIMEOUT_S,
) -> AppendEntriesReply:
    """A reply of success; `prev` is `match_index` unless given, as for a heartbeat."""
    prev_log_index = match_index if prev is None else prev
    return AppendEntriesReply(
        term, server_id, True, match_index, prev_log_index, read_round=read_round, sent_at=sent_at
    )


def acknowledge(raft: Raft, server_id: ServerId) -> AppendEntriesReply:
    """The reply of a server that stores all that this leader has, to its latest round."""
    state = raft.state
    return accepted(server_id, state.current_term, state.log.last_index, read_round=state.read_round, sent_at=state.now)


def stale_term(server_id: ServerId, term: int) -> AppendEntriesReply:
    """The answer to an AppendEntries of an older term: our term, and nothing of the request."""
    return AppendEntriesReply(term, server_id, False)


def rejected(
    server_id: ServerId,
    term: int,
    *,
    prev: int = 0,
    conflict: tuple[int, int] = (0, 0),
    read_round: int = 0,
    sent_at: float = TIMEOUT_S,
) -> AppendEntriesReply:
    """A reply of failure; `conflict` is (conflictIndex, conflictTerm)."""
    return AppendEntriesReply(
        term,
        server_id,
        False,
        prev_log_index=prev,
        conflict_index=conflict[0],
        conflict_term=conflict[1],
        read_round=read_round,
        sent_at=sent_at,
    )


def ask(candidate_id: ServerId, term: int, *, last: tuple[int, int] = (0, 0)) -> RequestVote:
    """A RequestVote; `last` is (lastLogIndex, lastLogTerm)."""
    return RequestVote(term, candidate_id, *last)


def vote(server_id: ServerId, term: int) -> RequestVoteReply:
    """A vote that is granted."""
    return RequestVoteReply(term, server_id, True)


def refusal(server_id: ServerId, term: int) -> RequestVoteReply:
    """A vote that is refused."""
    return RequestVoteReply(term, server_id, False)


def pre_vote_reply(server_id: ServerId, term: int, pre_vote_term: int, *, granted: bool = True) -> PreVoteReply:
    """What a server of `term` says to a PreVote for `pre_vote_term`."""
    return PreVoteReply(term, server_id, granted, pre_vote_term)


def pre_ask(candidate_id: ServerId, term: int, *, last: tuple[int, int] = (0, 0)) -> PreVote:
    """A PreVote; `last` is (lastLogIndex, lastLogTerm)."""
    return PreVote(term, candidate_id, *last)


def done(token: Token, reason: str = "", hint: ServerId = "a") -> Settled:
    """The answer to who asked for what is done, without an entry."""
    return Settled(token, Answer(AnswerStatus.OK, leader_hint=hint, reason=reason))


def not_leader(token: Token, hint: ServerId = "", reason: str = "") -> Settled:
    """The answer to who asked a server that does not lead."""
    return Settled(token, Answer(AnswerStatus.NOT_LEADER, leader_hint=hint, reason=reason))


def refused(token: Token, reason: str, hint: ServerId = "") -> Settled:
    """The answer to who asked for what cannot be done."""
    return Settled(token, Answer(AnswerStatus.REFUSED, leader_hint=hint, reason=reason))
