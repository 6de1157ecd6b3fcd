"""The grammar of a line: words between blanks, with quotes as in a shell.

    SET greeting "hello world"      double quotes keep blanks; inside, \\n \\r \\t \\\\ \\" and \\xHH are escapes
    SET greeting 'hello "world"'    single quotes keep everything
    HSET user name:"Ada Lovelace"   quotes may begin and end within a word

Any other backslash is a backslash. Bytes that are no UTF-8 come in as surrogate escapes and leave as they were.
"""

import re
from collections.abc import Iterator

from tfraft.errors import CommandError

BLANKS = " \t\r\n\v\f"

# Possessive quantifiers: a word may have millions of escapes, and each would else keep a place to go back to.
_PIECE = re.compile(
    rf"(?P<blank>[{BLANKS}]+)"
    r'|"(?P<double>(?:[^"\\]++|\\.)*+)"'
    r"|'(?P<single>[^']*+)'"
    rf"""|(?P<plain>[^{BLANKS}"']+)""",
    re.DOTALL,
)
_ESCAPE = re.compile(rb"\\(?:x([0-9A-Fa-f]{2})|([nrt\\\"]))")
_ESCAPED = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"\\": b"\\", b'"': b'"'}
_SHOWN_CHARACTERS = 24


def split(line: str) -> list[bytes]:
    """The words of `line` as bytes. Raises CommandError, which shows the place, for a quote that is never closed."""
    words: list[list[bytes]] = []
    end = 0
    within_word = False
    for piece in _pieces(line):
        end = piece.end()
        if piece.lastgroup == "blank":
            within_word = False
            continue
        if not within_word:
            words.append([])
        words[-1].append(_content(piece))
        within_word = True
    if end < len(line):
        raise CommandError(_unbalanced(line, end))
    return [b"".join(word) for word in words]


def word_at_end(line: str) -> str:
    """The word that is being typed at the end of `line`, as it is typed; empty after a blank."""
    start = 0
    for piece in _pieces(line):
        if piece.lastgroup == "blank":
            start = piece.end()
    return line[start:]


def _pieces(line: str) -> Iterator[re.Match[str]]:
    """The blanks, quoted parts and plain parts of `line`, one after the other, up to a quote that is never closed."""
    position = 0
    while piece := _PIECE.match(line, position):
        position = piece.end()
        yield piece


def _content(piece: re.Match[str]) -> bytes:
    kind = piece.lastgroup
    assert kind is not None, "every alternative of the pattern has a name"
    content = piece[kind].encode("utf-8", "surrogateescape")
    return _ESCAPE.sub(_unescaped, content) if kind == "double" else content


def _unescaped(escape: re.Match[bytes]) -> bytes:
    return bytes.fromhex(escape[1].decode()) if escape[1] else _ESCAPED[escape[2]]


def _unbalanced(line: str, position: int) -> str:
    """What to say of the quote at `position`; an apostrophe within a word most likely was not meant as a quote."""
    shown = line[position : position + _SHOWN_CHARACTERS]
    more = "…" if len(line) > position + _SHOWN_CHARACTERS else ""
    hint = """ For an apostrophe put the word in double quotes: "it's".""" if line[position] == "'" else ""
    return f"the quote at column {position + 1} is never closed: {shown}{more}{hint}"
