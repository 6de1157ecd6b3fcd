"""The grammar of a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.cli.escapes import as_word, quoted
from tfraft.cli.tokens import split, word_at_end
from tfraft.errors import CommandError


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", []),
        (" \t ", []),
        ("GET a", [b"GET", b"a"]),
        ("  GET \t a  ", [b"GET", b"a"]),
        ("GET a\r", [b"GET", b"a"]),
        ('SET k "two words"', [b"SET", b"k", b"two words"]),
        ("SET k 'two words'", [b"SET", b"k", b"two words"]),
        ('SET k ""', [b"SET", b"k", b""]),
        ("SET k ''", [b"SET", b"k", b""]),
        ("""SET k "it's" """, [b"SET", b"k", b"it's"]),
        ("""SET k 'say "hi"'""", [b"SET", b"k", b'say "hi"']),
        ('HSET u name:"Ada Lovelace"', [b"HSET", b"u", b"name:Ada Lovelace"]),
        ("""a"b"'c'd""", [b"abcd"]),
        (r'"\n\r\t\\\""', [b'\n\r\t\\"']),
        (r'"\x00\xff\xC3\xa9"', [b"\x00\xff\xc3\xa9"]),
        (r'"\d \x4 \u0041"', [rb"\d \x4 \u0041"]),
        (r"C:\new 'C:\new'", [rb"C:\new", rb"C:\new"]),
        ("SET url http://a:8080/?b=c", [b"SET", b"url", b"http://a:8080/?b=c"]),
        ("SET ключ 值🦊", [b"SET", "ключ".encode(), "值🦊".encode()]),
        ("a\xa0b", ["a\xa0b".encode()]),
        ("\udcff\udc80", [b"\xff\x80"]),
    ],
)
def test_a_line_is_split_into_words(line: str, words: list[bytes]) -> None:
    assert split(line) == words


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('SET k "two words', 'the quote at column 7 is never closed: "two words'),
        ('SET k "a" "', 'the quote at column 11 is never closed: "'),
        (r'SET k "a\"', r'the quote at column 7 is never closed: "a\"'),
        ('"' + "x" * 30, 'the quote at column 1 is never closed: "xxxxxxxxxxxxxxxxxxxxxxx…'),
    ],
)
def test_a_quote_that_is_never_closed_is_an_error_that_shows_the_place(line: str, told: str) -> None:
    with pytest.raises(CommandError) as error:
        split(line)
    assert str(error.value) == told


def test_an_apostrophe_gets_the_advice_to_use_double_quotes() -> None:
    with pytest.raises(CommandError, match=r"column 9 is never closed: 's\. For an apostrophe .*\"it's\""):
        split("SET k it's.")


@given(st.lists(st.binary(max_size=20), max_size=5))
def test_a_value_as_it_is_shown_can_be_typed_again(values: list[bytes]) -> None:
    assert split(" ".join(map(quoted, values))) == values
    assert split(" ".join(map(as_word, values))) == values


@given(st.text(max_size=40))
def test_no_line_does_anything_but_split_or_say_why_not(line: str) -> None:
    try:
        words = split(line)
    except CommandError:
        return
    assert split(" ".join(map(as_word, words))) == words


def test_a_long_value_full_of_escapes_is_split_in_one_pass() -> None:
    assert split('"' + r"\x00" * 1_000_000 + '"') == [bytes(1_000_000)]


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("", ""),
        ("GE", "GE"),
        ("GET ", ""),
        ("GET gr", "gr"),
        ('GET "two w', '"two w'),
        ('HSET u name:"A b', 'name:"A b'),
    ],
)
def test_the_word_at_the_end_is_the_one_that_is_being_typed(line: str, word: str) -> None:
    assert word_at_end(line) == word
