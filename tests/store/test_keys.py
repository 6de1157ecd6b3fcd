"""The commands on keys of any type, named or all at once."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, replies

Run = Callable[[str], bytes]


@pytest.fixture
def three_types(run: Run) -> None:
    run("SET string v")
    run("HSET hash f v")
    run("SSET set v")


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("name", ["DEL", "UNLINK"])
def test_del_removes_keys_of_any_type_and_answers_how_many_there_were(run: Run, name: str) -> None:
    assert run(f"{name} string hash set nothing string") == b":3\r\n"
    assert run("DBSIZE") == b":0\r\n"
    assert run(f"{name} string") == b":0\r\n"


@pytest.mark.usefixtures("three_types")
def test_type_names_the_type_or_none(run: Run) -> None:
    assert [run(f"TYPE {key}") for key in ("string", "hash", "set", "nothing")] == [
        b"+string\r\n",
        b"+hash\r\n",
        b"+set\r\n",
        b"+none\r\n",
    ]


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("name", ["EXISTS", "TOUCH"])
def test_exists_counts_a_key_as_often_as_it_is_named(run: Run, name: str) -> None:
    assert run(f"{name} string hash nothing string") == b":3\r\n"


def test_dbsize_counts_keys_not_members(run: Run) -> None:
    assert run("DBSIZE") == b":0\r\n"
    run("HSET h a 1 b 2")
    run("SET s v")
    assert run("DBSIZE") == b":2\r\n"


def test_keys_are_sorted_by_their_bytes_whatever_their_history(run: Run) -> None:
    for key in ("user:2", "User:3", "user:10", "other"):
        run(f"SET {key} v")
    run("DEL user:2")
    run("SSET user:2 v")
    assert replies.parse(run("KEYS ?ser:*")) == [b"User:3", b"user:10", b"user:2"]
    assert replies.parse(run("KEYS nothing*")) == []


CONTENTS = {"string": "GET {}", "hash": "HGET {} f", "set": "SHAS {} v"}


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("name", ["RENAME", "RENAMENX"])
@pytest.mark.parametrize("key", CONTENTS)
def test_rename_moves_value_and_deadline(run: Run, name: str, key: str) -> None:
    run(f"PEXPIRE {key} 100")
    value = run(CONTENTS[key].format(key))
    assert run(f"{name} {key} new") == (b"+OK\r\n" if name == "RENAME" else b":1\r\n")
    assert run(f"EXISTS {key}") == b":0\r\n"
    assert run(CONTENTS[key].format("new")) == value
    assert run("PTTL new") == b":100\r\n"


@pytest.mark.usefixtures("three_types")
def test_rename_replaces_what_is_there_with_its_deadline_and_renamenx_does_not(run: Run) -> None:
    run("EXPIRE hash 100")
    assert run("RENAMENX string hash") == b":0\r\n"
    assert run("TYPE hash") == b"+hash\r\n"
    assert run("RENAME string hash") == b"+OK\r\n"
    assert (run("GET hash"), run("TTL hash")) == (b"$1\r\nv\r\n", b":-1\r\n")


@pytest.mark.usefixtures("three_types")
def test_a_key_can_be_renamed_to_itself_but_not_to_one_that_is_not_there(run: Run) -> None:
    run("EXPIRE hash 100")
    assert run("RENAME hash hash") == b"+OK\r\n"
    assert (run("HGET hash f"), run("TTL hash")) == (b"$1\r\nv\r\n", b":100\r\n")
    assert run("RENAMENX hash hash") == b":0\r\n"


@pytest.mark.parametrize("line", ["RENAME nothing new", "RENAME nothing nothing", "RENAMENX nothing new"])
def test_a_key_that_is_not_there_cannot_be_renamed(run: Run, line: str) -> None:
    assert run(line) == b"-ERR no such key\r\n"


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("key", CONTENTS)
def test_copy_copies_value_and_deadline(run: Run, key: str) -> None:
    run(f"PEXPIRE {key} 100")
    value = run(CONTENTS[key].format(key))
    assert run(f"COPY {key} new") == b":1\r\n"
    assert run(CONTENTS[key].format("new")) == run(CONTENTS[key].format(key)) == value
    assert run("PTTL new") == run(f"PTTL {key}") == b":100\r\n"


@pytest.mark.usefixtures("three_types")
def test_a_copy_changes_apart_from_the_original(run: Run) -> None:
    run("COPY hash other:hash")
    run("COPY set other:set")
    run("HSET other:hash f w")
    run("SDEL set v")
    assert run("HGET hash f") == b"$1\r\nv\r\n"
    assert run("SHAS other:set v") == b"#t\r\n"


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("options", ["REPLACE", "replace db 0", "DB 0 REPLACE REPLACE"])
def test_copy_replaces_only_where_it_is_told_to(run: Run, options: str) -> None:
    assert run("COPY string set") == run("COPY string set DB 0") == b":0\r\n"
    assert run("TYPE set") == b"+set\r\n"
    assert run(f"COPY string set {options}") == b":1\r\n"
    assert run("GET set") == b"$1\r\nv\r\n"


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("COPY nothing new", ":0"),
        ("COPY nothing nothing", "-ERR source and destination objects are the same"),
        ("COPY string string DB 0", "-ERR source and destination objects are the same"),
        ("COPY string new DB 1", "-ERR DB index is out of range"),
        ("COPY string new DB -1", "-ERR DB index is out of range"),
        ("COPY string new DB 2147483648", "-ERR value is out of range, value must between -2147483648 and 2147483647"),
        ("COPY string new DB x", "-ERR value is not an integer or out of range"),
        ("COPY string new DB", "-ERR syntax error"),
        ("COPY string new FOO", "-ERR syntax error"),
    ],
)
@pytest.mark.usefixtures("three_types")
def test_what_cannot_be_copied_is_refused_in_the_words_of_redis(store: Store, run: Run, line: str, reply: str) -> None:
    digest = store.digest()
    assert run(line) == f"{reply}\r\n".encode()
    assert store.digest() == digest


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("line", ["FLUSHDB", "FLUSHALL", "flushall async", "FLUSHDB SYNC"])
def test_flush_removes_all_keys_and_their_deadlines(store: Store, run: Run, line: str) -> None:
    run("EXPIRE string 10")
    assert run(line) == b"+OK\r\n"
    assert run("DBSIZE") == b":0\r\n"
    assert store.next_deadline_ms() is None
    run("SET string v")
    assert run("TTL string") == b":-1\r\n"


@pytest.mark.usefixtures("three_types")
@pytest.mark.parametrize("line", ["FLUSHDB FOO", "FLUSHALL ASYNC SYNC", "FLUSHALL sync x y"])
def test_flush_with_another_word_is_refused_in_the_words_of_redis(run: Run, line: str) -> None:
    assert run(line) == b"-ERR syntax error\r\n"
    assert run("DBSIZE") == b":3\r\n"


def test_randomkey_gives_each_key_in_time_and_nil_where_there_is_none(run: Run) -> None:
    assert run("RANDOMKEY") == b"_\r\n"
    for key in "abc":
        run(f"SET {key} v")
    seen = set()
    for _ in range(200):
        seen.add(run("RANDOMKEY"))
        run("SET a v")  # What comes by chance in an entry of the log depends on the changes before it.
    assert seen == {b"$1\r\na\r\n", b"$1\r\nb\r\n", b"$1\r\nc\r\n"}
