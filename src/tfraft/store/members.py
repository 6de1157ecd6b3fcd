"""What the commands on hashes and those on sets share: how one is reached, and answered as a whole."""

from collections.abc import Collection, Iterator

from tfraft.store import replies
from tfraft.store.database import Database
from tfraft.store.values import HashValue, SetValue


def hash_at(database: Database, key: bytes) -> HashValue | None:
    """The hash under `key`, to read from; an empty one where there is nothing, None where there is another type."""
    fields = database.get(key)
    if fields is None:
        return HashValue()
    return fields if isinstance(fields, HashValue) else None


def hash_for_change(database: Database, key: bytes) -> HashValue | None:
    """As `hash_at`, but to change in place; after adding to it the caller puts it back."""
    fields = database.for_change(key)
    if fields is None:
        return HashValue()
    return fields if isinstance(fields, HashValue) else None


def set_at(database: Database, key: bytes) -> SetValue | None:
    """The set under `key`, to read from; an empty one where there is nothing, None where there is another type."""
    members = database.get(key)
    if members is None:
        return SetValue()
    return members if isinstance(members, SetValue) else None


def set_for_change(database: Database, key: bytes) -> SetValue | None:
    """As `set_at`, but to change in place; after adding to it the caller puts it back."""
    members = database.for_change(key)
    if members is None:
        return SetValue()
    return members if isinstance(members, SetValue) else None


def remove_names(database: Database, args: list[bytes], members: HashValue | SetValue | None) -> bytes:
    """Afterwards `members`, which is to be changed, has none of the names from the third word on; how many it had."""
    if members is None:
        return replies.WRONGTYPE
    return replies.integer(database.remove_members(args[1], members, args[2:]) if members else 0)


def bulks(values: Collection[bytes]) -> bytes:
    """The reply that has these values in a row."""
    return b"*%d\r\n%b" % (len(values), b"".join(map(replies.bulk, values)))


def set_reply(names: Collection[bytes]) -> bytes:
    """The reply that is a set of these names, of which no two are alike."""
    return b"~%d\r\n%b" % (len(names), b"".join(map(replies.bulk, names)))


def map_reply(fields: HashValue) -> bytes:
    """The reply that is a map of these fields."""
    return b"%%%d\r\n%b" % (len(fields), b"".join(_in_turn(fields)))


def _in_turn(fields: HashValue) -> Iterator[bytes]:
    for name, value in fields.items():
        yield replies.bulk(name)
        yield replies.bulk(value)
