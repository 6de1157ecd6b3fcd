"""A pattern of KEYS fits the same keys here and in Redis, however odd it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.differential.pair import Pair
from tests.differential.real_redis import Connection
from tests.differential.start import COMPARED

LETTERS = "ab-]^\\["
KEYS = ["", *LETTERS, *(first + second for first in LETTERS for second in LETTERS), "aab", "ab-", "b]a", "a\\b]"]


@given(patterns=st.lists(st.text("ab-*?[]^\\", max_size=8), min_size=1, max_size=20))
@COMPARED
def test_a_pattern_fits_what_it_fits_in_redis(redis: Connection, patterns: list[str]) -> None:
    pair = Pair(redis)
    pair.run([b"MSET", *(word for key in KEYS for word in (key.encode(), b""))])
    for pattern in patterns:
        pair.run([b"KEYS", pattern.encode()])
