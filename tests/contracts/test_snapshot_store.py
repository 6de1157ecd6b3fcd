"""The contract of the port SnapshotStore: every adapter keeps all of it. A new adapter is one line in ADAPTERS."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from tests.adapters.state.runs import answer_of
from tests.adapters.state.snapshot_runs import base_at, finish, made, read, snapshot_of, write
from tfraft.adapters.state.memory import MemoryDisk, MemorySnapshotStore
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.errors import CorruptSnapshot, StorageFailed, TfRaftError
from tfraft.ports import SnapshotStore

T = TypeVar("T")

NewStore = Callable[[], SnapshotStore]
"""Makes a store for the next run of the same server, on the same disk."""

ADAPTERS: dict[str, Callable[[Path], NewStore]] = {
    "memory": lambda path: partial(MemorySnapshotStore, MemoryDisk()),
    "files": lambda path: partial(FileSnapshotStore, path),
    "files with a name": lambda path: partial(FileSnapshotStore, path, "n1"),
}

PIECES = [b"sessions", b"", b"x" * 100_000, bytes(range(256)) * 300]
DATA = b"".join(PIECES)


@pytest.fixture(params=ADAPTERS)
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> NewStore:
    return ADAPTERS[request.param](tmp_path)


def run(new_store: NewStore, use: Callable[[SnapshotStore], Awaitable[T]]) -> tuple[Snapshot | None, T]:
    """One run of a server: the snapshot that it found, and what `use` gave."""

    async def one_run() -> tuple[Snapshot | None, T]:
        store = new_store()
        try:
            return store.load(), await use(store)
        finally:
            store.close()

    return asyncio.run(one_run())


async def all_of(store: SnapshotStore, snapshot: Snapshot) -> bytes:
    return b"".join(store.pieces(snapshot))


def found(new_store: NewStore) -> tuple[Snapshot | None, bytes]:
    """The latest snapshot and its bytes, in a run of its own."""

    async def look(store: SnapshotStore) -> None:
        pass

    latest, _ = run(new_store, look)
    return latest, b"" if latest is None else run(new_store, lambda store: all_of(store, latest))[1]


def test_a_server_without_a_snapshot_finds_none(new_store: NewStore) -> None:
    assert found(new_store) == (None, b"")


def test_a_snapshot_comes_back_with_its_base_size_and_checksum_after_a_restart(new_store: NewStore) -> None:
    """§5.1: it holds the last index and term and the configuration as of that index."""
    _, made_now = run(new_store, lambda store: made(store, 7, *PIECES))
    assert made_now == snapshot_of(7, DATA)
    assert found(new_store) == (snapshot_of(7, DATA), DATA)


def test_a_snapshot_without_bytes_is_one(new_store: NewStore) -> None:
    run(new_store, lambda store: made(store, 7))
    assert found(new_store) == (snapshot_of(7, b""), b"")


def test_all_of_a_base_comes_back(new_store: NewStore) -> None:
    base = Base(2**63, 2**64 - 1, Configuration.of({"ñ": 'a"b'}, {"x": ""}, {"y": "z"}, ["gone"]), 2**62)

    async def make(store: SnapshotStore) -> Snapshot | TfRaftError:
        return await finish(store.create(base))

    run(new_store, make)
    assert found(new_store)[0] == Snapshot(base, 0, 0)


def test_a_snapshot_is_read_in_pieces_from_anywhere(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> None:
        latest = await made(store, 7, *PIECES)
        for offset, size in [(0, 10), (5, 100_000), (len(DATA) - 3, 3), (0, len(DATA)), (17, 0)]:
            assert await read(store, latest, offset, size) == DATA[offset : offset + size]
        assert await read(store, latest, len(DATA) - 3, 100) == DATA[-3:]
        assert await read(store, latest, len(DATA), 100) == b""

    run(new_store, use)


def test_what_is_not_the_latest_any_more_cannot_be_read(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> None:
        assert await read(store, snapshot_of(7, DATA), 0, 10) is None
        older = await made(store, 7, *PIECES)
        await made(store, 8, b"newer")
        assert await read(store, older, 0, 10) is None
        assert await read(store, snapshot_of(8, b"other"), 0, 10) is None
        with pytest.raises(CorruptSnapshot, match="no snapshot any more of index 7"):
            list(store.pieces(older))

    run(new_store, use)


def test_the_latest_is_given_in_pieces_that_make_up_all_of_it(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> bytes:
        return await all_of(store, await made(store, 7, *PIECES * 20))

    assert run(new_store, use)[1] == DATA * 20


def test_nobody_sees_a_snapshot_before_it_is_finished(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> None:
        latest = await made(store, 7, b"old")
        writer = store.create(base_at(9))
        await write(writer, *PIECES)
        assert await read(store, latest, 0, 3) == b"old"

    run(new_store, use)
    assert found(new_store) == (snapshot_of(7, b"old"), b"old")


def test_a_snapshot_takes_the_place_of_the_one_before(new_store: NewStore) -> None:
    for index in (7, 8, 8, 20):
        run(new_store, lambda store, index=index: made(store, index, b"%d" % index))  # type: ignore[misc]
        assert found(new_store) == (snapshot_of(index, b"%d" % index), b"%d" % index)


def test_a_snapshot_below_the_latest_is_dropped_for_that(new_store: NewStore) -> None:
    """PITFALLS 38: nothing goes backwards."""

    async def use(store: SnapshotStore) -> Snapshot:
        await made(store, 20, b"latest")
        return await made(store, 19, b"older")

    assert run(new_store, use)[1] == snapshot_of(20, b"latest")
    assert found(new_store) == (snapshot_of(20, b"latest"), b"latest")


def test_one_of_our_own_and_one_of_a_leader_may_be_under_way_together(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> list[Snapshot | TfRaftError]:
        own, leaders = store.create(base_at(9)), store.create(base_at(9))
        await write(own, b"a")
        await write(leaders, b"x")
        await write(own, b"b")
        return [await finish(leaders), await finish(own)]

    assert run(new_store, use)[1] == [snapshot_of(9, b"x"), snapshot_of(9, b"ab")]
    assert found(new_store) == (snapshot_of(9, b"ab"), b"ab")


def test_what_is_expected_is_installed(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> Snapshot | TfRaftError:
        writer = store.create(base_at(7))
        await write(writer, *PIECES)
        return await finish(writer, snapshot_of(7, DATA))

    assert run(new_store, use)[1] == snapshot_of(7, DATA)


@pytest.mark.parametrize(
    "other", [snapshot_of(7, DATA + b"!"), snapshot_of(7, b"?" + DATA[1:]), Snapshot(base_at(7), len(DATA) + 1, 0)]
)
def test_what_is_not_expected_is_refused_and_the_latest_stays(new_store: NewStore, other: Snapshot) -> None:
    async def use(store: SnapshotStore) -> Snapshot | TfRaftError:
        await made(store, 5, b"latest")
        writer = store.create(base_at(7))
        await write(writer, *PIECES)
        return await finish(writer, other)

    _, refused = run(new_store, use)
    assert isinstance(refused, CorruptSnapshot)
    assert str(refused).startswith(f"the snapshot of index 7 came as {len(DATA)} bytes of checksum ")
    assert found(new_store) == (snapshot_of(5, b"latest"), b"latest")


def test_a_snapshot_that_is_aborted_leaves_the_latest_and_takes_nothing_more(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> list[object]:
        await made(store, 5, b"latest")
        writer = store.create(base_at(7))
        await write(writer, *PIECES)
        writer.abort()
        writer.abort()
        return [await answer_of(partial(writer.write, b"more")), await finish(writer)]

    _, answers = run(new_store, use)
    assert all(isinstance(answer, StorageFailed) for answer in answers)
    assert found(new_store) == (snapshot_of(5, b"latest"), b"latest")


def test_aborting_after_finish_does_nothing(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> bytes | None:
        writer = store.create(base_at(7))
        await write(writer, DATA)
        snapshot = await finish(writer)
        writer.abort()
        assert isinstance(snapshot, Snapshot)
        return await read(store, snapshot, 0, len(DATA))

    assert run(new_store, use)[1] == DATA
    assert found(new_store) == (snapshot_of(7, DATA), DATA)


def test_callbacks_come_once_and_on_the_loop(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> None:
        calls: asyncio.Queue[tuple[int, object]] = asyncio.Queue()

        def on_answer(answer: object) -> None:
            calls.put_nowait((threading.get_ident(), answer))

        writer = store.create(base_at(7))
        asked: list[Callable[[], None]] = [
            lambda: writer.write(DATA, on_answer),
            lambda: writer.finish(None, on_answer),
            lambda: store.read(snapshot_of(7, DATA), 0, 1, on_answer),
        ]
        for ask, answer in zip(asked, [None, snapshot_of(7, DATA), DATA[:1]], strict=True):
            ask()
            assert await asyncio.wait_for(calls.get(), 60) == (threading.get_ident(), answer)
        store.close()
        # Whatever might come twice would come now.
        await asyncio.sleep(0)
        assert calls.empty()

    run(new_store, use)


def test_a_store_that_is_closed_refuses_everything_and_keeps_what_it_has(new_store: NewStore) -> None:
    async def use(store: SnapshotStore) -> None:
        latest = await made(store, 7, DATA)
        begun = store.create(base_at(8))
        await write(begun, b"begun")
        store.close()
        store.close()
        assert isinstance(await answer_of(partial(begun.write, b"more")), StorageFailed)
        assert isinstance(await finish(begun), StorageFailed)
        assert isinstance(await finish(store.create(base_at(9))), StorageFailed)
        assert await read(store, latest, 0, 1) is None
        begun.abort()

    run(new_store, use)
    assert found(new_store) == (snapshot_of(7, DATA), DATA)
