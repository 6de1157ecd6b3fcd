"""The commands that read a HASH as a whole; what comes by chance is in test_member_chance, in parts in test_scans."""

from collections.abc import Callable

import pytest

from tfraft.store import replies

Run = Callable[[str], bytes]


def test_a_hash_is_given_as_a_map_and_its_fields_and_values_as_arrays(run: Run) -> None:
    run("HSET h b 2 a ''")
    assert run("HGETALL h") == b"%2\r\n$1\r\nb\r\n$1\r\n2\r\n$1\r\na\r\n$0\r\n\r\n"
    assert run("HKEYS h") == b"*2\r\n$1\r\nb\r\n$1\r\na\r\n"
    assert run("HVALS h") == b"*2\r\n$1\r\n2\r\n$0\r\n\r\n"
    assert run("HLEN h") == b":2\r\n"


def test_a_missing_hash_is_an_empty_one(run: Run) -> None:
    assert run("HGETALL nothing") == b"%0\r\n"
    assert run("HKEYS nothing") == b"*0\r\n"
    assert run("HVALS nothing") == b"*0\r\n"
    assert run("HLEN nothing") == b":0\r\n"


@pytest.mark.parametrize("before", ["SET k v", "SADD k v"])
@pytest.mark.parametrize(
    "command",
    ["HGETALL k", "HKEYS k", "HVALS k", "HLEN k", "HRANDFIELD k", "HRANDFIELD k 1", "HSCAN k 0", "HSCAN k 0 nonsense"],
)
def test_another_type_is_refused(run: Run, before: str, command: str) -> None:
    run(before)
    assert run(command) == replies.WRONGTYPE
