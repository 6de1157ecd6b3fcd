"""`start`: run a cluster, with a prompt or a pipe in front of it, until the user has done."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from io import StringIO
from time import perf_counter, time
from typing import TextIO

from tfraft.cli import banner, places
from tfraft.cli.batch import BatchStreams, run_batch
from tfraft.cli.exits import ExitCode
from tfraft.cli.json_lines import JsonOutput
from tfraft.cli.session import Session
from tfraft.cli.settings import StartSettings
from tfraft.cli.signals import Signals
from tfraft.cli.stdin import lines
from tfraft.cli.style import Style, wants_colour
from tfraft.cli.terminal import TerminalOutput
from tfraft.cli.verb import Context
from tfraft.cli.verbs.table import VERBS
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import Cluster, NodeState
from tfraft.errors import SettingError

Tell = Callable[[str], None]


async def start(settings: StartSettings) -> ExitCode:
    """Run `settings` to its end; afterwards no node runs any more. Raises TfRaftError where it cannot begin."""
    with Signals() as signals:
        try:
            return await _start(settings, signals)
        except asyncio.CancelledError:
            if signals.ended_by is None:
                raise
            return signals.ended_by
        except BrokenPipeError:
            _forget_stdout()
            return ExitCode.PIPE_CLOSED


async def _start(settings: StartSettings, signals: Signals) -> ExitCode:
    from tfraft.clusters.datadir import DataDirectory
    from tfraft.clusters.open import open_cluster

    if sys.stdin is None or sys.stdout is None:
        raise SettingError("standard input and standard output must be open: < /dev/null will do")
    if settings.fresh and settings.data is not None and (removed := DataDirectory.contents(settings.data)):
        # Said before it is done: a start that fails later must not have removed anything in silence.
        _tell_beside(f"--fresh removes {removed}")
    watcher = Watcher()
    cluster = open_cluster(
        settings.network, settings.nodes, data=settings.data, state=settings.state, fresh=settings.fresh
    )
    cluster.observe(watcher.on_event)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return await _with_prompt(cluster, watcher, settings, signals)
    return await _with_pipe(cluster, watcher, settings)


async def _with_prompt(cluster: Cluster, watcher: Watcher, settings: StartSettings, signals: Signals) -> ExitCode:
    from tfraft.cli.look import TerminalWithoutQuestions
    from tfraft.cli.prompt import Prompt

    colour = wants_colour(sys.stdout, os.environ)
    started_s = time()
    async with _running(cluster, _write_line):
        for line in [
            banner.what_runs(cluster.info, cluster.members),
            banner.data_line(cluster.info),
            *cluster.info.remarks,
        ]:
            _write_line(line)
        _write_line(banner.who_leads(cluster.members, watcher.last_leader, started_s))
        _write_line(banner.HINT + "\n")
        output = JsonOutput(_write_line) if settings.as_json else TerminalOutput(_write, Style(colour))
        context = Context(cluster, output, watcher, VERBS, settings.timeout_s)
        session = Session(context, interactive=True)
        terminal = TerminalWithoutQuestions.of_this_process()
        history = places.history_file()
        prompt = Prompt(session, _write, colour=colour, history=history, terminal_output=terminal)
        context.confirm = None if settings.yes else prompt.confirm
        await prompt.run(signals)
    return ExitCode.OK


async def _with_pipe(cluster: Cluster, watcher: Watcher, settings: StartSettings) -> ExitCode:
    async with _running(cluster, _tell_beside):
        for line in [banner.data_line(cluster.info), *cluster.info.remarks]:
            _tell_beside(line)
        streams = BatchStreams(sys.stdout.buffer, _stderr(), as_json=settings.as_json)
        context = Context(cluster, streams.output, watcher, VERBS, settings.timeout_s)
        return await run_batch(Session(context), streams, lines(sys.stdin.fileno()))


@asynccontextmanager
async def _running(cluster: Cluster, tell: Tell) -> AsyncIterator[None]:
    """The cluster runs within the block; afterwards the user has been told how it ended."""
    began: float | None = None
    running = 0
    try:
        async with cluster:
            try:
                yield
            finally:
                began = perf_counter()
                running = sum(member.state is NodeState.RUNNING for member in cluster.members)
    finally:
        if began is not None:
            with suppress(OSError):  # A terminal that hung up cannot be told anything.
                tell(banner.farewell(cluster.info, running, perf_counter() - began))


def _forget_stdout() -> None:
    """Let Python's own flush at exit go nowhere: the reader of stdout is gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _tell_beside(text: str) -> None:
    """Tell the user what is no answer."""
    print(text, file=_stderr(), flush=True)


def _stderr() -> TextIO:
    """Standard error; where it is closed, a place that nobody reads. Python's `print` would turn to standard output."""
    return sys.stderr or StringIO()


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _write_line(text: str) -> None:
    _write(text + "\n")
