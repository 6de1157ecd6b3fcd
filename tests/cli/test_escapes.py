"""What a terminal is shown of a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.cli.escapes import as_word, quoted, safe, shown


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", '""'),
        (b"hello world", '"hello world"'),
        (b'say "hi"', r'"say \"hi\""'),
        (b"back\\slash", r'"back\\slash"'),
        (b"a\nb\tc\rd", r'"a\nb\tc\rd"'),
        (b"\x1b[31mred\x07", r'"\x1b[31mred\x07"'),
        (b"\xff\xfe", r'"\xff\xfe"'),
        ("\x9b31m".encode(), r'"\xc2\x9b31m"'),
        ("\u202eevil".encode(), r'"\xe2\x80\xaeevil"'),
        ("\u2028".encode(), r'"\xe2\x80\xa8"'),
        ("ключ 值 🦊 é".encode(), '"ключ 值 🦊 é"'),
        ("👨\u200d👩".encode(), '"👨\u200d👩"'),
    ],
)
def test_a_value_is_shown_in_quotes_with_escapes_for_what_does_not_show(data: bytes, text: str) -> None:
    assert quoted(data) == text


@given(st.binary(max_size=60))
def test_nothing_that_is_shown_can_move_the_cursor(data: bytes) -> None:
    for text in (quoted(data), shown(data), as_word(data)):
        assert not any(character < " " or "\x7f" <= character <= "\x9f" for character in text)


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"red", "red"), (b"", '""'), (b"two words", '"two words"'), (b"it's", '"it\'s"'), ("é".encode(), "é")],
)
def test_a_word_stands_bare_where_it_may(data: bytes, text: str) -> None:
    assert as_word(data) == text


def test_a_text_with_a_lone_surrogate_can_be_shown() -> None:
    assert safe("a\ud800\udcff") == r"a\xed\xa0\x80\xff"
