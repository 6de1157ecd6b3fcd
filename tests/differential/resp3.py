"""A reply in RESP3, as it stands in the bytes: its marker, its line, and the replies inside it.

The tests read replies by themselves, so that what they compare has not passed through the code that they judge.
"""

from __future__ import annotations

from typing import Final

from tfraft.record import record

_BULKS: Final = b"$="
_MEMBERS: Final = {b"*": 1, b"~": 1, b">": 1, b"%": 2}
"""How many replies one member of each kind is."""


class Incomplete(Exception):
    """The bytes end before the reply does."""


@record
class Answer:
    """One reply. `text` is what stands on its line, or the bytes of a bulk string; `members` are the replies in it."""

    marker: bytes
    text: bytes = b""
    members: tuple[Answer, ...] = ()

    @property
    def is_error(self) -> bool:
        return self.marker == b"-"

    @property
    def number(self) -> int:
        """The whole number that this reply is."""
        assert self.marker == b":", f"expected an integer, saw {self}"
        return int(self.text)

    def pairs(self) -> list[tuple[Answer, Answer]]:
        """The members two by two: what a map holds."""
        return list(zip(self.members[::2], self.members[1::2], strict=True))


def read_reply(data: bytes, start: int = 0) -> tuple[Answer, int]:
    """The reply that begins at `start`, and where it ends. Raises Incomplete where `data` ends before."""
    line_end = data.find(b"\r\n", start)
    if line_end < 0:
        raise Incomplete
    marker, line, rest = data[start : start + 1], data[start + 1 : line_end], line_end + 2
    if marker in _BULKS:
        end = rest + int(line)
        if len(data) < end + 2:
            raise Incomplete
        assert data[end : end + 2] == b"\r\n", f"expected CR LF behind a bulk string, saw {data[end : end + 2]!r}"
        return Answer(marker, data[rest:end]), end + 2
    if marker not in _MEMBERS:
        return Answer(marker, line), rest
    members = []
    for _ in range(int(line) * _MEMBERS[marker]):
        member, rest = read_reply(data, rest)
        members.append(member)
    return Answer(marker, b"", tuple(members)), rest


def read_whole(data: bytes) -> Answer:
    """The one reply that `data` is."""
    answer, end = read_reply(data)
    assert end == len(data), f"expected one reply, saw {len(data) - end} bytes behind it: {data[end:][:80]!r}"
    return answer
