"""OBJECT and MEMORY: what tools ask about the value under a key.

Redis answers from how it keeps a value. What is said here is what Redis would usually say, and follows from the value
alone, so that every server says the same.
"""

from collections.abc import Sequence
from itertools import islice
from typing import Final, assert_never

from tfraft.store import replies
from tfraft.store.command import Command, KeyPositions, Run
from tfraft.store.database import Database
from tfraft.store.numbers import NOT_AN_INTEGER, parse_integer
from tfraft.store.values import HashValue, SetValue, Value

_MAX_EMBEDDED_BYTES: Final = 44
_MAX_LISTED: Final = 512
_MAX_LISTED_BYTES: Final = 64

_USUAL_SAMPLES: Final = 5
_KEY_BYTES: Final = 150
_MEMBER_BYTES: Final = 120
"""What a key or a member costs besides its bytes, about: two objects of Python and a place in a dict."""

_NO_FREQUENCY: Final = replies.error(
    b"ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when switching "
    b"between policies at runtime LRU and LFU data will take some time to adjust."
)
_KEY: Final = KeyPositions(first=2, last=2, step=1)


def encoding(database: Database, args: list[bytes]) -> bytes:
    """OBJECT ENCODING: the name of the form in which Redis would keep the value; nil where there is none."""
    value = database.get(args[2])
    return replies.NIL if value is None else replies.bulk(_encoding_of(value))


def _encoding_of(value: Value) -> bytes:
    match value:
        case bytes():
            if parse_integer(value) is not None:
                return b"int"
            return b"embstr" if len(value) <= _MAX_EMBEDDED_BYTES else b"raw"
        case HashValue():
            is_small = len(value) <= _MAX_LISTED and all(
                len(word) <= _MAX_LISTED_BYTES for field in value.items() for word in field
            )
            return b"listpack" if is_small else b"hashtable"
        case SetValue():
            is_small = len(value) <= _MAX_LISTED and all(parse_integer(member) is not None for member in value)
            return b"intset" if is_small else b"hashtable"
        case _:
            assert_never(value)


def refcount(database: Database, args: list[bytes]) -> bytes:
    """OBJECT REFCOUNT: 1, as no value is shared; nil where there is none."""
    return replies.NIL if database.get(args[2]) is None else replies.integer(1)


def idletime(database: Database, args: list[bytes]) -> bytes:
    """OBJECT IDLETIME: 0, as it is not kept when a key was last used; nil where there is none."""
    return replies.NIL if database.get(args[2]) is None else replies.integer(0)


def freq(database: Database, args: list[bytes]) -> bytes:
    """OBJECT FREQ: that this is not kept, in the words of Redis; nil where there is no key."""
    return replies.NIL if database.get(args[2]) is None else _NO_FREQUENCY


def usage(database: Database, args: list[bytes]) -> bytes:
    """MEMORY USAGE: how many bytes of memory key and value take, about, from a few members; nil without a key."""
    samples = _read_samples(args[3:])
    if isinstance(samples, bytes):
        return samples
    value = database.get(args[2])
    if value is None:
        return replies.NIL
    return replies.integer(_KEY_BYTES + len(args[2]) + _value_bytes(value, samples))


def _read_samples(options: list[bytes]) -> int | bytes:
    """How many members to look at, all of them if 0; or the error reply."""
    samples = _USUAL_SAMPLES
    for place in range(0, len(options), 2):
        match options[place].upper(), options[place + 1 : place + 2]:
            case b"SAMPLES", [word]:
                number = parse_integer(word)
                if number is None:
                    return NOT_AN_INTEGER
                if number < 0:
                    return replies.SYNTAX_ERROR
                samples = number
            case _:
                return replies.SYNTAX_ERROR
    return samples


def _value_bytes(value: Value, samples: int) -> int:
    if isinstance(value, bytes):
        return len(value)
    looked_at = list(islice(value.items(), samples or None))
    size_bytes = sum(len(name) + len(content or b"") for name, content in looked_at)
    return len(value) * (_MEMBER_BYTES + size_bytes // len(looked_at))


def _help(lines: Sequence[bytes]) -> Run:
    reply = replies.array([replies.simple(line) for line in lines])
    return lambda database, args: reply


_OBJECT_HELP: Final = (
    b"OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    b"ENCODING <key>",
    b"    The form in which Redis would keep the value.",
    b"FREQ <key>",
    b"    An error: how often a key is used is not kept.",
    b"IDLETIME <key>",
    b"    0: when a key was last used is not kept.",
    b"REFCOUNT <key>",
    b"    1: values are not shared.",
    b"HELP",
    b"    Prints this help.",
)
_MEMORY_HELP: Final = (
    b"MEMORY <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    b"USAGE <key> [SAMPLES <count>]",
    b"    About how many bytes of memory key and value take, from so many members (5; 0 means all).",
    b"HELP",
    b"    Prints this help.",
)


def _about_key(name: str, summary: str, example: str, run: Run, options: str = "") -> Command:
    return Command(
        name=name,
        usage=f"{name} key{options}",
        summary=summary,
        example=example,
        group="key",
        writes=False,
        min_args=2,
        max_args=None if options else 2,
        run=run,
        keys=_KEY,
    )


def _help_on(name: str, lines: Sequence[bytes]) -> Command:
    return Command(
        name=f"{name} HELP",
        usage=f"{name} HELP",
        summary=f"The commands that begin with {name}.",
        example=f"{name} HELP",
        group="key",
        writes=False,
        min_args=1,
        max_args=1,
        run=_help(lines),
        keys=None,
    )


COMMANDS = (
    _about_key("OBJECT ENCODING", "The form in which Redis would keep the value.", "OBJECT ENCODING user", encoding),
    _about_key("OBJECT REFCOUNT", "Always 1: values are not shared.", "OBJECT REFCOUNT user", refcount),
    _about_key("OBJECT IDLETIME", "Always 0: when a key was last used is not kept.", "OBJECT IDLETIME user", idletime),
    _about_key("OBJECT FREQ", "Always an error: how often a key is used is not kept.", "OBJECT FREQ nothing", freq),
    _help_on("OBJECT", _OBJECT_HELP),
    _about_key(
        "MEMORY USAGE",
        "About how many bytes of memory a key and its value take.",
        "MEMORY USAGE user",
        usage,
        " [SAMPLES count]",
    ),
    _help_on("MEMORY", _MEMORY_HELP),
)
