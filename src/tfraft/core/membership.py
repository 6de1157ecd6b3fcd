"""Cluster membership changes (chapter 4): one server at a time, or several by joint consensus (§4.3)."""

from typing import assert_never

from tfraft.core.configuration import Configuration, ServerId, name_fault
from tfraft.core.effects import Token
from tfraft.core.entry import EntryKind
from tfraft.core.requests import (
    AddServer,
    AnswerStatus,
    ChangeServers,
    MembershipChange,
    RemoveServer,
    UpdateServer,
)
from tfraft.core.roles import new_catch_up, new_progress, tell_who_left
from tfraft.core.state import CatchUp, Change, RaftState, Role

LAST_HEARTBEATS = 3
"""For so many heartbeats a removed server is told that its removal is committed."""

# --- What is asked for ---


def change_membership(raft: RaftState, request: MembershipChange, token: Token) -> None:
    """Begin a change; who asked is told when it is committed, or at once why it may not be."""
    if raft.role is not Role.LEADER:
        raft.settle(token, AnswerStatus.NOT_LEADER)
    elif reason := change_in_progress(raft) or outdated(raft, request.configuration_index):
        # Also where the configuration that is in force has what was asked for: it may yet be rolled back.
        raft.settle(token, AnswerStatus.REFUSED, reason)
    elif done := done_already(raft.configuration, request):
        raft.settle(token, AnswerStatus.OK, done)
    elif reason := objection(raft, request):
        raft.settle(token, AnswerStatus.REFUSED, reason)
    else:
        begin(raft, request, token)


def change_in_progress(raft: RaftState) -> str:
    """Why no change may begin now; an empty string if one may. Two changes at once could make two majorities (§4.1)."""
    if raft.transfer is not None:
        return f"leadership is on its way to {raft.transfer.target}"
    if raft.change is not None and raft.change.asked_for:
        return f"another change is in progress: that of {raft.change.subject}"
    if raft.configuration_index > raft.commit_index or raft.configuration.is_joint:
        return f"another change is in progress: the configuration at index {raft.configuration_index} is not committed"
    return ""


def outdated(raft: RaftState, configuration_index: int) -> str:
    """Why a change that was decided on the ground of the configuration at this index may not begin; or nothing."""
    if configuration_index in (0, raft.configuration_index):
        return ""
    return f"the configuration has changed since: it is that of index {raft.configuration_index} now"


def done_already(configuration: Configuration, request: MembershipChange) -> str:
    """What to say if there is nothing left to do; an empty string if there is."""
    match request:
        case AddServer(new_server=server, address=address, learner=learner):
            is_there = configuration.is_learner(server) if learner else server in configuration
            same = is_there and address in ("", configuration.address_of(server))
            return f"{server} is a {'learner' if learner else 'member'} already" if same else ""
        case UpdateServer(server=server, address=address):
            is_there = server in configuration.members and configuration.address_of(server) == address
            return f"{server} is at {address} already" if is_there else ""
        case ChangeServers(voters=voters):
            same = located(configuration, voters) == dict(configuration.voters)
            return "these are the voters already" if same else ""
        case RemoveServer():
            return ""
        case _:
            assert_never(request)


def objection(raft: RaftState, request: MembershipChange) -> str:
    """Why this change may never begin as it stands; an empty string if it may."""
    configuration = raft.configuration
    match request:
        case AddServer(new_server=server, address=address, learner=learner):
            if server in configuration or (learner and configuration.is_learner(server)):
                return f"{server} is a member already, at {configuration.address_of(server)}"
            return unusable(configuration, server, address) or no_quorum(raft, request)
        case RemoveServer(old_server=server):
            if server not in configuration.members:
                return f"{server} is not a member"
            if configuration.ids == (server,):
                return "a cluster needs a voter"
            return no_quorum(raft, request)
        case UpdateServer(server=server, address=address):
            if server not in configuration.members:
                return f"{server} is not a member"
            return unusable(configuration, server, address)
        case ChangeServers(voters=voters):
            if not voters:
                return "a cluster needs a voter"
            reasons = (unusable(goal_of(raft, request), server, address) for server, address in voters)
            return next(filter(None, reasons), "") or no_quorum(raft, request)
        case _:
            assert_never(request)


def unusable(configuration: Configuration, server: ServerId, address: str) -> str:
    """Why a server may not have this id or this address; an empty string if it may."""
    if not server:
        return "a server needs an id"
    if fault := name_fault("an id", server) or name_fault("an address", address):
        return fault
    if server in configuration.removed:
        return f"{server} was removed from this cluster: its id is never given again, choose another"
    at_address = [member for member in configuration.members if configuration.address_of(member) == address]
    if address and at_address not in ([], [server]):
        return f"{address} is the address of {at_address[0]}"
    return ""


def no_quorum(raft: RaftState, request: AddServer | RemoveServer | ChangeServers) -> str:
    """Why the change would leave a cluster that cannot commit; an empty string if it would not, or must go on.

    A server that is still to be caught up counts as one that answers: it has to, before it votes."""
    if request.force:
        return ""
    goal, old = goal_of(raft, request), set(raft.configuration.ids)
    limit = raft.now - raft.config.election_timeout_s
    live = {server for server, progress in raft.speaking() if progress.heard_at >= limit}
    newcomers = set(goal.ids) - old
    if not goal.has_quorum({raft.server_id} | live | newcomers):
        return "no quorum would be left that answers"
    return ""


def goal_of(raft: RaftState, request: MembershipChange) -> Configuration:
    """The configuration to append for this request."""
    configuration = raft.configuration
    match request:
        case AddServer(new_server=server, address=address, learner=True):
            return configuration.with_learner(server, address)
        case AddServer(new_server=server, address=address):
            return configuration.with_server(server, address or configuration.address_of(server))
        case RemoveServer(old_server=server):
            return configuration.without_server(server)
        case UpdateServer(server=server, address=address):
            return configuration.with_address(server, address)
        case ChangeServers(voters=voters):
            return configuration.joint_with(located(configuration, voters))
        case _:
            assert_never(request)


def located(configuration: Configuration, voters: tuple[tuple[ServerId, str], ...]) -> dict[ServerId, str]:
    """The address of each of these voters: its known one where none is given."""
    return {server: address or configuration.address_of(server) for server, address in voters}


def begin(raft: RaftState, request: MembershipChange, token: Token) -> None:
    """Begin the change: new voters are caught up without a vote first, so that they cannot hold up commits (§4.2.1)."""
    goal = goal_of(raft, request)
    newcomers = [server for server in goal.ids if server not in raft.configuration]
    for server in newcomers:
        raft.progress.setdefault(server, new_progress(raft, server))
    catching_up = {server: new_catch_up(raft, server, goal.address_of(server)) for server in newcomers}
    raft.change = Change(subject_of(request), goal, token, catching_up)
    raft.broadcast_due = True


def subject_of(request: MembershipChange) -> str:
    """What a change is about, in a word."""
    match request:
        case AddServer(new_server=server) | RemoveServer(old_server=server) | UpdateServer(server=server):
            return server
        case ChangeServers():
            return "the voters"
        case _:
            assert_never(request)


# --- Once per turn ---


def advance_membership(raft: RaftState) -> None:
    """Catch up, append a configuration when that is allowed, and let go of who has left."""
    if raft.change is not None:
        advance_catch_up(raft, raft.change)
    change = raft.change
    if change is not None and not change.catching_up and may_append(raft):
        raft.change = None
        append_configuration(raft, change.goal, change.token)
    elif raft.configuration.is_joint and may_append(raft):
        token, raft.joint_token = raft.joint_token, None
        append_configuration(raft, raft.configuration.without_old_voters(), token)
    let_go(raft)


def is_removed(raft: RaftState) -> bool:
    """Whether a configuration without us is committed: a leader manages the cluster until here, no longer (§4.2.2)."""
    return raft.server_id not in raft.configuration and raft.configuration_index <= raft.commit_index


def may_append(raft: RaftState) -> bool:
    """Whether a configuration may be appended: the last one is committed, and so is an entry of our own term.

    Without the second condition two leaders can commit configurations without a common majority (raft-dev, July 2015).
    """
    return raft.has_committed_in_term and raft.configuration_index <= raft.commit_index


def append_configuration(raft: RaftState, configuration: Configuration, token: Token | None) -> None:
    """Put a configuration in force by appending it (§4.1); who asked is answered when the last one is committed.

    Who votes now for the first time does so with its disk as it is: another incarnation is another server (see
    `repair`). Who is not in it any more is told of it for a while, so that it can stop by itself."""
    newcomers = [server for server in configuration.ids if server not in raft.configuration]
    configuration = configuration.with_incarnations({new: raft.progress[new].incarnation for new in newcomers})
    index = raft.append_entry(EntryKind.CONFIGURATION, configuration.encode())
    if configuration.is_joint:
        raft.joint_token = token
    elif token is not None:
        raft.proposals[index] = token
    for server in raft.peers:
        raft.progress.setdefault(server, new_progress(raft, server))
    tell_who_left(raft, list(raft.progress))


def let_go(raft: RaftState) -> None:
    """Forget a server that has left, once it knows that this is committed, or has not said so for long."""
    for server, until in list(raft.leaving.items()):
        if raft.progress[server].match_index >= raft.configuration_index <= raft.commit_index:
            # The next heartbeats tell it that the entry it has is committed.
            raft.leaving[server] = until = min(until, raft.now + LAST_HEARTBEATS * raft.config.heartbeat_interval_s)
        if raft.now >= until:
            del raft.leaving[server], raft.progress[server]


# --- Catching up (§4.2.1) ---


def advance_catch_up(raft: RaftState, change: Change) -> None:
    """Replicate to the new servers in rounds, each up to what the log held when the round began (§4.2.1).

    One is caught up when a round took less than an election timeout. The change is given up if one makes no progress,
    or if its last round was still too slow: then it would hold up commits."""
    for catch_up in list(change.catching_up.values()):
        progress = raft.progress[catch_up.server_id]
        if progress.match_index > catch_up.match_index:
            catch_up.match_index = progress.match_index
            catch_up.progressed_at = raft.now
        if progress.sending is not None:
            catch_up.progressed_at = max(catch_up.progressed_at, progress.sending.progressed_at)
        round_ended = progress.match_index >= catch_up.round_end
        if round_ended and raft.now - catch_up.round_started_at < raft.config.election_timeout_s:
            del change.catching_up[catch_up.server_id]
            continue
        if round_ended:
            begin_next_round(raft, catch_up)
        if reason := too_slow(raft, catch_up):
            give_up(raft, change, reason)
            return


def begin_next_round(raft: RaftState, catch_up: CatchUp) -> None:
    """The last round was a slow one: another one, up to where the log is now."""
    catch_up.round += 1
    catch_up.round_end = raft.log.last_index
    catch_up.round_started_at = raft.now


def too_slow(raft: RaftState, catch_up: CatchUp) -> str:
    """Why a server cannot be caught up; an empty string while it may."""
    server, rounds, patience_s = catch_up.server_id, raft.config.catch_up_rounds, raft.config.catch_up_timeout_s
    if catch_up.round > rounds:
        return f"{server} is too slow: {rounds} rounds did not catch it up"
    if raft.now - catch_up.progressed_at > patience_s:
        return f"{server} made no progress for {patience_s:g} s"
    return ""


def give_up(raft: RaftState, change: Change, reason: str) -> None:
    """Forget a change whose new servers cannot be caught up; they never had a vote."""
    raft.change = None
    for server in change.goal.ids:
        if server not in raft.configuration.members:
            raft.progress.pop(server, None)
    raft.settle(change.token, AnswerStatus.REFUSED, reason)
