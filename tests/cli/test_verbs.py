"""The verbs: what holds of all of them, and HELP and VERBOSE."""

import asyncio

import pytest

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli.session import Result
from tfraft.clusters.cluster import NodeState


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


def test_help_lists_every_command_with_its_usage(shell: Shell) -> None:
    shown = shell.type("HELP")
    for usage in ("SET key value", "HSET hash field value", "STATUS", "PARTITION node,… | node,…", "EXIT", "8,388,608"):
        assert usage in shown


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("set", "SET key value [NX | XX]"),
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
