"""A store to talk to, and a way to write a command as at a prompt."""

import shlex
from collections.abc import Callable

import pytest

from tfraft.store import Store, codec

Run = Callable[[str], bytes]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def run(store: Store) -> Run:
    """Apply a command to `store`, written in words (with quotes where needed); its reply."""

    def apply(line: str) -> bytes:
        return store.apply(codec.encode([word.encode() for word in shlex.split(line)]))

    return apply
