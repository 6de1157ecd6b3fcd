"""OBJECT and MEMORY: what tools ask about the value under a key."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, codec, replies

Run = Callable[[str], bytes]


@pytest.mark.parametrize(
    ("words", "encoding"),
    [
        ([b"SET", b"k", b"12"], b"int"),
        ([b"SET", b"k", b"-9223372036854775808"], b"int"),
        ([b"SET", b"k", b"012"], b"embstr"),
        ([b"SET", b"k", b"v" * 44], b"embstr"),
        ([b"SET", b"k", b"v" * 45], b"raw"),
        ([b"HSET", b"k", b"f" * 64, b"v" * 64], b"listpack"),
        ([b"HSET", b"k", b"f" * 65, b"v"], b"hashtable"),
        ([b"HSET", b"k", b"f", b"v" * 65], b"hashtable"),
        ([b"HSET", b"k", *[b"%d" % number for number in range(1024)]], b"listpack"),
        ([b"HSET", b"k", *[b"%d" % number for number in range(1026)]], b"hashtable"),
        ([b"SSET", b"k", b"1", b"-2"], b"intset"),
        ([b"SSET", b"k", b"1", b"a"], b"hashtable"),
        ([b"SSET", b"k", *[b"%d" % number for number in range(513)]], b"hashtable"),
    ],
)
def test_the_encoding_is_that_in_which_redis_would_keep_the_value(
    store: Store, run: Run, words: list[bytes], encoding: bytes
) -> None:
    store.apply(codec.encode(words))
    assert run("OBJECT ENCODING k") == replies.bulk(encoding)


def test_what_is_not_kept_has_an_answer_all_the_same(run: Run) -> None:
    run("SET k v")
    assert run("OBJECT REFCOUNT k") == b":1\r\n"
    assert run("OBJECT IDLETIME k") == b":0\r\n"
    assert run("OBJECT FREQ k").startswith(
        b"-ERR An LFU maxmemory policy is not selected, access frequency not tracked."
    )


@pytest.mark.parametrize(
    "name", ["OBJECT ENCODING", "OBJECT REFCOUNT", "OBJECT IDLETIME", "OBJECT FREQ", "MEMORY USAGE"]
)
def test_nothing_is_told_of_a_key_that_is_not_there(run: Run, name: str) -> None:
    assert run(f"{name} nothing") == replies.NIL


@pytest.mark.parametrize("name", ["OBJECT", "MEMORY"])
def test_help_names_each_second_word(run: Run, name: str) -> None:
    lines = replies.parse(run(f"{name} HELP"))
    assert isinstance(lines, list)
    assert lines[0] == replies.Simple(f"{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
    words = {line.text.split()[0] for line in lines[1:] if isinstance(line, replies.Simple) and line.text[0] != " "}
    assert words == {"OBJECT": {"ENCODING", "REFCOUNT", "IDLETIME", "FREQ", "HELP"}, "MEMORY": {"USAGE", "HELP"}}[name]


def memory(run: Run, line: str) -> int:
    answer = replies.parse(run(line))
    assert isinstance(answer, int)
    return answer


def test_memory_grows_with_key_value_and_members(run: Run) -> None:
    for line in (
        "SET k 12345",
        "SET kk 12345",
        "SET k:long 1234567890",
        "HSET h a 1",
        "HSET hh a 1 b 2",
        "SSET ss aa bb",
    ):
        run(line)
    used = [memory(run, f"MEMORY USAGE {key}") for key in ("k", "kk", "k:long", "h", "hh")]
    assert used == sorted(set(used))
    assert memory(run, "MEMORY USAGE ss") == used[4]


def test_the_memory_of_members_is_that_of_the_first_ones_times_their_number(store: Store, run: Run) -> None:
    store.apply(codec.encode([b"SSET", b"k", *[b"%d" % number for number in range(9)], b"m" * 9000]))
    assert memory(run, "MEMORY USAGE k") == memory(run, "MEMORY USAGE k samples 9") < 2000
    assert memory(run, "MEMORY USAGE k SAMPLES 0") == memory(run, "MEMORY USAGE k SAMPLES 10") > 9000


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ("SAMPLES x", "value is not an integer or out of range"),
        ("SAMPLES -5", "syntax error"),
        ("SAMPLES", "syntax error"),
        ("FOO 5", "syntax error"),
        ("SAMPLES 5 FOO", "syntax error"),
    ],
)
def test_options_of_memory_usage_that_are_none_are_refused_in_the_words_of_redis(
    run: Run, options: str, error: str
) -> None:
    assert run(f"MEMORY USAGE nothing {options}") == f"-ERR {error}\r\n".encode()
