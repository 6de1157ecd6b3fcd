"""STATUS and LOG: what they show of the nodes, of the cluster and of a log."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.cli.transcript import Shell, lines
from tfraft.clusters.cluster import NodeState
from tfraft.node.status import LogEntry, NodeStatus, PeerStatus


def change_status(shell: Shell, monkeypatch: pytest.MonkeyPatch, change: Callable[[NodeStatus], NodeStatus]) -> None:
    """From now on each node tells this instead of its status."""
    status = shell.cluster.status

    async def changed(server_id: str) -> NodeStatus | None:
        found = await status(server_id)
        assert found is not None
        return change(found)

    monkeypatch.setattr(shell.cluster, "status", changed)


def test_status_shows_every_node_and_one_sentence_on_the_cluster(shell: Shell) -> None:
    assert lines(shell.type("SET a 1", "STATUS")) == [
        "node role term log commit applied match health",
        "n1 ★ leader 1 2 2 2 2 ok",
        "n2 follower 1 2 2 2 2 ok, heard 12 ms ago",
        "n3 follower 1 2 2 2 2 ok, heard 12 ms ago",
        "healthy · quorum 2 of 3 · can lose 1 node · 0 leader changes in the last 10 min",
    ]


def test_status_shows_who_is_missing(shell: Shell) -> None:
    shell.cluster.silent = {"n3"}
    assert lines(shell.type("STOP n2", "STATUS"))[1:] == [
        "n1 ★ leader 1 1 1 1 1 ok",
        "n2 – – – – – – stopped",
        "n3 – – – – – – does not answer",
        "degraded · quorum 2 of 3 · can lose 0 nodes · 0 leader changes in the last 10 min",
    ]
    assert lines(shell.type("KILL n3", "STATUS"))[2:] == [
        "n2 – – – – – – stopped",
        "n3 – – – – – – killed",
        "no quorum · 1 of 3 voters can talk, 2 are needed",
    ]


@pytest.mark.parametrize(
    ("heard_s", "health"),
    [(None, "not heard by the leader yet"), (2.34, "not heard for 2.3 s"), (0.9, "ok, heard 900 ms ago")],
)
def test_status_shows_when_the_leader_has_heard_a_follower(shell: Shell, heard_s: float | None, health: str) -> None:
    shell.cluster.heard_s = heard_s
    assert lines(shell.type("STATUS"))[2].endswith(health)


def test_status_shows_that_there_is_no_leader(shell: Shell) -> None:
    shell.type("PARTITION n1 | n2 | n3")
    shown = lines(shell.type("STATUS"))
    assert [line.endswith("– no leader") for line in shown[1:4]] == [True, True, True]
    assert shown[4].startswith("no quorum · 1 of 3 voters can talk")
    shell.cluster.groups = []
    shell.context.groups = []
    assert lines(shell.type("STATUS"))[4].startswith("no leader · quorum 2 of 3")


def test_status_shows_a_node_that_has_no_vote(shell: Shell) -> None:
    shell.cluster.states["n4"] = NodeState.RUNNING
    assert lines(shell.type("STATUS"))[4].startswith("n4 follower 1 1 1 1 – no vote, not heard by")


def test_status_shows_how_far_a_follower_is_behind(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def ahead(found: NodeStatus) -> NodeStatus:
        return replace(found, last_index=found.last_index + 3) if found.server_id == "n1" else found

    change_status(shell, monkeypatch, ahead)
    assert lines(shell.type("STATUS"))[2].endswith("3 entries behind")


def test_status_shows_how_much_of_a_snapshot_has_arrived(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """§5.1: a node that is far behind is not heard of otherwise for as long as that takes."""

    def sending(found: NodeStatus) -> NodeStatus:
        peers = [replace(peer, snapshot_sent=750_000, snapshot_bytes=3_000_000) for peer in found.peers]
        return replace(found, peers=peers)

    change_status(shell, monkeypatch, sending)
    assert "gets a snapshot: 25 % of 3,000,000 bytes" in " ".join(shell.type("STATUS").split())


def test_status_counts_leader_changes(shell: Shell) -> None:
    assert "1 leader change in the last 10 min" in shell.type("STOP n1", "STATUS")
    assert "2 leader changes in the last 10 min" in shell.type("START n1", "STOP n2", "STATUS")


# --- LOG ---


def test_log_shows_the_entries_of_the_leader_as_they_were_typed(shell: Shell) -> None:
    shell.type('set a "two words"', "HSET h f:v", "ADD")
    assert lines(shell.type("LOG")) == [
        "index term what committed on",
        "1 1 (no-op) yes n1 n2 n3 n4",
        '2 1 SET a "two words" yes n1 n2 n3 n4',
        "3 1 HSET h f v yes n1 n2 n3 n4",
        "4 1 (configuration: n1 n2 n3 n4) yes n1 n2 n3 n4",
        "n1, leader of term 1: 4 entries, committed through 4",
    ]


@pytest.mark.parametrize(
    ("line", "indexes"),
    [
        ("LOG 2..3", [2, 3]),
        ("LOG n2 2..3", [2, 3]),
        ("LOG 2..3 N2", [2, 3]),
        ("LOG n2 4..", [4, 5]),
        ("LOG ..2", [1, 2]),
        ("LOG 3", [3]),
        ("LOG 9..", []),
        ("LOG 0..1", [1]),
    ],
)
def test_log_takes_a_node_and_a_range(shell: Shell, line: str, indexes: list[int]) -> None:
    shell.type(*(f"SET key{number} {number}" for number in range(4)))
    shown = lines(shell.type(line))[1:-1]
    assert [int(entry.split()[0]) for entry in shown] == indexes


def test_a_long_log_is_shown_from_its_end_and_in_parts(shell: Shell) -> None:
    shell.type(*(f"SET key{number} {number}" for number in range(599)))
    assert lines(shell.type("LOG"))[1].startswith("581 1 SET key579")
    shown = lines(shell.type("LOG 1.."))
    assert len(shown) == 502
    assert shown[-1].endswith("; the next with LOG n1 501..")


def test_a_long_value_does_not_flood_the_log(shell: Shell) -> None:
    shell.type("SET a " + "x" * 100_000)
    assert len(shell.type("LOG")) < 1_000


def test_log_shows_what_is_not_committed_yet(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    def behind(found: NodeStatus) -> NodeStatus:
        return replace(found, commit_index=1, peers=[PeerStatus("n2", 2, 3, 0, 0.0), PeerStatus("n3", 1, 2, 0, 0.0)])

    change_status(shell, monkeypatch, behind)
    shown = lines(shell.type("SET a 1", "LOG"))
    assert shown[1:] == [
        "1 1 (no-op) yes n1 n2 n3",
        "2 1 SET a 1 no n1 n2",
        "n1, leader of term 1: 2 entries, committed through 1",
    ]


def test_log_shows_what_is_no_command_of_the_store_as_that(shell: Shell) -> None:
    shell.cluster.entries.append(LogEntry(2, 1, "command", b"\xff"))
    assert lines(shell.type("LOG 2"))[1].startswith("2 1 (the bytes are not a command")


@pytest.mark.parametrize("line", ["LOG n1 n2", "LOG 1.. 2..", "LOG 1 2"])
def test_log_takes_no_more_than_one_of_each(shell: Shell, line: str) -> None:
    assert shell.type(line) == "(error) LOG takes one node and one range: LOG n1 5..  or  LOG 3..8"


def test_log_without_a_leader_asks_for_a_name(shell: Shell) -> None:
    shell.type("STOP n2", "STOP n3")
    assert shell.type("LOG") == "(error) no leader is known now. Name the node: LOG n1"
    assert shell.type("LOG n2") == "(error) n2 does not run or does not answer, so its log cannot be shown"
