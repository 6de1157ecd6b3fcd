"""Replies: what is made, and what `parse` takes and refuses."""

import pytest

from tfraft.store import replies
from tfraft.store.replies import ErrorReply, Reply, ReplyError, Simple, parse


@pytest.mark.parametrize(
    ("made", "bytes_of_it", "meaning"),
    [
        (replies.OK, b"+OK\r\n", Simple("OK")),
        (replies.NIL, b"_\r\n", None),
        (replies.boolean(True), b"#t\r\n", True),
        (replies.boolean(False), b"#f\r\n", False),
        (replies.simple(b"hash"), b"+hash\r\n", Simple("hash")),
        (replies.integer(2), b":2\r\n", 2),
        (replies.integer(-1), b":-1\r\n", -1),
        (replies.integer(2**63 - 1), b":9223372036854775807\r\n", 2**63 - 1),
        (replies.bulk(b"hello"), b"$5\r\nhello\r\n", b"hello"),
        (replies.bulk(b""), b"$0\r\n\r\n", b""),
        (replies.bulk(b"\r\n"), b"$2\r\n\r\n\r\n", b"\r\n"),
        (replies.array([]), b"*0\r\n", []),
        (replies.array([replies.bulk(b"a"), replies.NIL]), b"*2\r\n$1\r\na\r\n_\r\n", [b"a", None]),
        (b"~2\r\n" + replies.bulk(b"a") + replies.NIL, b"~2\r\n$1\r\na\r\n_\r\n", [b"a", None]),
        (b"%1\r\n" + replies.bulk(b"a") + replies.NIL, b"%1\r\n$1\r\na\r\n_\r\n", [b"a", None]),
        (replies.SYNTAX_ERROR, b"-ERR syntax error\r\n", ErrorReply("ERR", "syntax error")),
        (
            replies.WRONGTYPE,
            b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n",
            ErrorReply("WRONGTYPE", "Operation against a key holding the wrong kind of value"),
        ),
        (replies.error(b"ERR a\r\nb"), b"-ERR a  b\r\n", ErrorReply("ERR", "a  b")),
        (replies.error(b"OOPS"), b"-OOPS\r\n", ErrorReply("OOPS", "")),
        (replies.error(b"ERR \xff"), b"-ERR \xff\r\n", ErrorReply("ERR", "\\xff")),
    ],
)
def test_a_reply_has_its_form_in_resp3_and_is_read_back(made: bytes, bytes_of_it: bytes, meaning: Reply) -> None:
    assert made == bytes_of_it
    assert parse(made) == meaning
    assert type(parse(made)) is type(meaning)  # True == 1, but an integer is not a boolean


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"+",
        b"+OK",
        b"+OK\n",
        b"+OK\r\n+",
        b"+OK\r\n+OK\r\n",
        b"+O\nK\r\n",
        b"+O\rK\r\n",
        b"-ERR a\rb\r\n",
        b"OK\r\n",
        b"\r\n",
        b"#\r\n",
        b"#x\r\n",
        b"#tt\r\n",
        b"_x\r\n",
        b":\r\n",
        b":+1\r\n",
        b":01\r\n",
        b":1.5\r\n",
        b": 1\r\n",
        b":1_0\r\n",
        b":" + b"9" * 20 + b"\r\n",
        b":" + b"9" * 5000 + b"\r\n",
        b"$-1\r\n",
        b"$-2\r\n",
        b"$x\r\na\r\n",
        b"$2\r\na\r\n",
        b"$1\r\nab\r\n",
        b"$1\r\na",
        b"$9999999999999999999\r\na\r\n",
        b"*-1\r\n",
        b"*1\r\n",
        b"*x\r\n",
        b"*1000000000\r\n_\r\n",
        b"*1\r\n" * 33 + b"_\r\n",
        b"*1\r\n" * 100_000,
        b"%1\r\n+a\r\n",
    ],
)
def test_what_is_not_one_whole_reply_is_refused(damaged: bytes) -> None:
    with pytest.raises(ReplyError):
        parse(damaged)


def test_arrays_may_be_nested_to_a_depth() -> None:
    nested = parse(b"*1\r\n" * 32 + b"_\r\n")
    for _ in range(32):
        assert isinstance(nested, list)
        [nested] = nested
    assert nested is None
