"""The words of a command as Python values, and what Python values its answer holds."""

from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

import hiredis

from tfraft.errors import CommandError

Text: TypeAlias = str | bytes
"""A key or a name; a string stands for its UTF-8 bytes."""
Word: TypeAlias = str | bytes | int | float
"""A value; a number stands for its digits."""
Pairs: TypeAlias = Mapping[Any, Word]
"""Names, each a `Text`, and values. To a type checker a dict of text and numbers is no union of two mappings."""

_KINDS: Final = "str, bytes, int or float"


def words_of(words: Iterable[Word]) -> list[bytes]:
    """The words as bytes. Raises CommandError for what is none, such as None, and True, which Redis has no word for."""
    return [_bytes_of(word) for word in words]


def pairs_of(pairs: Pairs) -> list[Word]:
    """Names and values in turn."""
    return [word for pair in pairs.items() for word in pair]


def _bytes_of(word: Word) -> bytes:
    match word:
        case bytes():
            return word
        case str():
            try:
                return word.encode()
            except UnicodeEncodeError as error:
                raise CommandError(f"a word of a command is Unicode text or bytes: {error}") from None
        case bool():
            raise CommandError(f"a word of a command is {_KINDS}, not {word}: write 1 and 0, or words of your own")
        case int():
            return b"%d" % word
        case float():
            return repr(word).encode()
        case _:
            raise CommandError(f"a word of a command is {_KINDS}, not {type(word).__name__}")


def value_of(reply: bytes) -> Any:
    """The Python value of one whole RESP3 reply: None, bytes, int, float, bool, list, dict, set or CommandError.

    A set with members that are not bytes is a list."""
    reader = hiredis.Reader(replyError=CommandError)
    reader.feed(reply)
    value = reader.gets()
    return set(value) if reply.startswith(b"~") and all(isinstance(one, bytes) for one in value) else value


def result_in(reply: bytes) -> Any:
    """The same. Raises the CommandError that an error reply tells of."""
    value = value_of(reply)
    if isinstance(value, CommandError):
        raise value
    return value
