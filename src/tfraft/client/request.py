"""A typed command: what is sent, how the answer is read, and who sends it.

    @command
    def get(self, key: Text) -> Request[bytes | None]:
        return Request(["GET", key], as_value)

is written once. It is `await client.get(key)` where the class is `Awaiting`, `client.get(key)` where it is `Blocking`,
and in a `Queueing` one it gives a `Later`, whose result comes when all that is queued has been sent.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Sequence
from functools import update_wrapper
from types import MethodType
from typing import Any, Concatenate, Final, Generic, ParamSpec, TypeVar, cast, overload

from tfraft.client.words import Word
from tfraft.errors import TfRaftError

P = ParamSpec("P")
T = TypeVar("T")

_PENDING: Final = object()


class Request(Generic[T]):
    """The words of a command, and how the value in its answer is read."""

    __slots__ = ("read", "words")

    def __init__(self, words: Sequence[Word], read: Callable[[Any], T]) -> None:
        self.words = words
        self.read = read


class Later(Generic[T]):
    """The result of a queued command, once there is one."""

    __slots__ = ("_outcome", "_read")

    def __init__(self, read: Callable[[Any], T]) -> None:
        self._read = read
        self._outcome: object = _PENDING

    @property
    def outcome(self) -> T | TfRaftError | None:
        """The result, or the error in its place; None as long as it is not there."""
        return None if self._outcome is _PENDING else cast(T | TfRaftError, self._outcome)

    @property
    def result(self) -> T:
        """The result. Raises the error in its place; RuntimeError as long as nothing has been sent."""
        if self._outcome is _PENDING:
            raise RuntimeError("the result is there after the block that the command is queued in")
        if isinstance(self._outcome, TfRaftError):
            raise self._outcome
        return cast(T, self._outcome)

    def take(self, value: Any) -> None:
        """From now on the outcome is what is read in `value`, or the error that `value` is."""
        self._outcome = value if isinstance(value, TfRaftError) else self._read(value)


class Awaiting(ABC):
    """Sends at once, and the result is to be awaited."""

    @abstractmethod
    async def send(self, request: Request[T]) -> T:
        """The result of `request`. Raises what is in its place."""


class Blocking(ABC):
    """Sends at once, and waits for the result."""

    @abstractmethod
    def send(self, request: Request[T]) -> T:
        """The result of `request`. Raises what is in its place."""


class Queueing(ABC):
    """Sends later, together with others."""

    @abstractmethod
    def send(self, request: Request[T]) -> Later[T]:
        """Where the result of `request` will be. Raises CommandError for a command that is not well-formed."""


class command(Generic[P, T]):
    """Makes a method that sends what the decorated function asks for; see above."""

    def __init__(self, build: Callable[Concatenate[Any, P], Request[T]]) -> None:
        def method(self: Any, *args: P.args, **kwargs: P.kwargs) -> object:
            return self.send(build(self, *args, **kwargs))

        self._method = update_wrapper(method, build)

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[Concatenate[Any, P], Any]: ...
    @overload
    def __get__(self, instance: Awaiting, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, instance: Blocking, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, instance: Queueing, owner: type) -> Callable[P, Later[T]]: ...
    def __get__(self, instance: object | None, owner: type) -> Any:
        return self._method if instance is None else MethodType(self._method, instance)
