"""Servers whose disk has lost what it held (§3.8): they lose their vote with it, and are given it anew.

A server answers for what it has promised: votes, and entries that it stores. One that has forgotten them is another
server by the same name, and each loss makes a new incarnation of it. What an incarnation says counts only where the
configuration in force names it (see `Configuration.speaks`): in elections, for commits, for reads. The leader lets the
old one lose its vote, as if it had removed a server that is down for ever (§4.1), brings the new one up to date as a
learner, and then lets it vote as it would any new server (§4.2.1). Both are committed by the others alone.
"""

from tfraft.core.configuration import ServerId
from tfraft.core.roles import new_catch_up
from tfraft.core.state import Change, RaftState

# --- The leader's side ---


def restore_votes(raft: RaftState) -> None:
    """Once per turn: begin what brings a server back that has lost its disk, unless somebody asks for other things."""
    lost = [server for server, progress in raft.progress.items() if progress.incarnation]
    busy = raft.transfer is not None or raft.configuration.is_joint
    if not lost or busy or (raft.change is not None and raft.change.asked_for):
        return
    configuration = raft.configuration
    for server in lost:
        incarnation = raft.progress[server].incarnation
        if server in configuration and configuration.incarnation_of(server) < incarnation:
            raft.change = Change(server, configuration.without_vote(server, incarnation), token=None)
            return
    waiting = [server for server in lost if configuration.awaits_vote(server) and answers(raft, server)]
    if waiting and raft.change is None:
        give_vote(raft, waiting[0])


def answers(raft: RaftState, server: ServerId) -> bool:
    """Whether `server` was heard within an election timeout: nothing is begun with one that is down."""
    return raft.now - raft.progress[server].heard_at < raft.config.election_timeout_s


def give_vote(raft: RaftState, server: ServerId) -> None:
    """Let a learner vote as soon as it is caught up."""
    address = raft.configuration.address_of(server)
    goal = raft.configuration.with_server(server, address)
    raft.change = Change(server, goal, None, {server: new_catch_up(raft, server, address)})


# --- On the server itself ---


def end_repair(raft: RaftState) -> bool:
    """Once per turn: whether what our disk had lost is back, and with it the vote, if we had one.

    What had been committed when we heard of a leader first is here again, and the configuration that says so."""
    if not raft.repairing or raft.repair_index is None:
        return False
    if min(raft.durable_index, raft.commit_index) < max(raft.repair_index, raft.configuration_index):
        return False
    name, configuration = raft.server_id, raft.configuration
    never_voted = configuration.is_learner(name) and not configuration.awaits_vote(name)
    raft.repairing = not (never_voted or configuration.speaks(name, raft.incarnation))
    return not raft.repairing
