"""The database: deadlines, versions and chance, which must be the same on every server."""

from collections import Counter
from collections.abc import Callable

import pytest

from tfraft.store.database import BUCKETS, Database
from tfraft.store.deadlines import Deadlines
from tfraft.store.values import HashValue, SetValue


@pytest.fixture
def database() -> Database:
    database = Database()
    database.advance(1000)
    return database


def test_a_key_is_there_until_log_time_comes_to_its_deadline(database: Database) -> None:
    database.put(b"k", b"v", 1010)
    database.advance(1009)
    assert (database.get(b"k"), database.deadline_of(b"k")) == (b"v", 1010)
    database.advance(1010)
    assert (database.get(b"k"), database.deadline_of(b"k"), len(database)) == (None, None, 0)


def test_put_replaces_the_deadline_and_put_back_keeps_it(database: Database) -> None:
    database.put(b"k", b"v", 1010)
    database.put_back(b"k", b"w")
    assert database.deadline_of(b"k") == 1010
    database.put(b"k", b"x")
    assert database.deadline_of(b"k") is None
    database.advance(1010)
    assert database.get(b"k") == b"x"


def test_a_deadline_can_be_set_moved_and_taken_away(database: Database) -> None:
    database.put(b"k", b"v")
    database.set_deadline(b"k", 1010)
    database.set_deadline(b"k", 1030)
    database.advance(1020)
    assert database.deadline_of(b"k") == 1030
    database.set_deadline(b"k", None)
    database.set_deadline(b"k", None)
    database.advance(1040)
    assert database.get(b"k") == b"v"


@pytest.mark.parametrize("deadline_ms", [1000, 999, -5])
def test_a_deadline_that_has_come_removes_the_key_at_once(database: Database, deadline_ms: int) -> None:
    database.put(b"k", b"v", deadline_ms)
    assert (database.get(b"k"), database.deadline_of(b"k")) == (None, None)
    database.put(b"k", b"v")
    database.set_deadline(b"k", deadline_ms)
    assert database.get(b"k") is None


def test_a_key_that_comes_again_has_nothing_of_the_old_deadline(database: Database) -> None:
    database.put(b"k", b"v", 1010)
    database.remove(b"k")
    database.put_back(b"k", b"w")
    database.advance(1010)
    assert database.get(b"k") == b"w"


def test_the_next_deadline_is_the_first_of_those_that_still_count(database: Database) -> None:
    assert database.next_deadline_ms() is None
    for number in range(9):
        database.put(b"%d" % number, b"v", 1010 + number)
    assert database.next_deadline_ms() == 1010
    database.remove(b"0")
    database.put(b"1", b"w")
    database.set_deadline(b"2", 2000)
    assert database.next_deadline_ms() == 1013
    database.clear()
    assert database.next_deadline_ms() is None
    assert not database.may_have_deadlines()


def two_keys_of_one_bucket() -> tuple[bytes, bytes]:
    database = Database()
    for number in range(BUCKETS + 1):
        database.put(b"%d" % number, b"")
    return next((keys[0], keys[1]) for keys in map(database.keys_at, range(BUCKETS)) if len(keys) > 1)


def test_keys_of_one_bucket_go_one_by_one(database: Database) -> None:
    one, another = two_keys_of_one_bucket()
    database.put(one, b"v", 1020)
    database.put(another, b"v", 1010)
    database.advance(1010)
    assert (database.get(another), database.get(one), database.next_deadline_ms()) == (None, b"v", 1020)
    database.put(another, b"v", 1015)
    database.remove(another)
    assert database.next_deadline_ms() == 1020
    database.advance(1020)
    assert len(database) == 0


def test_a_deadline_that_moves_without_end_takes_no_memory(database: Database) -> None:
    """It moves forward, as that of a session does, or comes nearer each time."""
    database.put(b"other", b"v", 5000)
    for number in range(500):
        database.put(b"k", b"v", 3000 + number)
        database.put(b"l", b"v", 3000 - number)
    assert len(database._deadlines._heap) <= 12
    assert database.next_deadline_ms() == 2501


def test_the_first_of_all_deadlines_is_found_whatever_was_dropped() -> None:
    deadlines = Deadlines()
    assert deadlines.first() is None
    deadlines.add(30, 1)
    deadlines.add(20, 1)
    deadlines.add(25, 1)
    deadlines.add(40, 2)
    assert deadlines.first() == (20, 1)
    deadlines.drop(1)
    assert deadlines.first() == (40, 2)
    deadlines.drop(2)
    assert deadlines.first() is None


@pytest.mark.parametrize(
    "change",
    [
        lambda database: database.put(b"k", b"w"),
        lambda database: database.put_back(b"k", b"w"),
        lambda database: database.set_deadline(b"k", 2000),
        lambda database: database.set_deadline(b"k", None),
        lambda database: database.remove(b"k"),
        lambda database: database.clear(),
        lambda database: database.advance(5000),
    ],
)
def test_each_change_of_a_key_raises_its_version(database: Database, change: Callable[[Database], object]) -> None:
    database.put(b"k", b"v", 5000)
    before = database.version_of(b"k")
    change(database)
    assert database.version_of(b"k") > before


@pytest.mark.parametrize(
    "look",
    [
        lambda database: database.get(b"k"),
        lambda database: database.for_change(b"k"),
        lambda database: database.remove(b"nothing"),
        lambda database: database.remove_members(b"k", database.for_change(b"k"), [b"nothing"]),
        lambda database: database.freeze(),
        lambda database: database.advance(2000),
        lambda database: database.any_key(),
        lambda database: database.begin(),
    ],
)
def test_what_changes_no_key_raises_no_version(database: Database, look: Callable[[Database], object]) -> None:
    database.put(b"k", HashValue({b"f": b"v"}), 5000)
    before = database.versions()
    look(database)
    assert database.versions() == before


def test_a_member_that_goes_raises_the_version(database: Database) -> None:
    database.put(b"k", SetValue({b"m": None, b"n": None}))
    before = database.version_of(b"k")
    members = database.for_change(b"k")
    assert isinstance(members, SetValue)
    assert database.remove_members(b"k", members, [b"m"]) == 1
    assert database.version_of(b"k") > before


def test_the_copy_that_a_snapshot_makes_necessary_raises_no_version(database: Database) -> None:
    """Servers take their snapshots at different times, and must have equal versions."""
    database.put(b"k", HashValue({b"f": b"v"}), 5000)
    before = database.versions()
    stored = database.get(b"k")
    database.freeze()
    assert database.for_change(b"k") is not stored
    assert (database.versions(), database.deadline_of(b"k")) == (before, 5000)


def test_to_clear_what_is_empty_is_no_change(database: Database) -> None:
    database.put(b"k", b"v")
    database.clear()
    before = (database.versions(), database.changes)
    database.clear()
    assert (database.versions(), database.changes) == before


def test_versions_that_are_set_are_those_that_were_given(database: Database) -> None:
    for key in (b"a", b"b", b"c", b"b"):
        database.put(key, b"v")
    database.remove(b"a")
    copy = Database()
    copy.put(b"b", b"v")
    copy.put(b"c", b"v")
    copy.put(b"d", b"v")
    copy.set_versions(database.versions())
    assert (copy.versions(), copy.changes) == (database.versions(), database.changes)


def draws(database: Database, count: int = 20) -> list[int]:
    return [database.chance(1000) for _ in range(count)]


def test_chance_follows_from_log_time_and_changes_and_from_no_query(database: Database) -> None:
    other = Database()
    other.advance(1000)
    draws(other)
    for each in (database, other):
        each.put(b"k", b"v")
        each.begin()
    drawn = draws(database)
    assert drawn == draws(other)
    assert len(set(drawn)) > 15
    database.begin()
    assert draws(database) == drawn
    database.put(b"k", b"v")
    database.begin()
    after_a_change = draws(database)
    database.advance(1001)
    database.begin()
    assert len({tuple(drawn), tuple(after_a_change), tuple(draws(database))}) == 3


def test_chance_gives_each_number_as_often_as_another(database: Database) -> None:
    counts = Counter(database.chance(7) for _ in range(7000))
    assert sorted(counts) == list(range(7))
    assert all(850 < count < 1150 for count in counts.values())


def test_any_key_is_each_of_them_in_time(database: Database) -> None:
    assert database.any_key() is None
    keys = [b"%d" % number for number in range(5)] + list(two_keys_of_one_bucket())
    for key in keys:
        database.put(key, b"v")
    assert {database.any_key() for _ in range(500)} == set(keys)


@pytest.mark.parametrize("change_ms", [None, 3000])
def test_a_deadline_changes_while_a_snapshot_needs_the_old_one(database: Database, change_ms: int | None) -> None:
    database.put(b"k", b"v", 2000)
    frozen = database.freeze()
    database.set_deadline(b"k", change_ms)
    assert database.deadline_of(b"k") == change_ms
    assert [bucket.deadlines for bucket in frozen if bucket.values] == [{b"k": 2000}]


def test_a_key_expires_while_a_snapshot_needs_it(database: Database) -> None:
    database.put(b"k", b"v", 2000)
    frozen = database.freeze()
    database.advance(2000)
    assert len(database) == 0
    assert [(bucket.values, bucket.deadlines) for bucket in frozen if bucket.values] == [({b"k": b"v"}, {b"k": 2000})]
