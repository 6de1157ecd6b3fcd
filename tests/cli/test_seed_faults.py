"""The faults of the original that its users met at the prompt: each has a test that shows its absence.

Those that need processes are in tests/e2e."""

import pytest

from tests.cli.transcript import Shell
from tfraft.cli.main import main
from tfraft.cli.settings import checked_network


def test_a_key_of_another_type_does_no_harm(shell: Shell) -> None:
    """There, `SET k v` and then `HSET k a:b` ended every node."""
    assert shell.type("SET k v", "HSET k a:b") == (
        "(error) WRONGTYPE k is a string, HSET needs a hash. Try: GET k, or DEL k first"
    )
    assert shell.type("GET k") == '"v"'


def test_keys_and_fields_keep_their_case(shell: Shell) -> None:
    """There, keys were lower-cased everywhere, fields only by HGET."""
    assert shell.type("SET Key upper", "SET key lower", "GET Key") == '"upper"'
    assert shell.type("GET key") == '"lower"'
    assert shell.type("HSET h Field:value", "HGET h Field") == '"value"'
    assert shell.type("HGET h field") == "(nil)"


@pytest.mark.parametrize("line", ["HSET h url:http://a", "HSET h url http://a"])
def test_a_value_keeps_its_colons(shell: Shell, line: str) -> None:
    """There, `url:http://a` stored `http`."""
    assert shell.type(line, "HGET h url") == '"http://a"'


@pytest.mark.parametrize("line", ['SET k ""', "SET k ''"])
def test_an_empty_string_is_not_a_missing_one(shell: Shell, line: str) -> None:
    """There, both printed `null`."""
    assert shell.type(line, "GET k") == '""'
    assert shell.type("GET missing") == "(nil)"
    assert shell.type("HSET h empty:", "HGET h empty") == '""'


def test_a_value_may_hold_blanks(shell: Shell) -> None:
    """There, nothing could be quoted."""
    assert shell.type('SET k "two words"', "GET k") == '"two words"'
    assert shell.type("SSET s 'two words'", "SHAS s 'two words'") == "true"


@pytest.mark.parametrize("word", ["RPC", "rpc", "Rpc"])
def test_the_network_may_be_typed_in_any_case(word: str) -> None:
    """There, it had to be lower case, against its own documentation."""
    assert checked_network(word, None) == "rpc"


def test_a_word_is_not_a_number_of_nodes(capsys: pytest.CaptureFixture[str]) -> None:
    """There, `abc` passed."""
    assert main(["start", "memory", "abc"]) == 2
    assert '"abc" is not a number of nodes' in capsys.readouterr().err


def test_every_write_has_an_answer(shell: Shell) -> None:
    """There, writes printed nothing."""
    answers = [shell.type(line) for line in ("SET k v", "HSET h f:v", "SSET s v", "DEL k", "HDEL h f", "SDEL s v")]
    assert answers == ["OK", "(integer) 1", "(integer) 1", "(integer) 1", "(integer) 1", "(integer) 1"]


def test_a_node_that_is_gone_does_not_end_the_prompt(shell: Shell) -> None:
    """There, an unreachable peer ended the process."""
    assert shell.type("KILL n1", "SET k v") == "OK"
