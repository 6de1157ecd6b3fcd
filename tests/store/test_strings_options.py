"""SET with options, and what else sets, reads and removes a string as a whole."""

from collections.abc import Callable

import pytest

from tfraft.store import Store, codec, replies

Run = Callable[[str], bytes]

NOW_MS = 1_700_000_000_000
NOT_AN_INTEGER = b"-ERR value is not an integer or out of range\r\n"


@pytest.fixture(autouse=True)
def log_time(store: Store) -> None:
    store.advance(NOW_MS)


def test_nx_sets_only_what_is_missing_and_xx_only_what_is_there(run: Run) -> None:
    assert run("SET k 1 XX") == replies.NIL
    assert run("SET k 2 NX") == replies.OK
    assert run("SET k 3 nx") == replies.NIL
    assert run("GET k") == b"$1\r\n2\r\n"
    assert run("SET k 4 xx") == replies.OK
    assert run("GET k") == b"$1\r\n4\r\n"


def test_get_answers_the_string_before_whether_or_not_it_is_replaced(run: Run) -> None:
    assert run("SET k 1 GET") == replies.NIL
    assert run("SET k 2 GET") == b"$1\r\n1\r\n"
    assert run("SET k 3 GET NX") == b"$1\r\n2\r\n"
    assert run("SET k 4 XX GET") == b"$1\r\n2\r\n"
    assert run("GET k") == b"$1\r\n4\r\n"
    assert run("SET new 1 XX GET") == replies.NIL
    assert run("EXISTS new") == b":0\r\n"


def test_get_refuses_another_type_and_changes_nothing(run: Run) -> None:
    run("SSET k member")
    assert run("SET k 1 GET") == run("SET k 1 GET NX") == replies.WRONGTYPE
    assert run("TYPE k") == b"+set\r\n"
    assert run("SET k 1 NX") == replies.NIL
    assert run("SET k 1 XX") == replies.OK
    assert run("TYPE k") == b"+string\r\n"


@pytest.mark.parametrize(
    ("options", "left_ms"),
    [
        ("EX 10", 10_000),
        ("px 1500", 1_500),
        (f"EXAT {NOW_MS // 1000 + 7}", 7_000),
        (f"PXAT {NOW_MS + 8}", 8),
        ("EX 10 EX 20", 20_000),
        (f"PXAT {2**63 - 1}", 2**63 - 1 - NOW_MS),
    ],
)
def test_a_string_is_set_until_a_deadline(run: Run, options: str, left_ms: int) -> None:
    assert run(f"SET k v {options}") == replies.OK
    assert run("PTTL k") == b":%d\r\n" % left_ms


@pytest.mark.parametrize("options", ["EXAT 1", "PXAT 1", f"PXAT {NOW_MS}"])
def test_a_deadline_in_the_past_leaves_nothing(run: Run, options: str) -> None:
    run("SET k old")
    assert run(f"SET k v {options}") == replies.OK
    assert run("EXISTS k") == b":0\r\n"


def test_set_drops_the_deadline_and_keepttl_keeps_it(run: Run) -> None:
    run("SET k 1 EX 10")
    run("SET k 2 KEEPTTL")
    assert run("TTL k") == b":10\r\n"
    run("SET k 3")
    assert run("TTL k") == b":-1\r\n"


def test_a_string_is_gone_at_its_deadline(store: Store, run: Run) -> None:
    run("SETEX k 1 v")
    store.advance(NOW_MS + 999)
    assert run("GET k") == b"$1\r\nv\r\n"
    store.advance(NOW_MS + 1000)
    assert run("GET k") == replies.NIL


@pytest.mark.parametrize(
    "line",
    [f"SET k v {options}" for options in ("FOO", "EX", "NX XX", "XX NX", "EX 1 PX 1", "KEEPTTL EX 1", "PERSIST")]
    + [f"GETEX k {options}" for options in ("NX", "GET", "KEEPTTL", "EX", "EX 1 PERSIST", "EXAT 1 PXAT 1")],
)
def test_options_that_cannot_be_are_a_syntax_error(run: Run, line: str) -> None:
    run("SET k old")
    assert run(line) == b"-ERR syntax error\r\n"
    assert run("GET k") == b"$3\r\nold\r\n"


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("SET k v EX {}", "set"),
        ("SET k v PX {} NX GET", "set"),
        ("GETEX k EX {}", "getex"),
        ("SETEX k {} v", "setex"),
        ("PSETEX k {} v", "psetex"),
    ],
)
def test_a_deadline_that_cannot_be_is_refused(run: Run, line: str, name: str) -> None:
    run("SET k old")
    for time in ("0", "-1", str(2**63 - 1)):
        assert run(line.format(time)) == f"-ERR invalid expire time in '{name}' command\r\n".encode()
    for time in ("x", "1.5", str(2**63)):
        assert run(line.format(time)) == NOT_AN_INTEGER
    assert run("GET k") == b"$3\r\nold\r\n"
    assert run("TTL k") == b":-1\r\n"


def test_setex_and_psetex_set_any_key_until_a_deadline(run: Run) -> None:
    run("SSET k member")
    assert run("SETEX k 10 v") == replies.OK
    assert run("PTTL k") == b":10000\r\n"
    assert run("PSETEX k 10 w") == replies.OK
    assert run("PTTL k") == b":10\r\n"
    assert run("GET k") == b"$1\r\nw\r\n"


def test_getex_reads_and_sets_the_deadline(run: Run) -> None:
    run("SET k v")
    for line, left in [
        ("GETEX k EX 10", 10),
        ("GETEX k", 10),
        ("GETEX k persist", -1),
        ("GETEX k PERSIST", -1),
        ("GETEX k PX 5000", 5),
    ]:
        assert run(line) == b"$1\r\nv\r\n"
        assert run("TTL k") == b":%d\r\n" % left
    assert run("GETEX k EXAT 1") == b"$1\r\nv\r\n"
    assert run("EXISTS k") == b":0\r\n"


def test_getex_reads_its_options_before_the_key_and_their_numbers_after_it(run: Run) -> None:
    run("SSET k member")
    assert run("GETEX missing EX x") == replies.NIL
    assert run("GETEX k EX x") == replies.WRONGTYPE
    assert run("GETEX k FOO") == run("GETEX missing FOO") == b"-ERR syntax error\r\n"


def test_getex_without_options_is_a_read(store: Store, run: Run) -> None:
    run("SET k v")
    assert store.is_read([b"GETEX", b"k"])
    assert not store.is_read([b"GETEX", b"k", b"PERSIST"])
    assert store.query(codec.encode([b"GETEX", b"k"])) == b"$1\r\nv\r\n"


def test_setnx_sets_only_what_is_missing(run: Run) -> None:
    assert run("SETNX k 1") == b":1\r\n"
    assert run("SETNX k 2") == b":0\r\n"
    assert run("GET k") == b"$1\r\n1\r\n"


def test_getset_replaces_and_drops_the_deadline(run: Run) -> None:
    assert run("GETSET k 1") == replies.NIL
    run("SET k 2 EX 10")
    assert run("GETSET k 3") == b"$1\r\n2\r\n"
    assert run("GET k") == b"$1\r\n3\r\n"
    assert run("TTL k") == b":-1\r\n"


def test_getdel_reads_and_removes(run: Run) -> None:
    run("SET k 1")
    assert run("GETDEL k") == b"$1\r\n1\r\n"
    assert run("GETDEL k") == replies.NIL


@pytest.mark.parametrize("line", ["GETSET k 1", "GETDEL k"])
def test_another_type_is_neither_replaced_nor_removed(run: Run, line: str) -> None:
    run("SSET k member")
    assert run(line) == replies.WRONGTYPE
    assert run("TYPE k") == b"+set\r\n"


@pytest.mark.parametrize("line", ["SET k 2 NX KEEPTTL", "SET k 2 NX GET", "GETEX k PERSIST", "GETEX k"])
def test_what_has_nothing_to_do_leaves_the_version_of_the_key(store: Store, run: Run, line: str) -> None:
    """A transaction that watches the key goes on."""
    run("SET k 1")
    before = store.digest()
    run(line)
    assert store.query(codec.encode([b"TF.VERSIONS", b"k"])) == b"*1\r\n:1\r\n"
    assert run("GET k") == b"$1\r\n1\r\n"
    assert before == store.digest()
