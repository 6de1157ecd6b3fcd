"""Property: the patterns of KEYS match what two dumb oracles say."""

import re

from hypothesis import example, given
from hypothesis import strategies as st

from tfraft.store.glob import compile_glob

# Few letters and all signs of the grammar, so that patterns often match and often have odd brackets.
PATTERNS = st.text("ab-*?[]^\\", max_size=12)
KEYS = st.text("ab-]^\\", max_size=8)


def matches_by_trying_everything(pattern: str, key: str) -> bool:
    """The meaning in the order of the grammar: every place is tried for every star."""
    if not pattern:
        return not key
    if pattern[0] == "*":
        return any(matches_by_trying_everything(pattern[1:], key[at:]) for at in range(len(key) + 1))
    if not key:
        return False
    if pattern[0] == "?":
        return matches_by_trying_everything(pattern[1:], key[1:])
    if pattern[0] == "[":
        allowed, rest = bracket(pattern[1:], key[0])
        return allowed and matches_by_trying_everything(rest, key[1:])
    if pattern[0] == "\\" and len(pattern) > 1:
        pattern = pattern[1:]
    return pattern[0] == key[0] and matches_by_trying_everything(pattern[1:], key[1:])


def bracket(inside: str, letter: str) -> tuple[bool, str]:
    """Whether the bracket allows `letter`, and what of the pattern comes after it."""
    negated = inside.startswith("^")
    inside = inside[negated:]
    found = False
    while inside and inside[0] != "]":
        if inside[0] == "\\" and len(inside) > 1:
            found, inside = found or inside[1] == letter, inside[2:]
        elif len(inside) > 2 and inside[1] == "-":
            low, high = min(inside[0], inside[2]), max(inside[0], inside[2])
            found, inside = found or low <= letter <= high, inside[3:]
        else:
            found, inside = found or inside[0] == letter, inside[1:]
    return found != negated, inside[1:]


@given(PATTERNS, KEYS)
@example("[", "[")
@example("[^", "a")
@example("[a-]b", "a")
@example("*[^]*", "")
def test_a_pattern_matches_as_if_everything_were_tried(pattern: str, key: str) -> None:
    wanted = matches_by_trying_everything(pattern, key) if key else pattern in ("", "*")
    assert compile_glob(pattern.encode()).matches(key.encode()) is wanted


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=10))
def test_stars_and_question_marks_match_like_a_regular_expression(pattern: str, key: str) -> None:
    expression = pattern.replace("*", ".*").replace("?", ".")
    wanted = re.fullmatch(expression, key) is not None if key else pattern in ("", "*")
    assert compile_glob(pattern.encode()).matches(key.encode()) is wanted


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_any_bytes_are_a_pattern(pattern: bytes, key: bytes) -> None:
    compile_glob(pattern).matches(key)


@given(st.binary(max_size=30))
def test_a_key_with_every_byte_escaped_matches_itself_alone(key: bytes) -> None:
    glob = compile_glob(b"".join(b"\\" + key[at : at + 1] for at in range(len(key))))
    assert glob.matches(key)
    assert not glob.matches(key + b"x")
