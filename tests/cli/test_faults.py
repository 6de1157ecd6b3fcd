"""The verbs that harm nodes and links, and mend them: what each does to the cluster, and what it tells."""

from collections.abc import Callable

import pytest

from tests.cli.transcript import Shell
from tfraft.cli.session import Result
from tfraft.clusters.cluster import NodeState
from tfraft.node.status import EventKind


def before_a_kill(shell: Shell, monkeypatch: pytest.MonkeyPatch, do: Callable[[], None]) -> None:
    """Let this happen after KILL was typed, and before its node is killed."""
    kill = shell.cluster.kill_node

    async def kill_late(server_id: str) -> None:
        do()
        await kill(server_id)

    monkeypatch.setattr(shell.cluster, "kill_node", kill_late)


def test_killing_a_follower_tells_the_quorum_that_is_left(shell: Shell) -> None:
    assert shell.type("KILL n2") == "n2 killed. 2 of 3 left: still a quorum."
    assert shell.type("STOP n3") == "n3 stopped. 1 of 3 left, 2 are a quorum: writes and reads will wait."
    assert shell.cluster.states["n2"] is NodeState.KILLED
    assert shell.cluster.states["n3"] is NodeState.STOPPED


def test_killing_the_leader_tells_who_was_elected_and_why(shell: Shell) -> None:
    shown = shell.type("kill N1").splitlines()
    assert shown[0] == "n1 killed. 2 of 3 left: still a quorum."
    assert [line.split(" ms ")[1].split() for line in shown[1:]] == [
        ["n2", "election", "timeout", "→", "candidate", "why:", "§3.4"],
        ["n2", "leader", "of", "term", "2", "why:", "§3.6.2"],
    ]


def test_an_old_leader_that_speaks_up_is_not_the_new_one(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    before_a_kill(shell, monkeypatch, lambda: shell.cluster.tell("n3", EventKind.LEADER, "n3 leader of term 1"))
    shown = shell.type("KILL n1")
    assert "n3 leader of term 1" in shown
    assert "n2 leader of term 2" in shown


def test_an_election_that_does_not_end_is_not_waited_for_for_ever(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfraft.cli.verbs.story.PATIENCE_S", 0.01)
    monkeypatch.setattr(shell.cluster, "tell", lambda *args: None)
    assert shell.type("KILL n1").splitlines() == [
        "n1 killed. 2 of 3 left: still a quorum.",
        "no leader after 0.01 s: STATUS shows how each node stands",
    ]


def test_a_node_without_a_vote_changes_nothing_by_going(shell: Shell) -> None:
    shell.cluster.states["n4"] = NodeState.RUNNING
    assert shell.type("STOP n4") == "n4 stopped. It had no vote: nothing changes."


def test_start_waits_until_the_node_has_caught_up(shell: Shell) -> None:
    shell.type("STOP n3", "SET a 1")
    shown = shell.type("START n3")
    assert shown.startswith("n3 started from what it saved: all 2 entries after ")
    assert shown.endswith(" ms. 3 of 3 left: still a quorum.")


def test_restart_tells_the_terms_that_have_passed(shell: Shell) -> None:
    shown = shell.type("RESTART n1")
    assert "n1 restarted from what it saved: term 1 → 2, all 2 entries after " in shown


def test_restart_starts_a_node_that_was_stopped(shell: Shell) -> None:
    shell.type("KILL n2")
    assert shell.type("RESTART n2").startswith("n2 restarted from what it saved: all 1 entries after ")


def test_a_node_that_does_not_catch_up_is_not_waited_for_for_ever(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfraft.cli.verbs.nodes._CATCH_UP_PATIENCE_S", 0.01)
    shell.type("STOP n3")
    shell.cluster.silent = {"n3"}
    assert shell.type("START n3") == (
        "n3 started from what it saved, and has not caught up yet. 3 of 3 left: still a quorum."
    )


def test_start_without_a_quorum_does_not_wait(shell: Shell) -> None:
    shell.type("STOP n1", "STOP n2", "STOP n3")
    assert shell.type("START n3") == (
        "n3 started from what it saved. 1 of 3 left, 2 are a quorum: writes and reads will wait."
    )
    shown = shell.type("START n2")
    assert "n2 leader of term 3" in shown
    assert shown.endswith("2 of 3 left: still a quorum.")


def test_a_failed_disk_is_told_while_we_wait_for_a_leader(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfraft.cli.verbs.story.PATIENCE_S", 0.01)
    failed = EventKind.STORAGE_FAILED, "n2 stops: no space left", "§3.8"
    before_a_kill(shell, monkeypatch, lambda: shell.cluster.tell("n2", *failed))
    assert "n2 stops: no space left" in shell.type("KILL n1")


# --- PARTITION, HEAL, SLOW ---


def test_partition_tells_who_still_has_a_quorum(shell: Shell) -> None:
    shown = shell.type("PARTITION n1 | n2,n3").splitlines()
    assert shown[0] == "n1 and n2,n3 can no longer talk. n2 n3 still have a quorum (2 of 3)."
    assert "n2 leader of term 2" in shown[-1]
    assert shell.cluster.groups == [{"n1"}, {"n2", "n3"}]


@pytest.mark.parametrize(
    ("line", "groups"),
    [
        ("PARTITION n3", [{"n3"}]),
        ("PARTITION n1,n2|n3", [{"n1", "n2"}, {"n3"}]),
        ("PARTITION n1 n2 | n3", [{"n1", "n2"}, {"n3"}]),
        ("PARTITION n1, n2 | n3", [{"n1", "n2"}, {"n3"}]),
        ("partition N1 | n2 | n3", [{"n1"}, {"n2"}, {"n3"}]),
    ],
)
def test_partition_takes_groups_in_any_spelling(shell: Shell, line: str, groups: list[set[str]]) -> None:
    shell.type(line)
    assert shell.results == [Result.OK]
    assert shell.cluster.groups == groups


def test_a_partition_without_a_quorum_says_that_writes_wait(shell: Shell) -> None:
    shell.type("KILL n2")
    assert shell.type("PARTITION n1 | n3") == (
        "n1 and n3 can no longer talk. Nobody has a quorum now: writes and reads will wait."
    )
    assert shell.type("HEAL").splitlines()[0] == "network healed: no cuts, no delays. 2 of 3 left: still a quorum."
    assert shell.cluster.groups == []


def test_slow_delays_a_node_in_milliseconds(shell: Shell) -> None:
    assert "each message to and from n2 takes 150 ms longer now" in shell.type("SLOW n2 150")
    assert shell.cluster.delays == {"n2": 0.15}
    assert shell.type("SLOW n2 0") == "messages to and from n2 are not delayed any more."
