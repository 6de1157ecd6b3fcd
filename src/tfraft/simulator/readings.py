"""A read sees what it must (§6.4): judged when a node takes it, and when the node answers it."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Final

from tfraft.core.configuration import ServerId
from tfraft.core.requests import ClientQuery, Consistency
from tfraft.core.state import RaftState, Role
from tfraft.node.applying import Read
from tfraft.ports import OnAnswer
from tfraft.simulator.claims import Claims
from tfraft.simulator.host import Host
from tfraft.simulator.network import ZOMBIE_S
from tfraft.simulator.oracle import Oracle
from tfraft.simulator.plan import Plan
from tfraft.simulator.quorum import is_quorum
from tfraft.simulator.rare import Counts, Rare
from tfraft.simulator.violation import Violation

CUT_OFF_TIMEOUTS: Final = 2.5
"""For so many election timeouts, at most, a leader that was cut off does not know it."""


class Readings:
    """Judges reads of every consistency."""

    def __init__(
        self,
        plan: Plan,
        hosts: Mapping[ServerId, Host],
        oracle: Oracle,
        claims: Claims,
        rare: Counts,
        time: Callable[[], float],
    ) -> None:
        self._plan = plan
        self._hosts = hosts
        self._oracle = oracle
        self._claims = claims
        self._rare = rare
        self._time = time
        self._committed_at: list[tuple[float, int]] = [(0.0, 0)]
        """How many entries were committed since when."""

    def committed(self, count: int) -> None:
        """From now on so many entries are committed."""
        self._committed_at.append((self._time(), count))

    # --- When a node takes it ---

    def taken(self, host: Host, query: ClientQuery, on_answer: OnAnswer) -> None:
        """Raise Violation if the node of `host`, which has just taken `query`, has confirmed it without ground.

        By its lease a leader need ask nobody; and a question to the leader is not for reads that come after it."""
        raft = host.raft
        asked = raft.asked_read
        if asked is not None and is_among(on_answer, asked.tokens):
            raise Violation(
                "an index to read at is asked for after the read came",
                f"{host.server_id} has asked question {asked.number} already (§6.4)",
            )
        may_lease = query.consistency is Consistency.LEASE and raft.role is Role.LEADER
        if may_lease and any(is_among(on_answer, confirmed.tokens) for confirmed in raft.confirmed):
            self._lease_holds(raft)

    def _lease_holds(self, raft: RaftState) -> None:
        """A quorum has promised to elect nobody yet, and the leader has not released it from that (§6.4.1)."""
        bound = [server for server in raft.configuration.ids if self._is_bound(server, raft)]
        released = any(term == raft.current_term for _, term in self._claims.told_to_stand)
        if released or not is_quorum(raft.configuration, bound):
            raise Violation(
                "a lease rests on the promises of a quorum",
                f"{raft.server_id} reads by its lease in term {raft.current_term}; "
                + ("it has told another to stand" if released else f"only {bound} elect nobody else")
                + f", of {raft.configuration}",
            )

    def _is_bound(self, server: ServerId, leader: RaftState) -> bool:
        """Whether a voter would not help another to win: it leads, hears the leader, or will wait when it starts."""
        host = self._hosts[server]
        if server == leader.server_id or not host.running:
            return True
        hears = host.clock - host.raft.leader_heard_at < leader.config.election_timeout_s
        return hears and host.raft.current_term <= leader.current_term

    # --- When the node answers it ---

    def answered(self, host: Host, query: ClientQuery, asked_at: float, committed_before: int) -> None:
        """Raise Violation if the answer misses what it must see: all that was committed when the read was asked.

        The leader must have been confirmed since by a quorum; not for a read by lease, which was judged when it was
        taken, and not at another server, where the index was judged when it was told. A stale read may be older, by
        so much as it was allowed to."""
        raft = host.raft
        self._count(query.consistency, raft.role)
        by_lease = query.consistency is Consistency.LEASE and self._plan.config.lease_reads
        must_see = committed_before
        if query.consistency is Consistency.STALE:
            must_see = self._committed_by(asked_at - self._oldest_s(query.max_staleness_s))
        elif query.consistency is not Consistency.FOLLOWER and not by_lease:
            self._vouched(raft, asked_at)
        if raft.last_applied < must_see:
            raise Violation(
                "a read sees all that was committed before it",
                f"{host.server_id} answers {query} from index {raft.last_applied}, "
                f"but {must_see} was committed when it was asked, at {asked_at:.6f} (§6.4)",
            )

    def _count(self, consistency: Consistency, role: Role) -> None:
        match consistency:
            case Consistency.FOLLOWER:
                self._rare[Rare.FOLLOWER_READ] += role is not Role.LEADER
            case Consistency.LEASE:
                self._rare[Rare.LEASE_READ] += self._plan.config.lease_reads
            case Consistency.STALE:
                self._rare[Rare.STALE_READ] += 1
            case _:
                pass

    def _vouched(self, raft: RaftState, asked_at: float) -> None:
        configuration = self._oracle.views[raft.server_id].configurations[-1][1]
        vouching = self._claims.vouching(configuration, raft.server_id, raft.current_term, asked_at)
        if not is_quorum(configuration, vouching):
            raise Violation(
                "a read is confirmed by a quorum after it was asked",
                f"{raft.server_id} answers a read of {asked_at:.6f}, which only {vouching} have confirmed since, of "
                f"{configuration} (§6.4)",
            )

    def _committed_by(self, time: float) -> int:
        return self._committed_at[max(bisect_right(self._committed_at, (time, 0)) - 1, 0)][1]

    def _oldest_s(self, max_staleness_s: float) -> float:
        """How old a read may be that was allowed to be so old by the slowest clock.

        A leader that was cut off may take itself for one for a while, and nobody knows how long messages travel: on
        slow links for an election timeout or two, and a zombie for as long as it likes."""
        plan, slowest = self._plan, self._plan.clock_rates[0]
        timeout_s = plan.config.election_timeout_s
        travel_s = plan.latency_s + 7 * plan.jitter_s + 2 * timeout_s + (ZOMBIE_S[1] if plan.zombies else 0.0)
        return (max_staleness_s + CUT_OFF_TIMEOUTS * timeout_s) / slowest + travel_s


def is_among(on_answer: OnAnswer, tokens: list[object]) -> bool:
    """Whether one of `tokens` is the read that is answered through `on_answer`."""
    return any(isinstance(token, Read) and token.on_answer is on_answer for token in tokens)
