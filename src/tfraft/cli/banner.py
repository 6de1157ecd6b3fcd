"""The first lines and the last: what runs, whether data are kept, who leads."""

import re
from collections.abc import Sequence
from importlib.metadata import version

from tfraft.clusters.cluster import ClusterInfo, Member, NodeState
from tfraft.node.status import Event

_VOTES = re.compile(r"\(votes [^)]*\)")


def what_runs(info: ClusterInfo, members: Sequence[Member]) -> str:
    """`tf-raft 1.0.0 — 3 nodes in this process, memory network`, or the processes and where they listen."""
    count = f"{len(members)} node{'s' * (len(members) != 1)}"
    if info.kind.lower() == "memory":
        return f"tf-raft {version('tf-raft')} — {count} in this process, memory network"
    talk = "gRPC" if info.kind.lower() == "rpc" else info.kind
    processes = f"{len(members)} process{'es' * (len(members) != 1)}"
    return f"tf-raft {version('tf-raft')} — {processes}, {talk} on {addresses(members)}"


def addresses(members: Sequence[Member]) -> str:
    """Where the nodes listen: `127.0.0.1:50051–50055`, or each port where they do not follow one another."""
    hosts = {member.address.rpartition(":")[0] for member in members}
    ports = [member.address.rpartition(":")[2] for member in members]
    if len(hosts) != 1 or not all(port.isdigit() for port in ports):
        return ", ".join(member.address for member in members)
    numbers = [int(port) for port in ports]
    one_range = len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    return f"{hosts.pop()}:{f'{numbers[0]}–{numbers[-1]}' if one_range else ', '.join(ports)}"


def data_line(info: ClusterInfo) -> str:
    """Whether data are kept, and how to have it otherwise."""
    if info.data_dir is None:
        return "data       not kept (add --data DIR to keep it)"
    return f"data       {info.data_dir} (kept; next time:  tf-raft start --data {info.data_dir} )"


def redis_lines(members: Sequence[Member]) -> list[str]:
    """`redis      redis-cli -p 7379   (7380, 7381 for n2, n3)`; no line where Redis clients reach no node."""
    ports = {one.server_id: one.redis.rpartition(":")[2] for one in members if one.redis}
    if not ports:
        return []
    first, *others = ports.values()
    more = f"   ({', '.join(others)} for {', '.join(list(ports)[1:])})" if others else ""
    return [f"redis      redis-cli -p {first}{more}"]


def who_leads(members: Sequence[Member], leader: Event | None, started_s: float) -> str:
    """Which nodes run, who became leader, after how long and by whose votes."""
    running = " ".join(member.server_id for member in members if member.state is NodeState.RUNNING)
    if leader is None:
        return f"{running} started · no leader yet: STATUS shows how each node stands"
    votes = _VOTES.search(leader.text)
    after = f"after {(leader.at_s - started_s) * 1000:.0f} ms"
    told = f"{running} started · {leader.server_id} became leader of term {leader.term} {after}"
    return f"{told} {votes[0]}" if votes else told


HINT = 'Type HELP, or just try:  SET greeting "hello world"'


def farewell(info: ClusterInfo, stopped: int, took_s: float) -> str:
    """What was stopped, and what became of the data."""
    kept = "Data was not kept." if info.data_dir is None else f"Data is kept in {info.data_dir}."
    return f"{stopped} node{'s' * (stopped != 1)} stopped in {took_s * 1000:.0f} ms. {kept} Bye."
