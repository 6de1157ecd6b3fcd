"""One user at one cluster: takes a line, and gives it exactly one answer. A prompt and a pipe differ only outside."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from enum import Enum, auto
from time import perf_counter

from tfraft.cli import explain, places, standing
from tfraft.cli.escapes import shown
from tfraft.cli.keys import KnownKeys
from tfraft.cli.outputs import Failure, Outcome
from tfraft.cli.suggest import unknown_command
from tfraft.cli.tokens import split
from tfraft.cli.translate import StoreCommand, to_store_command
from tfraft.cli.verb import Context, Verb
from tfraft.errors import CommandError, TfRaftError
from tfraft.store import COMMANDS, replies

logger = logging.getLogger(__name__)

# A cluster keeps its own time-outs; this much later we stop waiting for it all the same. A verb takes several steps.
_COMMAND_GRACE_S = 5.0
_VERB_GRACE_S = 20.0
_NOTICE_AFTER_S = 1.0


class Result(Enum):
    """What became of a line."""

    NOTHING = auto()
    OK = auto()
    FAILED = auto()
    EXIT = auto()


class Session:
    """Answers lines, one at a time. `interactive` adds what helps a person: hints, and why an answer is late."""

    def __init__(self, context: Context, *, interactive: bool = False) -> None:
        self.context = context
        self.keys = KnownKeys(context.cluster)
        self._interactive = interactive
        self._under_way: StoreCommand | Verb | None = None
        self._limit_s = 0.0

    async def answer(self, line: str) -> Result:
        """Execute `line`; its answer, or its one failure, has gone to the output afterwards. Raises nothing.

        Empty lines and those that begin with # have no answer. If the task is cancelled, `interrupted` has still to
        be called."""
        if not line.strip() or line.lstrip().startswith("#"):
            return Result.NOTHING
        self._under_way = None
        try:
            await self._execute(split(line))
        except TfRaftError as error:
            return self._failed(Failure.of(error))
        except TimeoutError:
            return self._failed(self._unfinished(f"no answer in {self._limit_s:g} s"))
        except Exception as error:
            logger.exception("a line could not be executed")
            outcome = self._unfinished("").outcome
            return self._failed(Failure(outcome, f"internal: {error!r} (details in {places.log_file()})"))
        self.context.output.end()
        return Result.EXIT if self.context.ended else Result.OK

    def interrupted(self) -> None:
        """Tell the user who stopped waiting for a line what may still come of it."""
        self._failed(self._unfinished("you stopped waiting"))

    async def _execute(self, words: list[bytes]) -> None:
        name = shown(words[0])
        verb = self.context.verbs.get(name.upper())
        if verb is not None:
            await self._run_verb(verb, [shown(word) for word in words[1:]])
            return
        command = to_store_command(words)
        if command is None:
            usages = {command.name: command.usage for command in COMMANDS.values()}
            usages.update((verb.name, verb.usage) for verb in self.context.verbs.values())
            raise CommandError(unknown_command(name, usages))
        await self._run_store_command(command)

    async def _run_verb(self, verb: Verb, args: list[str]) -> None:
        if not verb.takes(len(args)):
            raise CommandError(f"{verb.name} takes other arguments. Usage: {verb.usage}   (such as {verb.example})")
        if not await self._is_meant(verb, args):
            self.context.output.say(f"{verb.name} was not done.")
            return
        async with self._limited(verb, _VERB_GRACE_S):
            await verb.run(self.context, args)

    async def _is_meant(self, verb: Verb, args: list[str]) -> bool:
        """Whether to go on with the verb; asks the user only where harm would last."""
        context = self.context
        if not verb.asks_first or context.confirm is None or context.cluster.info.data_dir is None:
            return True
        return await context.confirm(f"{' '.join([verb.name, *args])}: the data of this cluster are kept. Go on?")

    async def _run_store_command(self, command: StoreCommand) -> None:
        started = perf_counter()
        async with self._limited(command, _COMMAND_GRACE_S), self._notice(command):
            context = self.context
            reading = context.consistency, context.max_staleness_s
            reply = replies.parse(await context.cluster.execute(command.args, context.timeout_s, *reading))
        took_s = perf_counter() - started
        self._under_way = None
        if isinstance(reply, replies.ErrorReply):
            raise CommandError(await self._explained(command, reply))
        self.keys.saw(command.keys)
        self.context.output.reply(reply, took_s)
        if reply is None and self._interactive:
            hint = await explain.other_case(self.context.cluster, command)
            if hint:
                self.context.output.hint(hint)

    async def _explained(self, command: StoreCommand, reply: replies.ErrorReply) -> str:
        explained = None
        if reply.code == "WRONGTYPE":
            explained = await explain.wrong_type(self.context.cluster, command)
        elif reply.message == "syntax error":
            explained = explain.syntax_error(command)
        return explained or f"{reply.code} {reply.message}"

    @asynccontextmanager
    async def _limited(self, request: StoreCommand | Verb, grace_s: float) -> AsyncIterator[None]:
        """Within the block the request is under way, for no longer than its own time-out and `grace_s`."""
        self._under_way = request
        self._limit_s = self.context.timeout_s + grace_s
        async with asyncio.timeout(self._limit_s):
            yield

    @asynccontextmanager
    async def _notice(self, command: StoreCommand) -> AsyncIterator[None]:
        """Within the block, tell a user who waits longer than usual what for."""
        if not self._interactive:
            yield
            return
        task = asyncio.create_task(self._tell_what_is_missing(command))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _tell_what_is_missing(self, command: StoreCommand) -> None:
        await asyncio.sleep(_NOTICE_AFTER_S)
        quorum = await standing.quorum_of(self.context)
        needed = f"need {quorum.majority} of {len(quorum.voters)}, have {len(quorum.connected)}"
        missing = "a leader" if quorum.holds else f"a quorum ({needed})"
        still = ", the write may still happen later" if command.command.writes else ""
        self.context.output.story(f"waiting for {missing} … Ctrl-C stops waiting{still}")

    def _failed(self, failure: Failure) -> Result:
        self.context.output.fail(failure)
        self.context.output.end()
        return Result.FAILED

    def _unfinished(self, why: str) -> Failure:
        """The failure of a line whose end nobody saw: what has not begun, or only reads, has changed nothing."""
        match self._under_way:
            case StoreCommand() as command if command.command.writes:
                advice = "read it back later, or HEAL"
            case Verb(changes=True):
                advice = "see STATUS"
            case _:
                return Failure(Outcome.REFUSED, f"{why}; nothing was changed")
        name = self._under_way.name
        return Failure(Outcome.UNKNOWN, f"UNKNOWN outcome: {why}. {name} may still take effect: {advice}.")
