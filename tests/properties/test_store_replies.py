"""Property: every reply is read back as what it was made of, and `parse` is total."""

from hypothesis import given
from hypothesis import strategies as st

from tfraft.store import replies
from tfraft.store.replies import ErrorReply, Reply, ReplyError, Simple

WORDS = st.text(st.characters(exclude_characters="\r\n ", exclude_categories=["Cs"]), min_size=1, max_size=10)
REPLIES: st.SearchStrategy[Reply] = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**18), 10**18),
        st.binary(max_size=30),
        WORDS.map(Simple),
        st.builds(ErrorReply, WORDS, st.lists(WORDS).map(" ".join)),
    ),
    lambda inner: st.lists(inner, max_size=4),
)


def made(reply: Reply) -> bytes:
    match reply:
        case None:
            return replies.NIL
        case bool():
            return replies.boolean(reply)
        case int():
            return replies.integer(reply)
        case bytes():
            return replies.bulk(reply)
        case Simple(text):
            return replies.simple(text.encode())
        case ErrorReply(code, message):
            return replies.error(f"{code} {message}".encode())
        case list():
            return replies.array([made(member) for member in reply])


@given(REPLIES)
def test_parse_gives_back_what_was_made(reply: Reply) -> None:
    assert replies.parse(made(reply)) == reply


@given(REPLIES)
def test_a_reply_cut_short_or_with_more_behind_it_is_refused(reply: Reply) -> None:
    whole = made(reply)
    for damaged in [*(whole[:end] for end in range(len(whole))), whole + b"\r\n"]:
        try:
            replies.parse(damaged)
        except ReplyError:
            continue
        raise AssertionError(damaged)


FRAGMENTS = st.lists(
    st.one_of(st.sampled_from([b"+", b"-", b":", b"$", b"*", b"#", b"_", b"1", b"t", b"\r\n"]), st.binary(max_size=3))
)


@given(FRAGMENTS.map(b"".join))
def test_any_bytes_are_a_reply_or_a_reply_error(payload: bytes) -> None:
    try:
        reply = replies.parse(payload)
    except ReplyError:
        return
    assert replies.parse(made(reply)) == reply
