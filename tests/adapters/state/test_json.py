"""The JSON file: what a person sees in it, and that nothing which happens to it goes unnoticed."""

import json
import stat
import zlib
from pathlib import Path

import pytest

from tests.adapters.state.runs import SMALL, STORED, contents, entry, loaded, saves
from tfraft.adapters.state.document import Codec
from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, EntryKind
from tfraft.errors import CorruptState, DataError, DataLocked, ForeignData, SettingError
from tfraft.store import codec as store_codec

COMMANDS = Codec(
    lambda data: [word.decode() for word in store_codec.decode(data)],
    lambda words: store_codec.encode([word.encode() for word in words]),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A small file of server n1 in cluster c1."""
    assert saves(LocalStateManager("n1", tmp_path, cluster_id="c1"), SMALL) == [None]
    return tmp_path / "n1.json"


# --- What a person sees ---


def test_the_file_is_json_with_a_line_for_each_entry(tmp_path: Path) -> None:
    entries = Entries.of(
        entry(b"", kind=EntryKind.NO_OP),
        entry(Configuration.of({"n1": "h:1"}).encode(), kind=EntryKind.CONFIGURATION),
        entry(store_codec.encode([b"SET", "größe".encode(), b'two "words"'])),
        entry(store_codec.encode([b"SET", b"\xff", b""])),
        entry(b"just text", term=2),
        entry(b"two\nlines", term=2),
    )
    saves(LocalStateManager("n1", tmp_path, cluster_id="c1", codec=COMMANDS), Save(2, "n2", 1, entries))
    text = (tmp_path / "n1.json").read_text()
    assert text.splitlines() == [
        "{",
        '"format": 2,',
        '"cluster_id": "c1",',
        '"server_id": "n1",',
        '"current_term": 2,',
        '"voted_for": "n2",',
        '"base": {"index":0,"term":0,"configuration":{"voters":{}},"configuration_index":0},',
        '"log": [',
        '{"index": 1, "term": 1, "kind": "no-op"},',
        '{"index": 2, "term": 1, "kind": "configuration", "json": {"voters":{"n1":"h:1"}}},',
        '{"index": 3, "term": 1, "kind": "command", "json": ["SET","größe","two \\"words\\""]},',
        '{"index": 4, "term": 1, "kind": "command", "base64": "k8QDU0VUxAH/xAA="},',
        '{"index": 5, "term": 2, "kind": "command", "text": "just text"},',
        '{"index": 6, "term": 2, "kind": "command", "base64": "dHdvCmxpbmVz"}',
        "],",
        text.splitlines()[-2],
        "}",
    ]
    assert json.loads(text)["checksum"].startswith("crc32:")
    found = loaded(LocalStateManager("n1", tmp_path, codec=COMMANDS))
    assert found is not None
    assert found.entries == entries


@pytest.mark.parametrize(
    "bad",
    [
        Codec(lambda data: {"not": "invertible"}, lambda shown: b"something else"),
        Codec(lambda data: 1 / 0, lambda shown: b""),
        Codec(lambda data: data, lambda shown: b""),
        Codec(lambda data: float("nan"), lambda shown: b""),
    ],
    ids=["other bytes", "raises", "no JSON", "nothing"],
)
def test_a_codec_that_does_not_give_the_same_bytes_back_is_not_used(tmp_path: Path, bad: Codec) -> None:
    entries = Entries.of(entry(b"text"), entry(b"\x00\xff"))
    assert saves(LocalStateManager("n1", tmp_path, codec=bad), Save(1, None, 1, entries)) == [None]
    assert loaded(LocalStateManager("n1", tmp_path)) == Saved(1, None, entries=entries)


def test_a_file_with_words_cannot_be_read_without_its_codec(tmp_path: Path) -> None:
    data = store_codec.encode([b"SET", b"a", b"1"])
    saves(LocalStateManager("n1", tmp_path, codec=COMMANDS), Save(1, None, 1, Entries.of(entry(data))))
    with pytest.raises(CorruptState, match=r"n1\.json .* entry 1 .* codec that wrote it"):
        loaded(LocalStateManager("n1", tmp_path))


def test_a_file_changed_by_hand_is_refused_with_the_checksum_that_would_fit(path: Path) -> None:
    text = path.read_text().replace('"hello"', '"HELLO"')
    path.write_text(text)
    with pytest.raises(CorruptState, match=r"n1\.json is damaged: the checksum at line 12, column 1") as refusal:
        loaded(LocalStateManager("n1", path.parent))
    fits = next(word for word in str(refusal.value).split() if word.startswith('"crc32:'))
    # A person follows the message, with an editor that leaves no newline at the end.
    path.write_text(text.replace('"' + json.loads(text)["checksum"] + '"', fits).rstrip())
    assert loaded(LocalStateManager("n1", path.parent)) == Saved(
        1, "n1", STORED.base, Entries.of(STORED.entries[0], entry(b"HELLO"))
    )


def test_directories_and_files_are_for_their_owner_alone(tmp_path: Path) -> None:
    directory = tmp_path / "new" / "deeper"
    saves(LocalStateManager("n1", directory), SMALL)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode) for path in (directory.parent, directory, *directory.iterdir())
    }
    assert modes == {"new": 0o700, "deeper": 0o700, "n1.json": 0o600, "n1.lock": 0o600}


@pytest.mark.parametrize(
    "server_id", ["", ".", "..", "../n1", "a/b", "a\x00", "-n1", ".n1", "n 1", "n1\n", "ñ", "x" * 64]
)
def test_an_id_that_cannot_name_a_file_is_refused(tmp_path: Path, server_id: str) -> None:
    with pytest.raises(SettingError, match="needs an id"):
        LocalStateManager(server_id, tmp_path)


@pytest.mark.parametrize("server_id", ["n1", "NODE", "NODE0:55000", "a.b_c-d", "x" * 63])
def test_an_id_that_can_name_a_file_names_it(tmp_path: Path, server_id: str) -> None:
    assert loaded(LocalStateManager(server_id, tmp_path)) is None
    assert (tmp_path / f"{server_id}.json").exists()


# --- Damage ---


def refuses_or_gives_the_same(path: Path, text: bytes) -> str | None:
    """Load a file of this text: the message of the refusal, which changed nothing, or None where the state is whole."""
    path.write_bytes(text)
    before = contents(path.parent)
    try:
        assert loaded(LocalStateManager("n1", path.parent, cluster_id="c1")) == STORED
    except DataError as error:
        assert contents(path.parent) == before
        return str(error)
    return None


@pytest.mark.parametrize("flip", [0x01, 0x04, 0x10, 0x20, 0x80, 0xFF])
def test_a_flipped_byte_anywhere_is_found_or_means_nothing(path: Path, flip: int) -> None:
    text = path.read_bytes()
    harmless = []
    for position in range(len(text)):
        damaged = bytearray(text)
        damaged[position] ^= flip
        message = refuses_or_gives_the_same(path, bytes(damaged))
        if message is None:
            harmless.append(position)
        else:
            assert str(path) in message
            assert "line" in message or "newer" in message, message
    # White space around the last brace is all that may change unnoticed.
    assert all(text[position : position + 1].isspace() for position in harmless)
    assert len(harmless) <= 3


def test_a_file_cut_anywhere_is_found(path: Path) -> None:
    text = path.read_bytes()
    for length in range(len(text) - 1):
        message = refuses_or_gives_the_same(path, text[:length])
        assert message is not None
        assert f"{path} is damaged" in message
    assert refuses_or_gives_the_same(path, text[:-1]) is None


@pytest.mark.parametrize("filler", [b"\x00", b"{", b"\n", b"["])
def test_a_file_of_something_else_is_damaged(path: Path, filler: bytes) -> None:
    """A power cut may leave a file of the right length, filled with zeros."""
    message = refuses_or_gives_the_same(path, filler * len(path.read_bytes()))
    assert message is not None
    assert "not JSON at line" in message


def with_checksum(text: str) -> bytes:
    """A text of which somebody has made the checksum fit, by following the message."""
    body = text[: text.rindex('"checksum"')].encode()
    return body + b'"checksum": "crc32:%08x"\n}\n' % zlib.crc32(body)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ('"format": 2', '"format": 0', "the format in line 2 must be a number from 1 on, not 0"),
        ('"format": 2', '"format": "1"', "the format in line 2 must be a number from 1 on, not '1'"),
        ('"format": 2,', "", "the format in line 2 must be a number from 1 on, not None"),
        ('"current_term": 1', '"current_term": -1', r"\$\.current_term"),
        ('"current_term": 1', '"current_term": true', r"\$\.current_term"),
        ('"voted_for": "n1",', "", "voted_for"),
        ('"voted_for": "n1"', '"voted_for": 1', r"\$\.voted_for"),
        ('"voted_for"', '"extra": 1, "voted_for"', "extra"),
        ('{"voters":{"n1":":1"}}', "{}", "missing required field `voters`"),
        ('{"voters":{"n1":":1"}}', '{"voters":{"n1":1}}', r"\$\.base\.configuration"),
        ('"log": [', '"log": [7,', "entry 1 of the log"),
        ('"index": 2', '"index": 3', "entry 2 of the log is wrong: its index is 3"),
        ('"current_term": 1', '"current_term": 0', "entry 1 .* with current_term 0"),
        ('"index": 1, "term": 1', '"index": 1, "term": 2', "entry 1 of the log is wrong: its term is 2"),
        ('"kind": "command"', '"kind": "comand"', "entry 2 .*comand"),
        ('"text": "hello"', '"base64": "aGVs*bG8="', "entry 2 of the log"),
        ('"text": "hello"', '"base64": "aGVsbG8=", "text": "hello"', "entry 2 .* more than one"),
        ('"text": "hello"', '"json": "hello"', "entry 2 .* codec that wrote it"),
        ('"text": "hello"', '"txt": "hello"', "entry 2 .*txt"),
    ],
)
def test_a_file_of_fitting_checksum_and_wrong_fields_is_refused_by_name(
    path: Path, old: str, new: str, place: str
) -> None:
    text = path.read_text()
    assert old in text
    path.write_bytes(with_checksum(text.replace(old, new)))
    with pytest.raises(CorruptState, match=place) as refusal:
        loaded(LocalStateManager("n1", path.parent))
    assert str(path) in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_words_that_the_codec_does_not_know_are_damage(tmp_path: Path) -> None:
    data = store_codec.encode([b"SET", b"a", b"1"])
    saves(LocalStateManager("n1", tmp_path, codec=COMMANDS), Save(1, None, 1, Entries.of(entry(data))))
    path = tmp_path / "n1.json"
    path.write_bytes(with_checksum(path.read_text().replace('["SET","a","1"]', "[7]")))
    with pytest.raises(CorruptState, match="entry 1 of the log is wrong: its json is not what the codec writes"):
        loaded(LocalStateManager("n1", tmp_path, codec=COMMANDS))


def test_terms_that_fall_are_damage(tmp_path: Path) -> None:
    saves(LocalStateManager("n1", tmp_path), Save(3, None, 1, Entries.of(entry(b"a"), entry(b"b", term=2))))
    path = tmp_path / "n1.json"
    path.write_bytes(with_checksum(path.read_text().replace('"index": 1, "term": 1', '"index": 1, "term": 3')))
    with pytest.raises(CorruptState, match=r"entry 2 .* its term is 2, after 3"):
        loaded(LocalStateManager("n1", tmp_path))


@pytest.mark.parametrize("text", [b"[]", b"1", b'"x"'])
def test_json_that_is_no_object_is_damage(path: Path, text: bytes) -> None:
    assert "not a JSON object" in (refuses_or_gives_the_same(path, text) or "")


def test_damage_is_named_by_line_and_column(path: Path) -> None:
    text = path.read_bytes()
    message = refuses_or_gives_the_same(path, text.replace(b'"voted_for": "n1"', b'"voted_for": n1'))
    assert message is not None
    assert "not JSON at line 6, column 14" in message
    message = refuses_or_gives_the_same(path, text.replace(b'"hello"', b'"he\xffllo"'))
    assert message is not None
    assert "not UTF-8 at line 10, column 55" in message


# --- Of somebody else ---


def test_the_file_of_another_server_is_foreign(path: Path) -> None:
    path.rename(path.with_name("n2.json"))
    with pytest.raises(ForeignData, match=r"n2\.json is the state of server n1, not of n2"):
        loaded(LocalStateManager("n2", path.parent, cluster_id="c1"))


def test_the_file_of_another_cluster_is_foreign(path: Path) -> None:
    with pytest.raises(ForeignData, match=r"n1\.json belongs to cluster c1, not to c2"):
        loaded(LocalStateManager("n1", path.parent, cluster_id="c2"))


def test_the_file_of_no_cluster_is_foreign_to_a_cluster(tmp_path: Path) -> None:
    saves(LocalStateManager("n1", tmp_path), SMALL)
    with pytest.raises(ForeignData, match="belongs to cluster without an id, not to c1"):
        loaded(LocalStateManager("n1", tmp_path, cluster_id="c1"))


def test_a_manager_of_no_cluster_takes_any_file_and_leaves_it_to_its_cluster(path: Path) -> None:
    assert saves(LocalStateManager("n1", path.parent), Save(2, None)) == [None]
    found = loaded(LocalStateManager("n1", path.parent, cluster_id="c1"))
    assert found == Saved(2, None, STORED.base, STORED.entries)


def test_the_file_of_a_newer_format_is_foreign(path: Path) -> None:
    path.write_text(path.read_text().replace('"format": 2', '"format": 3'))
    before = contents(path.parent)
    with pytest.raises(ForeignData, match=r"n1\.json is of format 3, from a newer tf-raft; this one reads format 2"):
        loaded(LocalStateManager("n1", path.parent))
    assert contents(path.parent) == before


def test_a_second_manager_of_the_same_server_is_refused_until_the_first_is_closed(path: Path) -> None:
    first, second = (LocalStateManager("n1", path.parent) for _ in range(2))
    first.load()
    with pytest.raises(DataLocked, match=r"in use by this same process \d+"):
        second.load()
    assert loaded(LocalStateManager("n2", path.parent)) is None
    first.close()
    assert second.load() == STORED
    second.close()


def test_a_manager_that_refused_its_file_has_freed_it(path: Path) -> None:
    with pytest.raises(ForeignData):
        LocalStateManager("n1", path.parent, cluster_id="c2").load()
    assert loaded(LocalStateManager("n1", path.parent)) == STORED


def test_a_file_of_format_1_is_read_and_written_anew_in_ours(path: Path) -> None:
    text = path.read_text().replace('"format": 2', '"format": 1')
    base = '"base": {"index":0,"term":0,"configuration":{"voters":{"n1":":1"}},"configuration_index":0}'
    assert base in text
    path.write_bytes(with_checksum(text.replace(base, '"configuration": {"voters":{"n1":":1"}}')))
    assert loaded(LocalStateManager("n1", path.parent)) == STORED
    assert path.read_text().startswith('{\n"format": 2,\n')


def test_a_file_of_a_log_that_was_compacted_begins_after_its_base(path: Path) -> None:
    save = Save(2, "n2", 5, Entries.of(entry(b"fifth", term=2)), Base(4, 2, STORED.base.configuration, 3))
    saves(LocalStateManager("n1", path.parent), save)
    lines = path.read_text().splitlines()
    assert lines[6:9] == [
        '"base": {"index":4,"term":2,"configuration":{"voters":{"n1":":1"}},"configuration_index":3},',
        '"log": [',
        '{"index": 5, "term": 2, "kind": "command", "text": "fifth"}',
    ]
    path.write_bytes(with_checksum(path.read_text().replace('"index": 5', '"index": 4')))
    with pytest.raises(CorruptState, match="entry 5 of the log is wrong: its index is 4"):
        loaded(LocalStateManager("n1", path.parent))
