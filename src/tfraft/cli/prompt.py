"""The interactive prompt: reads lines from a person and hands them to the session, one at a time."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.application import in_terminal
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.shortcuts import CompleteStyle

from tfraft.cli import look
from tfraft.cli.completion import LineCompleter
from tfraft.cli.hints import UsageHint
from tfraft.cli.session import Result, Session
from tfraft.cli.signals import Signals
from tfraft.cli.verbs.story import line_of, now_s
from tfraft.node.status import Event
from tfraft.store import COMMANDS


class LineCleared(Exception):
    """Ctrl-C at the prompt."""


class EndOfInput(Exception):
    """Ctrl-D on an empty line, or the terminal is gone."""


class Prompt:
    """Reads and answers lines until EXIT or Ctrl-D. `write` takes text with its line ends.

    `terminal_input` and `terminal_output` are prompt_toolkit's; None for those of this process."""

    def __init__(
        self,
        session: Session,
        write: Callable[[str], None],
        *,
        colour: bool,
        history: Path | None = None,
        terminal_input: Input | None = None,
        terminal_output: Output | None = None,
    ) -> None:
        self._session = session
        self._write = write
        context = session.context
        usages = {known.name: known.usage for known in COMMANDS.values()}
        usages.update((verb.name, verb.usage) for verb in context.verbs.values())
        depth = None if colour else ColorDepth.DEPTH_1_BIT
        self._prompt: PromptSession[str] = PromptSession(
            lambda: look.message(context),
            bottom_toolbar=lambda: look.toolbar(context),
            style=look.STYLE,
            color_depth=depth,
            history=FileHistory(str(history)) if history else InMemoryHistory(),
            completer=LineCompleter(context, session.keys),
            complete_while_typing=False,
            complete_style=CompleteStyle.MULTI_COLUMN,
            input_processors=[UsageHint(usages)],
            refresh_interval=1.0,
            interrupt_exception=LineCleared,
            eof_exception=EndOfInput,
            input=terminal_input,
            output=terminal_output,
        )
        self._questions: PromptSession[str] = PromptSession(
            color_depth=depth,
            interrupt_exception=LineCleared,
            eof_exception=EndOfInput,
            input=terminal_input,
            output=terminal_output,
        )

    async def run(self, signals: Signals) -> None:
        """Answer lines until the user ends it."""
        context = self._session.context
        stop_following = context.watcher.follow(lambda event: self._prompt.app.invalidate())
        with context.watcher.events() as events:
            showing = asyncio.create_task(self._show(events))
            try:
                with signals.interrupt_calls(lambda: None):
                    await self._answer_lines(signals)
            finally:
                stop_following()
                showing.cancel()
                await asyncio.gather(showing, self._session.keys.close(), return_exceptions=True)

    async def confirm(self, question: str) -> bool:
        """Whether the user says yes; anything else is no."""
        try:
            asked: StyleAndTextTuples = [("ansiyellow", f"{question} [y/N] ")]
            answer = await self._questions.prompt_async(asked, handle_sigint=False)
        except (LineCleared, EndOfInput):
            return False
        return answer.strip().lower() in ("y", "yes")

    async def _answer_lines(self, signals: Signals) -> None:
        while True:
            try:
                text = await self._prompt.prompt_async(handle_sigint=False)
            except LineCleared:
                continue
            except EndOfInput:
                return
            # A paste may bring several lines at once.
            for line in text.splitlines():
                if await self._answer(line, signals) is Result.EXIT:
                    return

    async def _answer(self, line: str, signals: Signals) -> Result:
        """Answer a line; Ctrl-C stops waiting for it."""
        stopped = False

        def stop_waiting() -> None:
            nonlocal stopped
            stopped = True
            answering.cancel()

        answering = asyncio.create_task(self._session.answer(line))
        with signals.interrupt_calls(stop_waiting):
            try:
                return await answering
            except asyncio.CancelledError:
                if not stopped:
                    raise
        self._session.interrupted()
        return Result.FAILED

    async def _show(self, events: "asyncio.Queue[Event]") -> None:
        """With VERBOSE on, show every event above the line that is being typed."""
        started_s = now_s()
        while True:
            event = await events.get()
            if self._session.context.verbose:
                async with in_terminal():
                    self._write(line_of(event, started_s) + "\n")
