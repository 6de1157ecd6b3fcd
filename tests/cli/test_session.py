"""One line, one answer: the commands of the store at the prompt, and everything that can be wrong with a line."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli.session import Result
from tfraft.errors import NotLeader, OutcomeUnknown, Refused, Unavailable


def test_the_first_minute(shell: Shell) -> None:
    """Every answer of the nine commands, as the issue wants it typed."""
    answers = {
        'SET greeting "hello world"': "OK",
        "GET greeting": '"hello world"',
        "GET nothing": "(nil)",
        'SET empty ""': "OK",
        "GET empty": '""',
        "HSET user name:Ada site:https://a.b/c": "(integer) 2",
        "HGET user site": '"https://a.b/c"',
        "HGET user age": "(nil)",
        "HDEL user name nope": "(integer) 1",
        "SSET colours red Green": "(integer) 2",
        "SHAS colours Green": "true",
        "SHAS colours green": "false",
        "SDEL colours red blue": "(integer) 1",
        "DEL greeting": "(integer) 1",
        "TYPE user": "hash",
        "KEYS *": '1) "colours"\n2) "empty"\n3) "user"',
        "KEYS x*": "(empty list)",
    }
    assert {line: shell.type(line) for line in answers} == answers
    assert set(shell.results) == {Result.OK}


def test_a_write_goes_to_the_cluster_once(shell: Shell) -> None:
    shell.type("set Key 'A value'")
    assert shell.cluster.executed == [[b"SET", b"Key", b"A value"]]


@pytest.mark.parametrize("line", ["", "   ", "# a comment", '  # with a "quote'])
def test_an_empty_line_and_a_comment_have_no_answer(shell: Shell, line: str) -> None:
    assert shell.type(line) == ""
    assert shell.results == [Result.NOTHING]


@pytest.mark.parametrize("line", ["EXIT", "exit", "QUIT", "Quit"])
def test_exit_and_quit_end_the_session(shell: Shell, line: str) -> None:
    assert shell.type(line) == ""
    assert shell.results == [Result.EXIT]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("SETT a 1", "(error) unknown command SETT. Did you mean SET key value?"),
        ("bad", "(error) unknown command bad. HELP lists all commands."),
        ("\x1b[2J", r"(error) unknown command \x1b[2J. HELP lists all commands."),
        ('SET a "b', '(error) the quote at column 7 is never closed: "b'),
        ("GET", "(error) GET command requires a key argument, not 0. Usage: GET key"),
        ("KILL", "(error) KILL takes other arguments. Usage: KILL node   (such as KILL n2)"),
        ("HEAL all", "(error) HEAL takes other arguments. Usage: HEAL   (such as HEAL)"),
        ("HGET user", "(error) HGET command requires hash and field arguments, not 1. Usage: HGET hash field"),
    ],
)
def test_a_wrong_line_says_what_was_wrong_and_the_prompt_comes_back(shell: Shell, line: str, told: str) -> None:
    assert shell.type(line) == told
    assert shell.results == [Result.FAILED]
    assert shell.cluster.executed == []
    assert shell.type("SET a 1") == "OK"


@pytest.mark.parametrize(
    ("before", "line", "told"),
    [
        ("HSET user name:Ada", "GET user", "user is a hash, GET needs a string. Try: HGET user <field>"),
        ("SSET user a", "GET user", "user is a set, GET needs a string. Try: SHAS user <value>"),
        ("SET user a", "HGET user f", "user is a string, HGET needs a hash. Try: GET user"),
        ("SET user a", "HSET user f:v", "user is a string, HSET needs a hash. Try: GET user, or DEL user first"),
        (
            "HSET 'a b' f:v",
            "SSET 'a b' v",
            'a b is a hash, SSET needs a set. Try: HGET "a b" <field>, or DEL "a b" first',
        ),
    ],
)
def test_a_type_conflict_is_explained_and_changes_nothing(shell: Shell, before: str, line: str, told: str) -> None:
    shell.type(before)
    assert shell.type(line) == f"(error) WRONGTYPE {told}"
    assert shell.type("DBSIZE") == "(integer) 1"


def test_a_missing_key_hints_at_one_that_differs_only_in_case(shell: Shell) -> None:
    assert shell.type("SET Gr*eting hello", "GET gR*eting") == (
        "(nil)\nThere is no gR*eting, but there is Gr*eting: keys keep their case."
    )
    assert shell.type("GET greeting") == "(nil)"
    assert shell.type("HSET User name:Ada", "HGET User NAME") == "(nil)"


def test_a_pipe_gets_no_hint_and_asks_the_store_nothing_more(cluster: FakeCluster) -> None:
    shell = Shell(cluster, interactive=False)
    shell.type("SET Greeting hello", "GET greeting")
    assert len(cluster.executed) == 2


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OutcomeUnknown("n1 did not answer in 10 s"), "(error) UNKNOWN outcome: n1 did not answer in 10 s"),
        (Refused("no quorum: n2 n3 cannot be reached"), "(error) no quorum: n2 n3 cannot be reached"),
        (NotLeader("n2"), "(error) not the leader; try n2"),
        (Unavailable("no answer in 10 s"), "(error) no answer in 10 s"),
    ],
)
def test_what_the_cluster_cannot_do_is_told_in_its_words(shell: Shell, error: Exception, told: str) -> None:
    shell.cluster.fails_with = error
    assert shell.type("SET a 1") == told
    assert len(shell.cluster.executed) == 1


def test_a_fault_of_ours_is_one_line_and_its_details_are_in_a_file(
    shell: Shell, caplog: pytest.LogCaptureFixture
) -> None:
    shell.cluster.fails_with = RuntimeError("boom")
    told = shell.type("GET a")
    assert told.startswith("(error) internal: RuntimeError('boom') (details in ")
    assert "\n" not in told
    assert "Traceback" in caplog.text
    assert shell.type("GET a") == "(nil)"


def test_a_cluster_that_never_answers_is_left_after_a_time(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tfraft.cli.session._COMMAND_GRACE_S", 0.0)
    shell = Shell(cluster, timeout_s=0.01)
    cluster.holding = {"execute"}
    assert shell.type("GET a") == "(error) no answer in 0.01 s; nothing was changed"
    assert shell.type("SET a 1") == (
        "(error) UNKNOWN outcome: no answer in 0.01 s. SET may still take effect: read it back later, or HEAL."
    )


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("GET a", "(error) you stopped waiting; nothing was changed"),
        ("STATUS", "(error) you stopped waiting; nothing was changed"),
        ("KILL n1", "(error) UNKNOWN outcome: you stopped waiting. KILL may still take effect: see STATUS."),
        (
            "SET a 1",
            "(error) UNKNOWN outcome: you stopped waiting. SET may still take effect: read it back later, or HEAL.",
        ),
    ],
)
def test_who_stops_waiting_is_told_what_may_still_come(shell: Shell, line: str, told: str) -> None:
    async def run() -> str:
        shell.cluster.holding = {"execute", "status", "kill_node"}
        answering = asyncio.create_task(shell.session.answer(line))
        await shell.cluster.asked.wait()
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        shell.session.interrupted()
        return shell.shown()

    assert asyncio.run(run()) == told


def test_who_waits_without_a_quorum_is_told_what_for(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tfraft.cli.session._NOTICE_AFTER_S", 0.0)
    shell.type("STOP n2", "STOP n3")
    shell.cluster.holding = {"execute"}

    async def run() -> str:
        answering = asyncio.create_task(shell.session.answer("SET a 1"))
        await shell.wrote.wait()
        answering.cancel()
        return shell.shown()

    assert asyncio.run(run()) == (
        "waiting for a quorum (need 2 of 3, have 1) … Ctrl-C stops waiting, the write may still happen later"
    )


def test_an_error_of_the_store_without_an_explanation_is_shown_as_it_is(shell: Shell) -> None:
    wrong_type = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"
    shell.cluster.replies = [b"-ERR out of luck\r\n", wrong_type, wrong_type]
    assert shell.type("GET a") == "(error) ERR out of luck"
    # The key is gone when its type is asked for.
    assert shell.type("GET a") == "(error) WRONGTYPE Operation against a key holding the wrong kind of value"
    shell.cluster.replies = [wrong_type, b"+zset\r\n"]
    assert shell.type("GET a") == "(error) WRONGTYPE Operation against a key holding the wrong kind of value"


def test_an_answer_that_cannot_be_explained_now_is_given_all_the_same(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = shell.cluster.execute

    async def only_once(args: Sequence[bytes], *limits: Any) -> bytes:
        if args[0] == b"KEYS":
            raise Unavailable("no leader")
        return await execute(args, *limits)

    monkeypatch.setattr(shell.cluster, "execute", only_once)
    assert shell.type("GET a") == "(nil)"


def test_the_log_file_is_named_where_it_is(shell: Shell, state_home: Path) -> None:
    shell.cluster.fails_with = RuntimeError("boom")
    assert str(state_home / "tf-raft" / "tf-raft.log") in shell.type("GET a")
