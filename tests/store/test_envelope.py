"""What the entries of the log hold that come from clients."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfraft.store.envelope import Command, EnvelopeError, Registration, decode_plain

NUMBERS = st.integers(0, 2**64 - 1)
PLAIN = st.builds(Command, NUMBERS, st.binary(max_size=20))
IN_SESSION = st.builds(Command, NUMBERS, st.binary(max_size=20), st.integers(1, 2**64 - 1), NUMBERS, NUMBERS)
REGISTRATIONS = st.builds(Registration, NUMBERS, NUMBERS, NUMBERS)


@given(PLAIN | IN_SESSION)
def test_a_command_comes_back_as_it_was(command: Command) -> None:
    assert Command.decode(command.encode()) == command


@given(REGISTRATIONS)
def test_a_registration_comes_back_as_it_was(registration: Registration) -> None:
    assert Registration.decode(registration.encode()) == registration


@given(PLAIN | IN_SESSION)
def test_the_short_way_reads_commands_in_no_session_alone(command: Command) -> None:
    expected = None if command.client_id else (command.time_ms, command.command)
    assert decode_plain(command.encode()) == expected


def test_the_bytes_are_as_described() -> None:
    """They stay in the log of every server: a change of them is a new version of the log."""
    assert Command(0x0102, b"SET").encode() == bytes.fromhex("00 0201000000000000") + b"SET"
    assert (
        Command(1, b"SET", 2, 3, 4).encode()
        == bytes.fromhex("01 0100000000000000 0200000000000000 0300000000000000 0400000000000000") + b"SET"
    )
    assert Registration(1, 2, 3).encode() == bytes.fromhex("02 0100000000000000 0200000000000000 0300000000000000")


def test_numbers_without_a_session_mean_nothing_and_are_not_kept() -> None:
    assert Command(1, b"x", 0, 7, 7).encode() == Command(1, b"x").encode()


COMMAND = Command(1, b"", 2, 3, 4).encode()
REGISTRATION = Registration(1, 2, 3).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 8,
        COMMAND[:-1],
        Command(1, b"long enough to be in a session, but for the length of its header").encode()[:8],
        b"\x01" + bytes(32),
        b"\x03" + COMMAND[1:],
        REGISTRATION,
    ],
    ids=["nothing", "short plain", "short session", "cut", "client 0", "unknown form", "registration"],
)
def test_what_is_no_command_is_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError, match=r"expected a command.*saw \d+ bytes"):
        Command.decode(data)


@pytest.mark.parametrize(
    "data",
    [b"", REGISTRATION[:-1], REGISTRATION + b"\0", b"\x03" + REGISTRATION[1:], Command(1, bytes(16)).encode()],
    ids=["nothing", "short", "long", "unknown form", "command"],
)
def test_what_is_no_registration_is_refused(data: bytes) -> None:
    with pytest.raises(EnvelopeError, match=r"expected a registration, saw \d+ bytes"):
        Registration.decode(data)


@given(st.binary(max_size=60))
def test_each_form_is_that_of_one_value(data: bytes) -> None:
    for form in (Command, Registration):
        try:
            value = form.decode(data)
        except EnvelopeError:
            continue
        assert value.encode() == data
