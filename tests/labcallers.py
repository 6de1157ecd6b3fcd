"""Who asks the servers of the laboratory for something, and what they are told."""

from abc import ABC, abstractmethod

from tests.labobserver import Observer
from tfraft.core.configuration import ServerId
from tfraft.core.requests import (
    AddServer,
    Answer,
    ChangeServers,
    Consistency,
    MembershipChange,
    RemoveServer,
    TransferLeadership,
)
from tfraft.record import record


@record
class Done:
    """The outcome of a request whose entry is committed and applied at `index`."""

    index: int


@record
class Read:
    """The outcome of a query: answered from what has been applied through `read_index`."""

    read_index: int


Outcome = Done | Read | Answer


class Callers(Observer, ABC):
    """Clients and operators. A token is a word; nobody may be told twice."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.outcomes: dict[str, Outcome] = {}
        self.asked: dict[str, int] = {}
        """Each token with the number of entries that were committed anywhere when it was handed in."""
        self.stale: set[str] = set()
        """The reads that may miss what was committed before them."""
        self.waiting: dict[ServerId, set[str]] = {}
        """The tokens that each server has not answered yet; a crash answers nobody."""

    @abstractmethod
    def turn(self, name: ServerId) -> None:
        """Take a server's effects and carry them out."""

    def propose(self, name: ServerId, command: str) -> str:
        """Hand a command to a server; the token, which is the command."""
        self._ask(name, command)
        self.raft(name).propose(command.encode(), command)
        self.turn(name)
        return command

    def query(
        self,
        name: ServerId,
        token: str,
        consistency: Consistency = Consistency.LINEARIZABLE,
        max_staleness_s: float = 0.0,
    ) -> str:
        """Ask a server for a read; the token."""
        self._ask(name, token)
        if consistency is Consistency.STALE:
            self.stale.add(token)
        self.raft(name).query(token, self.now, consistency, max_staleness_s)
        self.turn(name)
        return token

    def change(self, name: ServerId, request: MembershipChange, token: str) -> str:
        """Ask a server to change the membership; the token."""
        self._ask(name, token)
        self.raft(name).change_membership(request, token)
        self.turn(name)
        return token

    def add_server(self, name: ServerId, new_server: ServerId, token: str = "") -> str:
        """Ask a server to add another to the cluster; the token."""
        return self.change(name, AddServer(new_server), token or f"add {new_server}")

    def add_learner(self, name: ServerId, new_server: ServerId, token: str = "") -> str:
        """Ask a server to add another as a learner; the token."""
        return self.change(name, AddServer(new_server, learner=True), token or f"learn {new_server}")

    def remove_server(self, name: ServerId, old_server: ServerId, token: str = "") -> str:
        """Ask a server to remove one of the cluster; the token."""
        return self.change(name, RemoveServer(old_server), token or f"remove {old_server}")

    def change_servers(self, name: ServerId, voters: str, token: str = "") -> str:
        """Ask a server for other voters in one step; the token."""
        request = ChangeServers(tuple((voter, "") for voter in voters))
        return self.change(name, request, token or f"change to {voters}")

    def transfer(self, name: ServerId, target: ServerId = "", token: str = "") -> str:
        """Ask a server to let another lead; the token."""
        token = self._ask(name, token or f"transfer to {target or 'anybody'}")
        self.raft(name).transfer_leadership(TransferLeadership(target), token)
        self.turn(name)
        return token

    def _ask(self, name: ServerId, token: str) -> str:
        assert token not in self.asked, f"two requests with the token {token}"
        self.asked[token] = len(self.invariants.committed)
        self.waiting[name].add(token)
        return token

    def _settle(self, name: ServerId, token: str, outcome: Outcome) -> None:
        assert token not in self.outcomes, f"{token} is answered twice: {self.outcomes[token]}, then {outcome}"
        self.outcomes[token] = outcome
        self.waiting[name].remove(token)
