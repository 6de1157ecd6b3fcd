"""KEYS and SCAN: all keys, at once or in parts.

A cursor of SCAN is the number of the bucket with which the next part begins. A key stays in its bucket, so whatever
comes and goes between two parts, a key that was there all the time is in one of them, and in one only.
"""

from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.database import BUCKETS, Database
from tfraft.store.glob import read_glob
from tfraft.store.scan_options import INVALID_CURSOR, ScanOptions, parse_cursor, parse_options
from tfraft.store.values import type_name


def keys(database: Database, args: list[bytes]) -> bytes:
    """KEYS: the keys that match the pattern, sorted by their bytes."""
    glob = read_glob(args[1])
    if isinstance(glob, bytes):
        return glob
    return replies.array([replies.bulk(key) for key in sorted(filter(glob.matches, database.keys()))])


def scan(database: Database, args: list[bytes]) -> bytes:
    """SCAN: the cursor to go on with, 0 after the last part, and the keys of this part that match."""
    cursor = parse_cursor(args[1])
    if cursor is None:
        return INVALID_CURSOR
    options = parse_options(args[2:], takes_type=True)
    if isinstance(options, bytes):
        return options
    seen: list[bytes] = []
    while cursor < BUCKETS and len(seen) < options.count:
        seen += database.keys_at(cursor)
        cursor += 1
    found = [replies.bulk(key) for key in options.matching(seen) if _has_type(database, key, options)]
    return replies.array([replies.bulk(b"%d" % (cursor if cursor < BUCKETS else 0)), replies.array(found)])


def _has_type(database: Database, key: bytes, options: ScanOptions) -> bool:
    return options.type_name is None or type_name(database.get(key)) == options.type_name.lower()


COMMANDS = (
    Command(
        name="KEYS",
        usage="KEYS pattern",
        summary="The keys that match a pattern of * ? [a-z] [^a-z], sorted.",
        example="KEYS user*",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=keys,
        keys=None,
    ),
    Command(
        name="SCAN",
        usage="SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]",
        summary="Some keys, and the cursor for the next ones; begin with 0, and end when 0 comes back.",
        example="SCAN 0 MATCH user*",
        group="key",
        writes=False,
        min_args=1,
        max_args=None,
        run=scan,
        keys=None,
    ),
)
