"""What a node does about a damaged disk: it sets aside what is there and begins without a vote, or says why not."""

import asyncio
from pathlib import Path

import pytest

from tfraft.adapters.state.segments_on_disk import METADATA_NAME, REPAIR_NAME, segment_name
from tfraft.adapters.state.snapshots import FileSnapshotStore
from tfraft.adapters.state.snapshots_on_disk import snapshot_path
from tfraft.adapters.state.wal import WalStateManager
from tfraft.core.base import Base, Snapshot
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, DataError, SettingError, TfRaftError
from tfraft.node.opening import Opened, close, open_state
from tfraft.node.settings import NodeSettings
from tfraft.ports import OnSaved
from tfraft.store import Store, codec
from tfraft.store.envelope import Command
from tfraft.store.sessions import Sessions

VOTERS = Configuration.of({"a": "a:1", "b": "b:1", "c": "c:1"})
GET = codec.encode([b"GET", b"k"])
LOG = segment_name(1)
SNAPSHOT = snapshot_path(Path(), "", 3).name
EVERYTHING = [METADATA_NAME, LOG, SNAPSHOT]


def disk(directory: Path) -> tuple[WalStateManager, FileSnapshotStore]:
    """What keeps the state of server a."""
    return WalStateManager("a", directory, cluster_id="c"), FileSnapshotStore(directory)


def opened(directory: Path, *, repair: bool = True) -> tuple[Opened, Sessions]:
    """What a node begins with, and its state machine."""

    async def main() -> tuple[Opened, Sessions]:
        state, snapshots = disk(directory)
        sessions = Sessions(Store())
        found = await open_state(state, snapshots, sessions, None, repair=repair)
        close(state, snapshots)
        return found, sessions

    return asyncio.run(main())


async def done(start: "asyncio.Future[TfRaftError | None]") -> None:
    error = await start
    assert error is None, error


def future() -> "tuple[asyncio.Future[TfRaftError | None], OnSaved]":
    """What a callback is waited for with."""
    waits: asyncio.Future[TfRaftError | None] = asyncio.get_running_loop().create_future()
    return waits, waits.set_result


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of server a, with a snapshot through index 3, in which k is v, and entries 4 to 8 of term 2."""
    directory = tmp_path / "a"

    async def fill() -> None:
        state, snapshots = disk(directory)
        state.load()
        snapshots.load()
        sessions = Sessions(Store())
        command = Command(1, codec.encode([b"SET", b"k", b"v"])).encode()
        sessions.apply(command)
        for save in (
            Save(1, "b", base=Base(configuration=VOTERS)),
            Save(2, "b", 1, Entries.of(*[Entry(2, EntryKind.COMMAND, command)] * 6)),
            Save(2, "b", 7, Entries.of(*[Entry(2, EntryKind.NO_OP)] * 2)),
        ):
            waits, on_saved = future()
            state.save(save, on_saved)
            await done(waits)
        base = Base(3, 2, VOTERS)
        writer = snapshots.create(base)
        waits, on_saved = future()
        writer.write(b"".join(sessions.snapshot()), on_saved)
        await done(waits)
        taken: asyncio.Future[Snapshot | TfRaftError] = asyncio.get_running_loop().create_future()
        writer.finish(None, taken.set_result)
        assert isinstance(await taken, Snapshot)
        waits, on_saved = future()
        state.trim(base, on_saved)
        await done(waits)
        close(state, snapshots)

    asyncio.run(fill())
    assert {entry.name for entry in directory.iterdir()} >= set(EVERYTHING)
    return directory


def flip(path: Path, offset: int) -> None:
    """Turn one bit of this byte over; counted from the end if it is negative."""
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x10
    path.write_bytes(data)


def used(path: Path) -> int:
    """How many bytes of this segment are no zeros at its end."""
    return len(path.read_bytes().rstrip(b"\0"))


def begins_anew(found: Opened, sessions: Sessions, *, term: int) -> None:
    """The server has nothing, knows that it had something, and remembers in which term it may have voted."""
    assert found.saved == Saved(term, incarnation=1, repairing=True)
    assert found.latest is None
    assert sessions.query(GET) == b"_\r\n"


def test_what_is_whole_is_opened_as_it_is(directory: Path) -> None:
    found, sessions = opened(directory)
    assert (found.saved.current_term, found.saved.base.index, len(found.saved.entries)) == (2, 3, 5)
    assert (found.damage, found.saved.repairing, sessions.query(GET)) == ("", False, b"$1\r\nv\r\n")


PLACES = [
    pytest.param(LOG, 20, id="the beginning of a segment"),
    pytest.param(LOG, 64 + 16, id="the header of the first record"),
    pytest.param(LOG, 64 + 32 + 20, id="the body of the first record"),
    pytest.param(LOG, 400, id="the middle of the log"),
    pytest.param(LOG, -1, id="the end of the last record"),
    pytest.param(METADATA_NAME, 1, id="the beginning of the metadata"),
    pytest.param(METADATA_NAME, -5, id="the checksum of the metadata"),
    pytest.param(METADATA_NAME, 100, id="the middle of the metadata"),
    pytest.param(SNAPSHOT, 3, id="the beginning of the snapshot"),
    pytest.param(SNAPSHOT, 40, id="the header of the snapshot"),
    pytest.param(SNAPSHOT, -40, id="the data of the snapshot"),
    pytest.param(SNAPSHOT, -3, id="the end of the snapshot"),
]


@pytest.mark.parametrize(("name", "offset"), PLACES)
def test_where_a_byte_has_turned_over_all_is_set_aside_and_the_server_begins_without_a_vote(
    directory: Path, name: str, offset: int
) -> None:
    """§3.8: what it may have promised is remembered as far as it can be read, and no vote is given meanwhile."""
    path = directory / name
    flip(path, used(path) + offset if name == LOG and offset < 0 else offset)
    with pytest.raises(DataError, match=str(path)):
        opened(directory, repair=False)
    found, sessions = opened(directory)
    assert str(path) in found.damage
    begins_anew(found, sessions, term=2)
    assert {entry.name for entry in (directory / "damaged-1").iterdir()} == set(EVERYTHING)
    assert not list(directory.glob("*.snapshot"))
    # Nobody has repaired it yet: the next start has no vote either, and finds nothing new that is damaged.
    found, sessions = opened(directory)
    begins_anew(found, sessions, term=2)
    assert found.damage == ""


@pytest.mark.parametrize(
    ("names", "why"),
    [
        ([SNAPSHOT], "the log begins after index 3, but the snapshot of what is before is lost"),
        ([LOG], "No such file"),
        ([METADATA_NAME], "metadata.json is missing"),
        ([METADATA_NAME, LOG], "there is a snapshot through index 3, but the log is lost"),
    ],
)
def test_where_a_file_is_gone_the_rest_is_set_aside(directory: Path, names: list[str], why: str) -> None:
    for name in names:
        (directory / name).unlink()
    found, sessions = opened(directory)
    assert why in found.damage
    # What has not been read is not known.
    begins_anew(found, sessions, term=0 if LOG in names else 2)
    left = {entry.name for entry in (directory / "damaged-1").iterdir()}
    assert left.issuperset(set(EVERYTHING) - set(names))


def test_a_snapshot_that_is_no_state_is_damage_too(directory: Path) -> None:
    """Its checksum is right, and its bytes are none that a state machine has written."""

    class Foreign(Sessions):
        def restore(self, pieces: object) -> None:
            raise CorruptState("no state")

    async def main() -> None:
        state, snapshots = disk(directory)
        found = await open_state(state, snapshots, Foreign(Store()), None, repair=True)
        assert (found.damage, found.latest, found.saved.repairing) == ("no state", None, True)
        close(state, snapshots)

    asyncio.run(main())


def test_a_damaged_note_of_the_repair_is_refused_and_nothing_is_changed(directory: Path) -> None:
    """It says whether the server may vote: nobody guesses at that."""
    flip(directory / LOG, 400)
    opened(directory)
    flip(directory / REPAIR_NAME, 30)
    before = {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    with pytest.raises(CorruptState, match=f"{directory / REPAIR_NAME} is damaged: "):
        opened(directory)
    assert {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()} == before


def test_a_log_that_is_damaged_twice_is_set_aside_twice(directory: Path) -> None:
    """The second incarnation tells a leader that what it has heard since the first counts no more."""
    flip(directory / LOG, 400)
    opened(directory)

    async def go_on() -> None:
        state, snapshots = disk(directory)
        await open_state(state, snapshots, Sessions(Store()), None, repair=True)
        for number in (1, 2):
            waits, on_saved = future()
            state.save(Save(3, None, number, Entries.of(Entry(3, EntryKind.NO_OP))), on_saved)
            await done(waits)
        state.repaired()
        close(state, snapshots)

    asyncio.run(go_on())
    assert not opened(directory)[0].saved.repairing
    flip(directory / LOG, 64 + 32 + 4)
    found, _ = opened(directory)
    assert found.saved == Saved(3, incarnation=2, repairing=True)
    assert {entry.name for entry in directory.glob("damaged-*")} == {"damaged-1", "damaged-2"}


@pytest.mark.parametrize("patience_s", [0, -1, float("inf"), float("nan")])
def test_a_patience_that_makes_no_sense_is_refused(patience_s: float) -> None:
    with pytest.raises(SettingError, match=f"repair_patience_s must be above 0, not {patience_s:g}"):
        NodeSettings(repair_patience_s=patience_s)
