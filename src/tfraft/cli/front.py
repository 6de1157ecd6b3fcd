"""What stands in front of a cluster, whatever that is made of: a prompt on a terminal, or answers to a pipe's lines."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from time import perf_counter, time
from typing import Protocol

from tfraft.cli import places
from tfraft.cli.batch import BatchStreams, run_batch
from tfraft.cli.exits import ExitCode
from tfraft.cli.json_lines import JsonOutput
from tfraft.cli.session import Session
from tfraft.cli.signals import Signals
from tfraft.cli.stdin import lines
from tfraft.cli.streams import require_open, tell_beside
from tfraft.cli.style import Style, wants_colour
from tfraft.cli.terminal import TerminalOutput
from tfraft.cli.verb import Context
from tfraft.cli.verbs.table import VERBS
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import Cluster, NodeState
from tfraft.record import record

Tell = Callable[[str], None]


@record
class FrontSettings:
    """How answers are given, whether nothing is asked, and how long an answer may take."""

    as_json: bool = False
    yes: bool = False
    timeout_s: float = 10.0


class Words(Protocol):
    """What a user is told before the first line and after the last."""

    def greeting(self, cluster: Cluster, watcher: Watcher, started_s: float) -> Sequence[str]:
        """The lines above the first prompt; `started_s` is when the cluster was begun."""

    def beside(self, cluster: Cluster) -> Sequence[str]:
        """The lines that a pipe gets on standard error before the first answer."""

    def farewell(self, cluster: Cluster, running: int, took_s: float) -> str:
        """The last line, where so many nodes ran; empty for none."""


async def until_done(work: Callable[[Signals], Awaitable[ExitCode]]) -> ExitCode:
    """Do `work` until it has ended, or a signal ends it; the exit code."""
    with Signals() as signals:
        try:
            return await work(signals)
        except asyncio.CancelledError:
            if signals.ended_by is None:
                raise
            return signals.ended_by


async def in_front_of(cluster: Cluster, words: Words, settings: FrontSettings, signals: Signals) -> ExitCode:
    """Enter the cluster, answer lines until the user has done, and leave it."""
    require_open(sys.stdin)
    watcher = Watcher()
    cluster.observe(watcher.on_event)
    if sys.stdin.isatty() and sys.stdout.isatty():
        return await _with_prompt(cluster, watcher, words, settings, signals)
    return await _with_pipe(cluster, watcher, words, settings)


async def _with_prompt(
    cluster: Cluster, watcher: Watcher, words: Words, settings: FrontSettings, signals: Signals
) -> ExitCode:
    from tfraft.cli.look import TerminalWithoutQuestions
    from tfraft.cli.prompt import Prompt

    colour = wants_colour(sys.stdout, os.environ)
    started_s = time()
    async with _entered(cluster, words, _write_line):
        for line in words.greeting(cluster, watcher, started_s):
            _write_line(line)
        output = JsonOutput(_write_line) if settings.as_json else TerminalOutput(_write, Style(colour))
        context = Context(cluster, output, watcher, VERBS, settings.timeout_s)
        session = Session(context, interactive=True)
        terminal = TerminalWithoutQuestions.of_this_process()
        history = places.history_file()
        prompt = Prompt(session, _write, colour=colour, history=history, terminal_output=terminal)
        context.confirm = None if settings.yes else prompt.confirm
        await prompt.run(signals)
    return ExitCode.OK


async def _with_pipe(cluster: Cluster, watcher: Watcher, words: Words, settings: FrontSettings) -> ExitCode:
    async with _entered(cluster, words, tell_beside):
        for line in words.beside(cluster):
            tell_beside(line)
        streams = BatchStreams(sys.stdout.buffer, tell_beside, as_json=settings.as_json)
        context = Context(cluster, streams.output, watcher, VERBS, settings.timeout_s)
        return await run_batch(Session(context), streams, lines(sys.stdin.fileno()))


@asynccontextmanager
async def _entered(cluster: Cluster, words: Words, tell: Tell) -> AsyncIterator[None]:
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
        if began is not None and (last := words.farewell(cluster, running, perf_counter() - began)):
            with suppress(OSError):  # A terminal that hung up cannot be told anything.
                tell(last)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _write_line(text: str) -> None:
    _write(text + "\n")
