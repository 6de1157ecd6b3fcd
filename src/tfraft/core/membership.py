"""Cluster membership changes, one server at a time (chapter 4)."""

from tfraft.core.configuration import Configuration
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.requests import AddServer, AnswerStatus, RemoveServer
from tfraft.core.roles import become_follower, new_progress
from tfraft.core.state import CatchUp, PendingRemoval, RaftState, Role


def add_server(raft: RaftState, request: AddServer, token: Token) -> None:
    """Begin to add a voter: first it is caught up without a vote, so that it cannot hold up commits (§4.2.1)."""
    known = raft.configuration.address_of(request.new_server) if request.new_server in raft.configuration else None
    if raft.role is not Role.LEADER:
        raft.settle(token, AnswerStatus.NOT_LEADER)
    elif reason := change_in_progress(raft):
        # Also for a server of the configuration that is in force but not committed: it may yet be rolled back.
        raft.settle(token, AnswerStatus.REFUSED, reason)
    elif known is not None and known == request.address:
        raft.settle(token, AnswerStatus.OK, f"{request.new_server} is a member already")
    elif known is not None:
        raft.settle(token, AnswerStatus.REFUSED, f"{request.new_server} is a member already, at {known}")
    else:
        raft.progress[request.new_server] = new_progress(raft)
        raft.change = CatchUp(
            server_id=request.new_server,
            address=request.address,
            token=token,
            round=1,
            round_end=raft.log.last_index,
            round_started_at=raft.now,
            progressed_at=raft.now,
        )
        raft.broadcast_due = True


def remove_server(raft: RaftState, request: RemoveServer, token: Token) -> None:
    """Begin to remove a voter, if the rest can commit without it; a leader may remove itself (§4.2.2)."""
    rest = raft.configuration.without_server(request.old_server)
    if raft.role is not Role.LEADER:
        raft.settle(token, AnswerStatus.NOT_LEADER)
    elif request.old_server not in raft.configuration:
        raft.settle(token, AnswerStatus.REFUSED, f"{request.old_server} is not a member")
    elif reason := change_in_progress(raft):
        raft.settle(token, AnswerStatus.REFUSED, reason)
    elif not has_live_quorum(raft, rest):
        raft.settle(token, AnswerStatus.REFUSED, f"without {request.old_server} no quorum would be left that answers")
    else:
        raft.change = PendingRemoval(request.old_server, token)


def change_in_progress(raft: RaftState) -> str:
    """Why no change may begin now; an empty string if one may. Two changes at once could make two majorities (§4.1)."""
    if raft.change is not None:
        return f"another change is in progress: that of {raft.change.server_id}"
    if raft.configuration_index > raft.commit_index:
        return f"another change is in progress: the configuration at index {raft.configuration_index} is not committed"
    return ""


def has_live_quorum(raft: RaftState, configuration: Configuration) -> bool:
    """Whether a majority of `configuration` has answered within an election timeout, ourselves included."""
    limit = raft.now - raft.config.election_timeout_s
    live = [server for server, progress in raft.progress.items() if progress.heard_at >= limit]
    return configuration.has_quorum([raft.server_id, *live])


def advance_membership(raft: RaftState) -> None:
    """Once per turn: catch up, append a configuration when that is allowed, step down when we are out of it."""
    if isinstance(raft.change, CatchUp):
        advance_catch_up(raft, raft.change)
    match raft.change:
        case CatchUp(server_id=server, address=address, round=0, token=token) if may_append(raft):
            append_configuration(raft, raft.configuration.with_server(server, address), token)
        case PendingRemoval(server_id=server, token=token) if may_append(raft):
            append_configuration(raft, raft.configuration.without_server(server), token)
        case _:
            pass
    removed = raft.server_id not in raft.configuration
    if removed and raft.configuration_index <= raft.commit_index:
        # The leader managed a cluster that does not include itself until here, and no longer (§4.2.2).
        become_follower(raft, raft.current_term)


def may_append(raft: RaftState) -> bool:
    """Whether a configuration may be appended: the last one is committed, and so is an entry of our own term.

    Without the second condition two leaders can commit configurations without a common majority (raft-dev, July 2015).
    """
    return raft.has_committed_in_term and raft.configuration_index <= raft.commit_index


def append_configuration(raft: RaftState, configuration: Configuration, token: Token) -> None:
    """Put a configuration in force by appending it (§4.1); who asked is answered when the entry is committed."""
    index = raft.append_entry(EntryKind.CONFIGURATION, configuration.encode())
    raft.proposals[index] = token
    raft.change = None
    raft.progress = {server: raft.progress[server] for server in raft.others}


def advance_catch_up(raft: RaftState, change: CatchUp) -> None:
    """Replicate to the new server in rounds, each up to what the log held when the round began (§4.2.1).

    It is caught up (round 0) when a round took less than an election timeout. It is given up if it makes no progress,
    or if its last round was still too slow: then it would hold up commits."""
    match_index = raft.progress[change.server_id].match_index
    if match_index > change.match_index:
        change.match_index = match_index
        change.progressed_at = raft.now
    if change.round and match_index >= change.round_end:
        end_round(raft, change)
    if change.round > raft.config.catch_up_rounds:
        give_up(
            raft, change, f"{change.server_id} is too slow: {raft.config.catch_up_rounds} rounds did not catch it up"
        )
    elif change.round and raft.now - change.progressed_at > raft.config.catch_up_timeout_s:
        give_up(raft, change, f"{change.server_id} made no progress for {raft.config.catch_up_timeout_s:g} s")


def end_round(raft: RaftState, change: CatchUp) -> None:
    """Begin the next round, or, after a quick one, none."""
    quick = raft.now - change.round_started_at < raft.config.election_timeout_s
    change.round = 0 if quick else change.round + 1
    change.round_end = raft.log.last_index
    change.round_started_at = raft.now


def give_up(raft: RaftState, change: CatchUp, reason: str) -> None:
    """Forget a server that cannot be added; it never had a vote."""
    raft.change = None
    raft.progress.pop(change.server_id)
    raft.settle(change.token, AnswerStatus.REFUSED, reason)
