"""Replies in RESP2 say what those in RESP3 say, in the types that there are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.resp.resp2 import end_of_reply, to_resp2
from tfraft.store import replies


@pytest.mark.parametrize(
    ("resp3", "resp2"),
    [
        (b"+OK\r\n", b"+OK\r\n"),
        (b"-ERR x\r\n", b"-ERR x\r\n"),
        (b":1\r\n", b":1\r\n"),
        (b"$2\r\n_\r\r\n", b"$2\r\n_\r\r\n"),
        (b"_\r\n", b"$-1\r\n"),
        (b"#t\r\n", b":1\r\n"),
        (b"#f\r\n", b":0\r\n"),
        (b",1.5\r\n", b"$3\r\n1.5\r\n"),
        (b"(123\r\n", b"$3\r\n123\r\n"),
        (b"=7\r\ntxt:a\r\n\r\n", b"$3\r\na\r\n\r\n"),
        (b"%1\r\n+a\r\n_\r\n", b"*2\r\n+a\r\n$-1\r\n"),
        (b"~2\r\n:1\r\n:2\r\n", b"*2\r\n:1\r\n:2\r\n"),
        (b"*2\r\n%1\r\n$1\r\na\r\n#t\r\n~0\r\n", b"*2\r\n*2\r\n$1\r\na\r\n:1\r\n*0\r\n"),
        (b"*1\r\n$6\r\n\n_\r\n#t\r\n", b"*1\r\n$6\r\n\n_\r\n#t\r\n"),
        (b"*0\r\n", b"*0\r\n"),
        (b"*-1\r\n", b"*-1\r\n"),
    ],
)
def test_each_type_becomes_the_one_that_redis_takes_for_it(resp3: bytes, resp2: bytes) -> None:
    assert to_resp2(resp3) == resp2
    if not resp3.startswith(b"*-"):
        assert end_of_reply(b"+before\r\n" + resp3 + b"+after\r\n", 9) == 9 + len(resp3)


REPLIES = st.recursive(
    st.one_of(
        st.binary(max_size=8).map(replies.bulk),
        st.integers(-9, 9).map(replies.integer),
        st.sampled_from([replies.OK, replies.NIL, replies.TRUE, b",1.5\r\n"]),
    ),
    lambda inner: st.lists(inner, max_size=4).map(replies.array),
    max_leaves=12,
)


@given(REPLIES)
def test_of_what_the_store_answers_only_nil_truth_and_doubles_change(reply: bytes) -> None:
    """A value that looks like a reply stays what it is."""
    shown = {None: b"$-1\r\n", True: b":1\r\n"}

    def in_resp2(start: int) -> tuple[bytes, int]:
        end = end_of_reply(reply, start)
        whole = reply[start:end]
        match whole[:1]:
            case b"_":
                return shown[None], end
            case b"#":
                return shown[True], end
            case b",":
                return replies.bulk(whole[1:-2]), end
            case b"*":
                at = reply.index(b"\n", start) + 1
                parts = [reply[start:at]]
                while at < end:
                    part, at = in_resp2(at)
                    parts.append(part)
                return b"".join(parts), end
            case _:
                return whole, end

    assert to_resp2(reply) == in_resp2(0)[0]
