"""Commands that gather in a block, and are sent together at its end."""

from abc import abstractmethod
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from tfraft.client.background import Background
from tfraft.client.commands import Commands
from tfraft.client.prepare import Prepared, prepare
from tfraft.client.reading import as_it_is
from tfraft.client.request import Later, Queueing, Request, T
from tfraft.client.words import Word, words_of
from tfraft.errors import TfRaftError


class Queue(Commands, Queueing):
    """The commands so far, in order. Each method gives a `Later`, which holds the result once all have been sent.

    Nothing is sent where the block ends by an error."""

    def __init__(self) -> None:
        self._commands: list[Prepared] = []
        self._laters: list[Later[Any]] = []

    def send(self, request: Request[T]) -> Later[T]:
        later = Later(request.read)
        self._commands.append(prepare(words_of(request.words)))
        self._laters.append(later)
        return later

    def execute(self, *words: Word) -> Later[Any]:
        """Queue any command of the store. Raises CommandError for one that is not well-formed."""
        return self.send(Request(words, as_it_is))

    @abstractmethod
    async def begin(self) -> None:
        """What is to be done before the block."""

    @abstractmethod
    async def finish(self) -> None:
        """Send what is queued, and wait for the results."""

    @property
    def results(self) -> list[Any]:
        """The results of all commands in their order, once they are there; an error stands in its place."""
        return [later.outcome for later in self._laters]

    def _settle(self, values: Sequence[Any], raise_errors: bool) -> None:
        """These are the values of the answers. Raises the first error among them, if it is to be raised."""
        for later, value in zip(self._laters, values, strict=True):
            later.take(value)
        errors = (value for value in values if isinstance(value, TfRaftError))
        if raise_errors and (error := next(errors, None)) is not None:
            raise error


class AwaitedBlock(Queue):
    """A queue for `async with`."""

    async def __aenter__(self) -> Self:
        await self.begin()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.finish()


class BlockingBlock(Queue):
    """A queue for `with`; what it sends is sent in the background."""

    _background: Background

    def on(self, background: Background) -> Self:
        """This queue, which from now on sends there."""
        self._background = background
        return self

    def __enter__(self) -> Self:
        self._background.run(self.begin)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._background.run(self.finish)
