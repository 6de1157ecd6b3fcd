"""What stands around the line: the prompt, the toolbar, the grey hint, the first lines and the last."""

import asyncio

import pytest
from prompt_toolkit.formatted_text import fragment_list_to_text

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli import banner, look
from tfraft.cli.hints import still_to_type
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import ClusterInfo, Member, NodeState
from tfraft.node.status import Event, EventKind

USAGES = {
    "SET": "SET key value",
    "HSET": "HSET hash field value [field value …]",
    "LOG": "LOG [node] [first..last]",
    "STATUS": "STATUS",
}


@pytest.mark.parametrize(
    ("typed", "hint"),
    [
        ("", ""),
        ("  ", ""),
        ("SE", ""),
        ("SET", " key value"),
        ("set ", "key value"),
        ("SET k", " value"),
        ("SET k ", "value"),
        ('SET "two words" ', "value"),
        ("SET k v", ""),
        ("SET k v ", ""),
        ('SET k "v', ""),
        ("HSET h f v ", "[field value …]"),
        ("LOG ", "[node] [first..last]"),
        ("LOG n1 ", "[first..last]"),
        ("STATUS", ""),
        ("WHAT ", ""),
    ],
)
def test_the_hint_is_what_is_still_to_be_typed(typed: str, hint: str) -> None:
    assert still_to_type(typed, USAGES) == hint


def test_the_prompt_names_the_leader_and_the_term(shell: Shell) -> None:
    assert fragment_list_to_text(look.message(shell.context)) == "n1★ t1> "
    shell.type("KILL n1")
    assert fragment_list_to_text(look.message(shell.context)) == "n2★ t2> "
    shell.type("KILL n2")
    assert fragment_list_to_text(look.message(shell.context)) == "no leader> "


def test_the_toolbar_shows_the_role_of_every_node(shell: Shell) -> None:
    assert fragment_list_to_text(look.toolbar(shell.context)) == "n1 ★ leader · n2 · n3"
    shell.cluster.tell("n3", EventKind.FOLLOWER, "n3 follows n1")
    shell.type("STOP n2", "PARTITION n1 | n3")
    assert fragment_list_to_text(look.toolbar(shell.context)) == (
        "n1 leader · n2 stopped · n3 follower · network cut: HEAL mends it"
    )


def test_a_leader_that_was_cut_off_is_an_old_one(shell: Shell) -> None:
    shell.type("PARTITION n1 | n2 n3")
    assert fragment_list_to_text(look.toolbar(shell.context)).startswith("n1 old leader · n2 ★ leader")


def members(*addresses: str) -> list[Member]:
    """Running nodes at these addresses."""
    return [Member(f"n{number}", address, NodeState.RUNNING) for number, address in enumerate(addresses, start=1)]


def test_the_first_line_says_what_runs() -> None:
    memory, rpc = ClusterInfo("memory", None), ClusterInfo("RPC", "./demo")
    assert banner.what_runs(memory, members("", "", "")).endswith(" — 3 nodes in this process, memory network")
    ports = members("127.0.0.1:50051", "127.0.0.1:50052", "127.0.0.1:50053")
    assert banner.what_runs(rpc, ports).endswith(" — 3 processes, gRPC on 127.0.0.1:50051–50053")
    assert banner.what_runs(ClusterInfo("TCP", None), ports).endswith(" — 3 processes, TCP on 127.0.0.1:50051–50053")


@pytest.mark.parametrize(
    ("found", "told"),
    [
        (["127.0.0.1:50051"], "127.0.0.1:50051"),
        (["127.0.0.1:50051", "127.0.0.1:50061"], "127.0.0.1:50051, 50061"),
        (["127.0.0.1:1", "127.0.0.2:2"], "127.0.0.1:1, 127.0.0.2:2"),
    ],
)
def test_ports_are_named_where_they_are_no_range(found: list[str], told: str) -> None:
    assert banner.addresses(members(*found)) == told


def test_start_and_exit_say_whether_data_are_kept() -> None:
    volatile, kept = ClusterInfo("memory", None), ClusterInfo("memory", "./demo")
    assert banner.data_line(volatile) == "data       not kept (add --data DIR to keep it)"
    assert banner.data_line(kept) == "data       ./demo (kept; next time:  tf-raft start --data ./demo )"
    assert banner.farewell(volatile, 3, 0.0414) == "3 nodes stopped in 41 ms. Data was not kept. Bye."
    assert banner.farewell(kept, 1, 0.0414) == "1 node stopped in 41 ms. Data is kept in ./demo. Bye."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            "n2 leader of term 1 (votes n1 n2), appends a no-op at 1",
            "n1 n2 started · n2 became leader of term 1 after 212 ms (votes n1 n2)",
        ),
        ("n2 leads", "n1 n2 started · n2 became leader of term 1 after 212 ms"),
    ],
)
def test_the_first_lines_name_the_leader(text: str, told: str) -> None:
    leader = Event(1000.212, "n2", EventKind.LEADER, 1, text)
    assert banner.who_leads(members("", ""), leader, 1000.0) == told


def test_a_cluster_without_a_leader_is_usable_and_says_so() -> None:
    assert banner.who_leads(members(""), None, 0) == "n1 started · no leader yet: STATUS shows how each node stands"


def test_a_follower_of_events_gets_them_until_it_stops() -> None:
    watcher = Watcher()
    seen: list[Event] = []
    event = Event(1.0, "n1", EventKind.LEADER, 1, "n1 leads")
    stop = watcher.follow(seen.append)
    watcher.on_event(event)
    stop()
    watcher.on_event(event)
    assert seen == [event]
    assert watcher.last_leader is event


def test_known_keys_survive_a_cluster_that_cannot_answer(cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfraft.cli.keys._TIMEOUT_S", 0.01)
    shell = Shell(cluster)
    cluster.holding = {"execute"}

    async def ask() -> list[bytes]:
        shell.session.keys.saw([b"b", b"a"])
        shell.session.keys.refresh()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        return list(shell.session.keys)

    assert asyncio.run(ask()) == [b"a", b"b"]


@pytest.mark.parametrize("reply", [b":2001\r\n", b"+OK\r\n"])
def test_too_many_keys_are_not_asked_for(shell: Shell, reply: bytes) -> None:
    async def ask() -> list[bytes]:
        shell.session.keys.refresh()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        return list(shell.session.keys)

    shell.cluster.replies = [reply]
    assert asyncio.run(ask()) == []
    assert shell.cluster.executed == [[b"DBSIZE"]]


def test_the_oldest_of_too_many_keys_are_forgotten(shell: Shell) -> None:
    keys = [b"%04d" % number for number in range(2_001)]
    shell.session.keys.saw(keys)
    assert list(shell.session.keys) == keys[1:]
