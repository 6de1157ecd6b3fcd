"""Property: a command survives its encoding, and nothing else is taken for one."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.errors import CommandError
from tfraft.store import codec

COMMANDS = st.lists(st.binary(max_size=40), min_size=1, max_size=20)


@given(COMMANDS)
def test_decode_gives_back_what_was_encoded(args: list[bytes]) -> None:
    assert codec.decode(codec.encode(args)) == args


@pytest.mark.parametrize("size", [15, 16, 31, 32, 255, 256, 65_535, 65_536])
def test_sizes_at_the_edges_of_the_format_survive(size: int) -> None:
    assert codec.decode(codec.encode([b"x" * size])) == [b"x" * size]
    assert codec.decode(codec.encode([b""] * size)) == [b""] * size


@given(st.one_of(st.binary(max_size=40), COMMANDS.map(codec.encode).map(lambda whole: whole[:-1])))
def test_any_bytes_are_a_command_or_a_command_error(payload: bytes) -> None:
    """A frame that is cut short, or no frame at all, is refused; what is taken has a name and survives again."""
    try:
        args = codec.decode(payload)
    except CommandError:
        return
    assert args
    assert codec.decode(codec.encode(args)) == args


@given(COMMANDS, st.binary(min_size=1, max_size=5))
def test_bytes_after_the_command_are_refused(args: list[bytes], rest: bytes) -> None:
    with pytest.raises(CommandError):
        codec.decode(codec.encode(args) + rest)


ATOMS = st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=3))


@given(st.one_of(ATOMS, st.just([]), st.lists(ATOMS, min_size=1), st.dictionaries(st.binary(), st.binary())))
def test_messagepack_that_is_no_list_of_binaries_is_refused(content: object) -> None:
    with pytest.raises(CommandError):
        codec.decode(msgspec.msgpack.encode(content))
