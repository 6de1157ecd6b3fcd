"""A store to talk to, with a way to write a command as at a prompt; and sessions."""

import shlex
from collections.abc import Callable

import pytest

from tests.store.session_lab import Appender, apply, register
from tfraft.store import Store, codec
from tfraft.store.sessions import Sessions

Run = Callable[[str], bytes]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def run(store: Store) -> Run:
    """Apply a command to `store`, written in words (with quotes where needed); its reply."""

    def typed(line: str) -> bytes:
        return store.apply(codec.encode([word.encode() for word in shlex.split(line)]))

    return typed


@pytest.fixture
def machine() -> Appender:
    return Appender()


@pytest.fixture
def sessions(machine: Appender) -> Sessions:
    return Sessions(machine)


@pytest.fixture
def used(sessions: Sessions) -> Sessions:
    """Sessions with responses of both kinds, and a state."""
    register(sessions, 5, time_ms=10)
    register(sessions, 6, time_ms=20)
    apply(sessions, b"a", 6, 1, time_ms=30)
    apply(sessions, b"raise", 6, 2)
    apply(sessions, b"b", 5, 3, lowest=2)
    return sessions
