"""The values that go in and out of the core: entries, messages, saves, configurations."""

import pytest

from tests.servers import accepted, append, ask, command, configuration_entry, joined, log, no_op, vote
from tfraft.core.configuration import EMPTY, Configuration
from tfraft.core.effects import Save
from tfraft.core.entry import NO_ENTRIES, Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries, Message, RequestVote, address_in, sender_of


def test_a_run_of_entries_is_a_sequence_of_its_rows() -> None:
    """Column by column inside, row by row outside."""
    rows = [command(1, 1), no_op(2), configuration_entry(2, "ab")]
    run = Entries.of(*rows)
    assert list(run) == rows
    assert [run[position] for position in range(3)] == rows
    assert len(run) == 3
    assert not NO_ENTRIES


def test_runs_of_equal_rows_are_equal_and_hash_equally() -> None:
    """Messages are compared whole."""
    assert log(1, 2) == log(1, 2)
    assert hash(log(1, 2)) == hash(log(1, 2))
    assert len({append("a", 1, entries=log(1)), append("a", 1, entries=log(1))}) == 1


@pytest.mark.parametrize(
    "other", [log(1), log(1, 3), joined(command(1, 1), no_op(2)), joined(command(1, 1), command(9, 2)), "no run"]
)
def test_runs_that_differ_in_anything_are_not_equal(other: object) -> None:
    """In length, in a term, in a kind, in a command, in type."""
    assert log(1, 2) != other


def test_a_run_shows_its_rows() -> None:
    """For the reader of a failed test."""
    assert repr(joined(no_op(3))) == f"Entries.of({no_op(3)!r})"


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_skip_leaves_the_rest(count: int) -> None:
    """What a follower has already it does not append again."""
    assert list(log(1, 1, 2).skip(count)) == list(log(1, 1, 2))[count:]


@pytest.mark.parametrize(
    "message", [ask("s", 1), vote("s", 1), append("s", 1), accepted("s", 1, 0)], ids=lambda m: type(m).__name__
)
def test_every_message_names_its_sender(message: Message) -> None:
    """A server answers to that name."""
    assert sender_of(message) == "s"


@pytest.mark.parametrize(
    ("message", "address"),
    [
        (RequestVote(1, "s", 0, 0, "here"), "here"),
        (AppendEntries(1, "s", 0, 0, leader_address="here"), "here"),
        (vote("s", 1), ""),
        (accepted("s", 1, 0), ""),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_request_names_the_address_of_its_sender_and_a_reply_does_not(message: Message, address: str) -> None:
    """Who is asked must know where to answer; who has asked knows already."""
    assert address_in(message) == address


@pytest.mark.parametrize(
    ("save", "last_index"),
    [(Save(1, None), 0), (Save(1, None, 1), 0), (Save(1, None, 3, log(1, 1, first=3)), 4), (Save(1, None, 3), 2)],
)
def test_a_save_knows_the_last_index_on_disk_afterwards(save: Save, last_index: int) -> None:
    """0 where it does not touch the log."""
    assert save.last_index == last_index


def test_the_kinds_of_entries_keep_their_numbers() -> None:
    """They are on disk and on the wire."""
    assert [(kind.name, kind.value) for kind in EntryKind] == [
        ("COMMAND", 0),
        ("NO_OP", 1),
        ("CONFIGURATION", 2),
        ("REGISTER_CLIENT", 3),
    ]


def test_a_configuration_is_sorted_and_knows_its_addresses() -> None:
    """The same servers are the same value."""
    configuration = Configuration.of({"b": "two", "a": "one"})
    assert configuration == Configuration((("a", "one"), ("b", "two")))
    assert configuration.ids == ("a", "b")
    assert (configuration.address_of("a"), configuration.address_of("z")) == ("one", "")
    assert "a" in configuration
    assert "z" not in configuration


def test_a_configuration_gains_and_loses_one_server() -> None:
    """§4.1: one at a time; an id that was removed is remembered."""
    configuration = Configuration.of("ab")
    assert configuration.with_server("c", "three") == Configuration.of({"a": "", "b": "", "c": "three"})
    assert configuration.with_server("c", "three").without_server("c") == Configuration.of("ab", removed="c")


def test_a_configuration_is_encoded_as_json_that_a_person_can_read() -> None:
    """It is the data of an entry, in the log of every server."""
    assert Configuration.of({"b": "two", "a": "one"}).encode() == b'{"voters":{"a":"one","b":"two"}}'


def test_an_empty_configuration_has_no_quorum_and_agrees_on_nothing() -> None:
    """A server that has not heard of its cluster decides nothing."""
    assert not EMPTY.has_quorum(["a", "b"])
    assert EMPTY.agreed({"a": 5}) == 0
    assert EMPTY.agreed_index({"a": 5}) == 0


def test_an_entry_without_data_has_empty_data() -> None:
    """A no-op carries nothing."""
    assert Entry(1, EntryKind.NO_OP) == Entry(1, EntryKind.NO_OP, b"")
