"""Bugs made by hand, each a function that is put in the place of the true one of the core or the disk.

Each has been a real bug of some Raft. The simulator must find every one of them: one that it does not find is a hole
in it. They are in force only inside `singing`; the core itself has no switch for any of them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import getattr_static
from typing import Any, TypeVar

Bug = TypeVar("Bug", bound=Callable[..., Any])

CANARIES: dict[str, list[tuple[Any, str, Callable[..., Any]]]] = {}
"""By the name of each bug: where it is put, under which name, and the function."""


def canary(owner: Any, name: str) -> Callable[[Bug], Bug]:
    """Make the function below a canary: it takes the place of `name` in `owner`."""

    def register(bug: Bug) -> Bug:
        CANARIES[bug.__name__] = [(owner, name, bug)]
        return bug

    return register


@contextmanager
def singing(name: str) -> Iterator[None]:
    """The bug `name` is in force inside."""
    truth = [(owner, attribute, getattr_static(owner, attribute)) for owner, attribute, _ in CANARIES[name]]
    for (owner, attribute, bug), (_, _, true_one) in zip(CANARIES[name], truth, strict=True):
        setattr(owner, attribute, property(bug) if isinstance(true_one, property) else bug)
    try:
        yield
    finally:
        for owner, attribute, true_one in truth:
            setattr(owner, attribute, true_one)
