"""The real Redis that all of these tests ask: one for each process of tests, one connection for each test."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.differential.real_redis import Connection, find_redis, running_redis


@pytest.fixture(scope="session")
def redis_socket() -> Iterator[Path]:
    with running_redis(find_redis()) as path:
        yield path


@pytest.fixture
def redis(redis_socket: Path) -> Iterator[Connection]:
    connection = Connection(redis_socket)
    yield connection
    connection.close()
