"""The verbs: what each does to the cluster, and what it tells."""

import asyncio
from dataclasses import replace

import pytest

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli.session import Result
from tfraft.clusters.cluster import NodeState
from tfraft.core.requests import Answer, AnswerStatus
from tfraft.node.status import EventKind, LogEntry, NodeStatus, PeerStatus


def lines(shown: str) -> list[str]:
    """The lines with runs of blanks as one, since columns may move."""
    return [" ".join(line.split()) for line in shown.splitlines()]


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
    status = shell.cluster.status

    async def behind(server_id: str) -> NodeStatus | None:
        found = await status(server_id)
        assert found is not None
        return replace(found, last_index=found.last_index + 3) if server_id == "n1" else found

    monkeypatch.setattr(shell.cluster, "status", behind)
    assert lines(shell.type("STATUS"))[2].endswith("3 entries behind")


def test_status_shows_how_much_of_a_snapshot_has_arrived(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """§5.1: a node that is far behind is not heard of otherwise for as long as that takes."""
    status = shell.cluster.status

    async def sending(server_id: str) -> NodeStatus | None:
        found = await status(server_id)
        assert found is not None
        peers = [replace(peer, snapshot_sent=750_000, snapshot_bytes=3_000_000) for peer in found.peers]
        return replace(found, peers=peers)

    monkeypatch.setattr(shell.cluster, "status", sending)
    assert "gets a snapshot: 25 % of 3,000,000 bytes" in " ".join(shell.type("STATUS").split())


def test_status_counts_leader_changes(shell: Shell) -> None:
    assert "1 leader change in the last 10 min" in shell.type("STOP n1", "STATUS")
    assert "2 leader changes in the last 10 min" in shell.type("START n1", "STOP n2", "STATUS")


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
    status = shell.cluster.status

    async def behind(server_id: str) -> NodeStatus | None:
        found = await status(server_id)
        assert found is not None
        return replace(found, commit_index=1, peers=[PeerStatus("n2", 2, 3, 0, 0.0), PeerStatus("n3", 1, 2, 0, 0.0)])

    monkeypatch.setattr(shell.cluster, "status", behind)
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
    kill = shell.cluster.kill_node

    async def kill_late(server_id: str) -> None:
        shell.cluster.tell("n3", EventKind.LEADER, "n3 leader of term 1")
        await kill(server_id)

    monkeypatch.setattr(shell.cluster, "kill_node", kill_late)
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


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("PARTITION n1 | n1", "n1 cannot be on two sides: PARTITION n1,n2 | n3"),
        ("PARTITION n1 |", "each side of a partition needs a node: PARTITION n1,n2 | n3"),
        ("PARTITION |", "each side of a partition needs a node: PARTITION n1,n2 | n3"),
        ("PARTITION n1 n2 n3", "each side of a partition needs a node: PARTITION n1,n2 | n3"),
        ("PARTITION n1 | n9", "there is no node n9. The nodes are n1 n2 n3."),
        ("KILL leader", "there is no node leader. The nodes are n1 n2 n3."),
        ("KILL \x1b[2J", r"there is no node \x1b[2J. The nodes are n1 n2 n3."),
        ("STOP n10", "there is no node n10. The nodes are n1 n2 n3. Did you mean n1?"),
        ("SLOW n1 fast", "SLOW needs milliseconds from 0 to 60000, not fast: SLOW n2 200"),
        ("SLOW n1 -1", "SLOW needs milliseconds from 0 to 60000, not -1: SLOW n2 200"),
        ("SLOW n1 nan", "SLOW needs milliseconds from 0 to 60000, not nan: SLOW n2 200"),
        ("START n1", "n1 runs already"),
        ("VERBOSE maybe", "VERBOSE is on or off: VERBOSE on"),
        ("HELP GETT", "unknown command GETT. Did you mean HELP GET?"),
    ],
)
def test_a_verb_that_cannot_be_done_says_why_and_changes_nothing(shell: Shell, line: str, told: str) -> None:
    assert shell.type(line) == f"(error) {told}"
    assert shell.results == [Result.FAILED]
    assert set(shell.cluster.states.values()) == {NodeState.RUNNING}
    assert shell.cluster.groups == []


def test_slow_delays_a_node_in_milliseconds(shell: Shell) -> None:
    assert "each message to and from n2 takes 150 ms longer now" in shell.type("SLOW n2 150")
    assert shell.cluster.delays == {"n2": 0.15}
    assert shell.type("SLOW n2 0") == "messages to and from n2 are not delayed any more."


def test_add_tells_what_an_even_number_of_voters_is_worth(shell: Shell) -> None:
    assert shell.type("ADD") == (
        "n4 added: caught up first, then made a voter (§4.2.1). 4 voters, quorum 3: no more of them may fail than of 3."
    )
    assert shell.type("ADD n9").endswith("5 voters, quorum 3.")


def test_remove_takes_a_node_out_and_tells_of_the_next_leader(shell: Shell) -> None:
    assert shell.type("REMOVE n3").startswith("n3 left (§4.2.2). 2 voters, quorum 2")
    shell.type("ADD")
    shown = shell.type("REMOVE n1")
    assert shown.startswith("n1 left (§4.2.2).")
    assert "n2 leader of term 2" in shown


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(AnswerStatus.REFUSED, reason="another change is under way"), "another change is under way"),
        (Answer(AnswerStatus.NOT_LEADER), "there is no leader now"),
    ],
)
def test_a_refused_change_says_why(shell: Shell, answer: Answer, told: str) -> None:
    shell.cluster.change_answer = answer
    assert shell.type("ADD n4") == f"(error) n4 was not added: {told}"
    assert shell.type("REMOVE n2") == f"(error) n2 was not removed: {told}"


def test_a_change_without_an_answer_has_an_unknown_outcome(shell: Shell) -> None:
    shell.cluster.change_answer = Answer(AnswerStatus.TIMEOUT)
    assert shell.type("ADD") == ("(error) UNKNOWN outcome: no answer in time. The change may still happen: see STATUS.")


def test_help_lists_every_command_with_its_usage(shell: Shell) -> None:
    shown = shell.type("HELP")
    for usage in ("SET key value", "HSET hash field value", "STATUS", "PARTITION node,… | node,…", "EXIT", "8,388,608"):
        assert usage in shown


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("set", "SET key value\nStore a string under a key"),
        ("GET", "after a majority has confirmed that it leads (§6.4)"),
        ("kill", "asks first where data are kept"),
        ("STATUS", "It is for the cluster"),
    ],
)
def test_help_tells_all_about_one_command(shell: Shell, name: str, told: str) -> None:
    assert told in shell.type(f"HELP {name}")


def test_harm_that_lasts_is_asked_about_only_where_data_are_kept() -> None:
    asked: list[str] = []

    async def no(question: str) -> bool:
        asked.append(question)
        return False

    kept = Shell(FakeCluster(data_dir="./demo"))
    kept.context.confirm = no
    assert kept.type("KILL n2") == "KILL was not done."
    assert asked == ["KILL n2: the data of this cluster are kept. Go on?"]
    assert kept.type("STOP n3") == "n3 stopped. 2 of 3 left: still a quorum."
    volatile = Shell(FakeCluster())
    volatile.context.confirm = no
    assert volatile.type("KILL n2") == "n2 killed. 2 of 3 left: still a quorum."
    assert len(asked) == 1


def test_verbose_shows_events_once(shell: Shell) -> None:
    """While events are shown as they come, a verb does not tell them again."""
    assert shell.type("VERBOSE on") == "from now on you see what each node does, and why."
    assert shell.context.verbose
    assert shell.type("KILL n1") == "n1 killed. 2 of 3 left: still a quorum."
    assert shell.type("verbose OFF") == "quiet again."


def test_a_verb_that_hangs_is_left_after_a_time(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(server_id: str) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr("tfraft.cli.session._VERB_GRACE_S", 0.0)
    monkeypatch.setattr(cluster, "stop_node", never)
    assert Shell(cluster, timeout_s=0.01).type("STOP n1") == (
        "(error) UNKNOWN outcome: no answer in 0.01 s. STOP may still take effect: see STATUS."
    )


def test_a_failed_disk_is_told_while_we_wait_for_a_leader(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfraft.cli.verbs.story.PATIENCE_S", 0.01)
    kill = shell.cluster.kill_node

    async def kill_and_fail(server_id: str) -> None:
        shell.cluster.tell("n2", EventKind.STORAGE_FAILED, "n2 stops: no space left", "§3.8")
        await kill(server_id)

    monkeypatch.setattr(shell.cluster, "kill_node", kill_and_fail)
    assert "n2 stops: no space left" in shell.type("KILL n1")
