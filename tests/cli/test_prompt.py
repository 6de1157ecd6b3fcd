"""The interactive loop, driven by the keys that a terminal sends."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session, get_app
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli.exits import ExitCode
from tfraft.cli.prompt import Prompt
from tfraft.cli.signals import Signals
from tfraft.node.status import EventKind

CTRL_C, CTRL_D, UP, ENTER, TAB = "\x03", "\x04", "\x1b[A", "\r", "\t"
Play = Callable[[PipeInput, Shell], Awaitable[None]]


def run(play: Play, shell: Shell, history: Path | None = None) -> str:
    """What a user has seen who did as `play` does, up to the end of the session."""

    async def run() -> None:
        with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()), Signals() as signals:
            prompt = Prompt(
                shell.session,
                shell.write,
                colour=False,
                history=history,
                terminal_input=keys,
                terminal_output=DummyOutput(),
            )
            shell.context.confirm = prompt.confirm
            running = asyncio.create_task(prompt.run(signals))
            await play(keys, shell)
            await running

    asyncio.run(run())
    return shell.shown()


async def kill_when(event: asyncio.Event, number: signal.Signals) -> None:
    """Send this process a signal once something has happened."""
    await event.wait()
    os.kill(os.getpid(), number)


def typing(*keys: str) -> Play:
    """Send all keys at once."""

    async def play(pipe: PipeInput, shell: Shell) -> None:
        pipe.send_text("".join(keys))

    return play


def test_lines_are_answered_until_exit(shell: Shell) -> None:
    assert run(typing("SET a 1", ENTER, "GET a", ENTER, "EXIT", ENTER, "GET a", ENTER), shell) == 'OK\n"1"'


def test_ctrl_d_ends_the_session(shell: Shell) -> None:
    assert run(typing("SET a 1", ENTER, CTRL_D), shell) == "OK"


def test_ctrl_c_clears_the_line_and_the_prompt_comes_back(shell: Shell) -> None:
    assert run(typing("SET a 1", CTRL_C, "GET a", ENTER, CTRL_D), shell) == "(nil)"
    assert shell.cluster.executed[0] == [b"GET", b"a"]


def test_a_wrong_line_does_not_end_the_session(shell: Shell) -> None:
    shown = run(typing('SET a "b', ENTER, ENTER, "nonsense", ENTER, "DBSIZE", ENTER, CTRL_D), shell)
    assert shown.splitlines()[0].startswith("(error) the quote at column 7 is never closed")
    assert shown.splitlines()[-1] == "(integer) 0"


def test_any_unicode_can_be_typed(shell: Shell) -> None:
    assert run(typing("SET ключ 'значение 🦊'", ENTER, "GET ключ", ENTER, CTRL_D), shell) == 'OK\n"значение 🦊"'


def test_pasted_lines_are_answered_one_by_one(shell: Shell) -> None:
    paste = "\x1b[200~SET a 1\nGET a\x1b[201~"
    assert run(typing(paste, ENTER, CTRL_D), shell) == 'OK\n"1"'


def test_ctrl_c_stops_waiting_for_a_command_in_flight(shell: Shell) -> None:
    async def play(keys: PipeInput, shell: Shell) -> None:
        shell.cluster.holding = {"execute"}
        keys.send_text("SET a 1" + ENTER)
        await shell.cluster.asked.wait()
        shell.cluster.holding = set()
        os.kill(os.getpid(), signal.SIGINT)
        await shell.wrote.wait()
        keys.send_text("GET a" + ENTER + CTRL_D)

    assert run(play, shell) == (
        "(error) UNKNOWN outcome: you stopped waiting. SET may still take effect: read it back later, or HEAL.\n(nil)"
    )


def test_an_interrupt_while_nothing_is_under_way_ends_nothing(shell: Shell) -> None:
    async def play(keys: PipeInput, shell: Shell) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        await asyncio.sleep(0)
        keys.send_text("DBSIZE" + ENTER + CTRL_D)

    assert run(play, shell) == "(integer) 0"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, ExitCode.TERMINATED), (signal.SIGHUP, ExitCode.HANGUP)])
@pytest.mark.parametrize("in_flight", [False, True])
def test_a_signal_ends_the_session_in_good_order(
    shell: Shell, number: signal.Signals, code: ExitCode, in_flight: bool
) -> None:
    async def run() -> ExitCode | None:
        with create_pipe_input() as keys, Signals() as signals:
            prompt = Prompt(
                shell.session, shell.write, colour=False, terminal_input=keys, terminal_output=DummyOutput()
            )
            try:
                shell.cluster.holding = {"execute"} if in_flight else set()
                keys.send_text("DBSIZE" + ENTER)
                killing = asyncio.create_task(kill_when(shell.cluster.asked, number))
                await prompt.run(signals)
                await killing
            except asyncio.CancelledError:
                return signals.ended_by
        return None

    assert asyncio.run(run()) is code


def completing(typed: str, completed: str) -> Play:
    """Type, press TAB, see the line completed, and send it."""

    async def play(keys: PipeInput, shell: Shell) -> None:
        keys.send_text(typed + TAB)
        await line_is(completed)
        keys.send_text(ENTER + CTRL_D)

    return play


async def line_is(text: str) -> None:
    """Wait until the line that is being typed reads so."""
    async with asyncio.timeout(10):
        while True:
            if get_app().current_buffer.text == text:
                return
            await asyncio.sleep(0.001)


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("dbs", "DBSIZE"),
        ("PART", "PARTITION"),
        ("GET gree", "GET greeting"),
        ('GET "two', 'GET "two words"'),
        ("DEL a gree", "DEL a greeting"),
        ("KILL n", "KILL n1"),
        ("PARTITION n2,", "PARTITION n2,n1"),
        ("HELP hstr", "HELP HSTRLEN"),
        ("VERBOSE of", "VERBOSE off"),
    ],
)
def test_tab_completes_commands_keys_and_nodes(typed: str, completed: str) -> None:
    shell = Shell(FakeCluster(nodes=1))
    shell.session.keys.saw([b"greeting", b"two words"])
    run(completing(typed, completed), shell)


def test_tab_offers_keys_of_the_cluster_that_this_session_has_not_seen(cluster: FakeCluster) -> None:
    async def play(keys: PipeInput, shell: Shell) -> None:
        keys.send_text("GET gr")
        async with asyncio.timeout(10):
            while True:
                keys.send_text(TAB)
                await asyncio.sleep(0.001)
                if get_app().current_buffer.text == "GET green":
                    break
        keys.send_text(ENTER + CTRL_D)

    Shell(cluster).type("SSET green x")
    run(play, Shell(cluster))
    assert cluster.executed.count([b"KEYS", b"*"]) == 1


def test_history_lasts_from_one_session_to_the_next(cluster: FakeCluster, tmp_path: Path) -> None:
    run(typing("SET a 1", ENTER, CTRL_D), Shell(cluster), tmp_path / "history")
    assert run(typing(UP, ENTER, CTRL_D), Shell(cluster), tmp_path / "history") == "OK"
    assert cluster.executed == [[b"SET", b"a", b"1"]] * 2


@pytest.mark.parametrize(
    ("answer", "shown"),
    [("y", "n2 killed. 2 of 3 left: still a quorum."), ("", "KILL was not done."), (CTRL_C, "KILL was not done.")],
)
def test_where_data_are_kept_a_kill_is_asked_about(answer: str, shown: str) -> None:
    shell = Shell(FakeCluster(data_dir="./demo"))
    confirmed = answer if answer == CTRL_C else answer + ENTER
    assert run(typing("KILL n2", ENTER, confirmed, CTRL_D), shell) == shown


def test_verbose_shows_events_as_they_come(shell: Shell) -> None:
    async def play(keys: PipeInput, shell: Shell) -> None:
        keys.send_text("VERBOSE on" + ENTER)
        await shell.wrote.wait()
        shell.shown()
        shell.cluster.tell("n2", EventKind.VOTED, "n2 votes n3", "§3.6.1")
        await shell.wrote.wait()
        keys.send_text(CTRL_D)

    shown = run(play, shell)
    assert "ms  n2 votes n3" in shown
    assert shown.endswith("why: §3.6.1")
