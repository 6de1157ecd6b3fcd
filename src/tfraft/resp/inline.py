"""Inline requests: a line of words, as a person types it into telnet; quotes as in Redis."""

import re
from typing import Final

_SPACE: Final = b" \t\r\n\v\f\0"
_PLAIN = re.compile(rb"[^ \t\r\n\v\f\0\"']+")
_ESCAPED = re.compile(rb"\\x([0-9a-fA-F]{2})|\\(.)", re.DOTALL)
# Each byte can be matched in one way only, so that a quote without an end takes no longer than one with.
_DOUBLE = re.compile(rb'"((?:\\.|[^"\\])*)"', re.DOTALL)
_SINGLE = re.compile(rb"'((?:\\'|\\(?!')|[^'\\])*)'", re.DOTALL)
_NAMED: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"a": b"\a"}


def split_inline(line: bytes) -> list[bytes] | None:
    """The words of `line`; None where a quote is not closed, or goes on after its end.

    In double quotes a backslash takes the next byte as it is, but \\n \\r \\t \\b \\a and \\x41 have their meaning; in
    single quotes it does so only before a single quote."""
    words: list[bytes] = []
    at = _skip_space(line, 0)
    while at < len(line):
        found = _word_at(line, at)
        if found is None:
            return None
        word, at = found
        words.append(word)
        at = _skip_space(line, at)
    return words


def _word_at(line: bytes, at: int) -> tuple[bytes, int] | None:
    """The word that begins at `at`, and where it ends. A quote may also begin within it, and then ends it."""
    word = b""
    if plain := _PLAIN.match(line, at):
        word, at = plain[0], plain.end()
    if at == len(line) or line[at] in _SPACE:
        return word, at
    is_double = line[at] == ord('"')
    quoted = (_DOUBLE if is_double else _SINGLE).match(line, at)
    if quoted is None or (quoted.end() < len(line) and line[quoted.end()] not in _SPACE):
        return None
    inside = _ESCAPED.sub(_unescape, quoted[1]) if is_double else quoted[1].replace(b"\\'", b"'")
    return word + inside, quoted.end()


def _unescape(found: re.Match[bytes]) -> bytes:
    if found[1] is not None:
        return bytes.fromhex(found[1].decode())
    return _NAMED.get(found[2], found[2])


def _skip_space(line: bytes, at: int) -> int:
    while at < len(line) and line[at] in _SPACE:
        at += 1
    return at
