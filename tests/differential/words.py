"""The words that commands are made of, and how they are put in a row: strategies that give lists of words.

The words are few, so that commands meet on the same keys; each is there for what it may break.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Final

from hypothesis import strategies as st

Words = st.SearchStrategy[list[bytes]]

OWN_KEYS: Final = {
    "string": (b"s", b"S", b"s\r\n\xff", b""),
    "hash": (b"h", b"H"),
    "set": (b"t", b"T", b"u"),
}
KEYS: Final = tuple(chain.from_iterable(OWN_KEYS.values()))

MEMBERS: Final = (b"a", b"b", b"c", b"A", b"", b"1", b"-2", b"03", b"\xff\x00\r\n", b"m" * 70)
TEXTS: Final = (b"", b"abc", b"ohmytext", b"mynewtext", b"\x00\xff\r\n", b"t" * 50)
PATTERNS: Final = (b"*", b"?", b"[a-c]", b"[^a]", b"s*", b"\\a", b"[", b"", b"*\r\n*", b"[b-")
INTEGERS: Final = (b"0", b"1", b"-1", b"7", b"-10", b"9223372036854775807", b"-9223372036854775808")
NO_INTEGERS: Final = (
    b"",
    b"x",
    b"01",
    b"+1",
    b"-0",
    b" 1",
    b"1 ",
    b"1_0",
    b"0x1",
    b"1.0",
    b"\xd9\xa1",
    b"1\x00",
    b"9223372036854775808",
    b"-9223372036854775809",
)
FLOATS: Final = (b"0.1", b"0.2", b"-.5", b"5.", b"3.0e3", b"1e-7", b"1234567890123.456", b"0x1p3", b"1e17", b"-1e-20")
NO_FLOATS: Final = (b"nan", b"inf", b"-infinity", b"1e", b"1e99999", b"1,5", b" 1.5", b"1.5 ", b"1_0.5", b"\x001")

LATER_S: Final = b"<later s>"
LATER_MS: Final = b"<later ms>"
FAR_S: Final = (b"4102444800", b"4133980800", b"5000000000")
FAR_MS: Final = (b"4102444800000", b"4102444800001", b"9000000000000000000")
PAST: Final = (b"1", b"1500000000")
NO_TIMES_MS: Final = (b"0", b"-1", b"-9223372036854775808", b"9223372036854775808", b"x", b"1.5")
NO_TIMES: Final = (*NO_TIMES_MS, b"9223372036854775807", b"9223372036854776")


def render(command: list[bytes], position: int) -> list[bytes]:
    """The command with a number in place of LATER_S and LATER_MS.

    It grows with the place of the command among the others, so that no two deadlines lie so close together that the
    pace of the clock decides which is later."""
    later_s = 1000 * (position + 1)
    times = {LATER_S: b"%d" % later_s, LATER_MS: b"%d" % (1000 * later_s + 1)}
    return [times.get(word, word) for word in command]


def one(*words: bytes) -> Words:
    """One of these words."""
    return st.sampled_from([[word] for word in words])


def mostly(right: tuple[bytes, ...], wrong: tuple[bytes, ...]) -> Words:
    """One of `right`, and once in eight times one of `wrong`."""
    return st.integers(0, 7).flatmap(lambda die: one(*wrong) if die == 7 else one(*right))


def cased(*words: bytes) -> Words:
    """One of these words, in any case."""
    return one(*chain.from_iterable((word, word.lower(), word.capitalize()) for word in words))


def row(*parts: Words) -> Words:
    """The words of all parts, one after the other."""
    return st.tuples(*parts).map(lambda found: list(chain.from_iterable(found)))


def some(part: Words, at_least: int = 1, at_most: int = 4) -> Words:
    """The part several times over."""
    return st.lists(part, min_size=at_least, max_size=at_most).map(lambda found: list(chain.from_iterable(found)))


def maybe(part: Words) -> Words:
    return st.one_of(st.just([]), part)


def options(*choices: Words) -> Words:
    """Any of the choices in any order, contradictions and repetitions included; none or one in most cases."""
    choice = st.one_of(*choices)
    return st.one_of(st.just([]), choice, some(choice, 0, 3))


def key_of(group: str) -> Words:
    """A key that mostly holds this type, if any."""
    return mostly(OWN_KEYS[group], KEYS)


MEMBER = one(*MEMBERS)
FIELD = MEMBER
VALUE = mostly((*TEXTS, *INTEGERS, *FLOATS, *MEMBERS), (*NO_INTEGERS, *NO_FLOATS))
INTEGER = mostly(INTEGERS, NO_INTEGERS)
FLOAT = mostly((*INTEGERS, *FLOATS), (*NO_FLOATS, *NO_INTEGERS))
PATTERN = one(*PATTERNS)
ANY_KEY = one(*KEYS)

# Words that no command asks too much with: a count of -9 is nine random members, one of -1000000000 is a full memory.
JUNK: Final = (b"x", b"", b"0", b"-1", b"1.5", b"9223372036854775807")


def mistaken(command: Words) -> Words:
    """The command, and once in a while with a word too few, too many or out of place."""
    return st.tuples(command, st.sampled_from((*[_as_it_is] * 13, *_MISTAKES))).map(lambda found: found[1](found[0]))


def _as_it_is(command: list[bytes]) -> list[bytes]:
    return command


def _with_last(word: bytes) -> Callable[[list[bytes]], list[bytes]]:
    return lambda command: [*command[:-1], word] if len(command) > 1 else command


_MISTAKES: Final[tuple[Callable[[list[bytes]], list[bytes]], ...]] = (
    lambda command: command[:-1] or command,
    lambda command: [*command, command[-1]],
    lambda command: command[:1],
    *map(_with_last, JUNK),
)
