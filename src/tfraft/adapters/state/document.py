"""The state of one server as a text that a person can read, and back; no I/O.

    {
    "format": 2,
    "cluster_id": "5a0c…",
    "server_id": "n1",
    "current_term": 2,
    "voted_for": "n1",
    "base": {"index":0,"term":0,"configuration":{"voters":{"n1":"127.0.0.1:50051"}},"configuration_index":0},
    "log": [
    {"index": 1, "term": 2, "kind": "no-op"},
    {"index": 2, "term": 2, "kind": "command", "json": ["SET","greeting","hello world"]},
    {"index": 3, "term": 2, "kind": "command", "text": "hello"},
    {"index": 4, "term": 2, "kind": "command", "base64": "AAEC/w=="}
    ],
    "checksum": "crc32:0a1b2c3d"
    }

The log begins after `base`: what is below is compacted away. An entry is one line, so that `cat`, `grep` and `diff`
serve. Its bytes stand as `json` where a codec shows them and gives back the same bytes (which is tried before it is
written), else as `text` where they are printable UTF-8, else as `base64`; an entry without any has no bytes.

The checksum is the CRC-32 of everything before its own line. To change a file by hand: stop the server, change it,
start the server; it refuses and names the checksum that fits; write that into the last line.
"""

import zlib
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, Final, Literal, NoReturn

import msgspec
import orjson

from tfraft.adapters.state.bases import BaseFields, Count, encode_base
from tfraft.core.base import NO_BASE, Base
from tfraft.core.configuration import ServerId
from tfraft.core.effects import Save, Saved
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.errors import CorruptState, ForeignData
from tfraft.record import record

FORMAT: Final = 2
"""Format 1 had the configuration in the place of the base, and no log that was compacted."""

OPENING = b'{\n"format": '
"""What every file of state begins with."""

_KINDS = {
    "command": EntryKind.COMMAND,
    "no-op": EntryKind.NO_OP,
    "configuration": EntryKind.CONFIGURATION,
    "register-client": EntryKind.REGISTER_CLIENT,
}
_NAMES = {kind: name.encode() for name, kind in _KINDS.items()}


@record
class Codec:
    """How the bytes of a command look in JSON, and the way back. Either may raise; then the bytes are shown plainly."""

    to_json: Callable[[bytes], object]
    from_json: Callable[[Any], bytes]


_CONFIGURATION_CODEC = Codec(orjson.loads, orjson.dumps)


class Document:
    """The state of one server, with each entry encoded once: a later text is put together from the same lines."""

    def __init__(self, cluster_id: str, server_id: ServerId, codec: Codec | None = None) -> None:
        self.cluster_id = cluster_id
        self.server_id = server_id
        self._codec = codec
        self._current_term = 0
        self._voted_for: ServerId | None = None
        self._base = NO_BASE
        self._lines: list[bytes] = []

    def apply(self, save: Save) -> None:
        """Take `save` over, as `Save` says. Encodes the new entries only."""
        self._current_term = save.current_term
        self._voted_for = save.voted_for
        if save.base is not None:
            self._base = save.base
            self._lines.clear()
        if save.first_index:
            kept = save.first_index - self._base.index - 1
            last_index = self._base.index + len(self._lines)
            assert 0 <= kept <= len(self._lines), f"a gap in the log: {last_index} entries, then {save.first_index}"
            del self._lines[kept:]
            self._lines += (
                _encode_line(index, entry, self._codec) for index, entry in enumerate(save.entries, save.first_index)
            )

    def trim(self, base: Base) -> None:
        """Let the log begin after `base`, and keep what is above it; one that is not above the base is ignored."""
        dropped = base.index - self._base.index
        if dropped > 0:
            self._base = base
            del self._lines[:dropped]

    def encode(self) -> bytes:
        """The whole text."""
        body = b"".join(
            (
                OPENING + b"%d,\n" % FORMAT,
                b'"cluster_id": %b,\n' % orjson.dumps(self.cluster_id),
                b'"server_id": %b,\n' % orjson.dumps(self.server_id),
                b'"current_term": %d,\n' % self._current_term,
                b'"voted_for": %b,\n' % orjson.dumps(self._voted_for),
                b'"base": %b,\n' % encode_base(self._base),
                b'"log": [\n',
                b",\n".join(self._lines),
                b"\n],\n",
            )
        )
        return body + _footer(body)


@record
class Decoded:
    """What a text says, and of whom."""

    cluster_id: str
    server_id: ServerId
    saved: Saved


def decode(text: bytes, name: str, codec: Codec | None = None) -> Decoded:
    """The inverse of `Document.encode`; `name` is the file's, for messages.

    Raises `CorruptState`, which names the line and column or the entry, for a text that is damaged, and `ForeignData`
    for one of a newer format."""
    fields = _parse(text, name)
    _check_format(fields, name)
    _check_checksum(text, name)
    if fields["format"] == 1 and "base" not in fields:
        fields["base"] = {"index": 0, "term": 0, "configuration": fields.pop("configuration", None)}
        fields["base"]["configuration_index"] = 0
    try:
        header = msgspec.convert(fields, _Header)
    except msgspec.ValidationError as error:
        refuse_damaged(name, f"its fields are wrong: {error}")
    entries = Entries.from_rows(_decode_rows(header, name, codec))
    saved = Saved(header.current_term, header.voted_for, header.base.to_base(), entries)
    return Decoded(header.cluster_id, header.server_id, saved)


# --- One entry ---


def _encode_line(index: int, entry: Entry, codec: Codec | None) -> bytes:
    if entry.kind is not EntryKind.COMMAND:
        codec = _CONFIGURATION_CODEC
    head = b'{"index": %d, "term": %d, "kind": "%b"' % (index, entry.term, _NAMES[entry.kind])
    return head + _encode_data(entry.data, codec) + b"}"


def _encode_data(data: bytes, codec: Codec | None) -> bytes:
    if not data:
        return b""
    # Whatever is wrong with a codec must cost its own view of the bytes only, never the bytes.
    with suppress(Exception):
        if codec is not None:
            shown = orjson.dumps(codec.to_json(data))
            if codec.from_json(orjson.loads(shown)) == data:
                return b', "json": ' + shown
    with suppress(UnicodeDecodeError):
        text = data.decode()
        if text.isprintable():
            return b', "text": ' + orjson.dumps(text)
    return b', "base64": "%b"' % b64encode(data)


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    """An entry as JSON."""

    index: int
    term: Count
    kind: Literal["command", "no-op", "configuration", "register-client"]
    json: Any = msgspec.UNSET
    text: str | msgspec.UnsetType = msgspec.UNSET
    base64: str | msgspec.UnsetType = msgspec.UNSET


def _decode_rows(header: "_Header", name: str, codec: Codec | None) -> Iterator[Entry]:
    last_term = header.base.term
    for index, value in enumerate(header.log, header.base.index + 1):
        try:
            row = msgspec.convert(value, _Row)
            if row.index != index:
                raise ValueError(f"its index is {row.index}")
            if not last_term <= row.term <= header.current_term:
                raise ValueError(
                    f"its term is {row.term}, after {last_term} and with current_term {header.current_term}"
                )
            last_term = row.term
            yield Entry(row.term, _KINDS[row.kind], _decode_data(row, codec))
        except ValueError as error:
            refuse_damaged(name, f"entry {index} of the log is wrong: {error}")


def _decode_data(row: _Row, codec: Codec | None) -> bytes:
    """The bytes of an entry. Raises ValueError where the row does not give any."""
    given = [value for value in (row.json, row.text, row.base64) if value is not msgspec.UNSET]
    if len(given) > 1:
        raise ValueError("it has more than one of json, text and base64")
    if row.base64 is not msgspec.UNSET:
        return b64decode(row.base64, validate=True)
    if row.text is not msgspec.UNSET:
        return row.text.encode()
    if row.json is msgspec.UNSET:
        return b""
    return _through_codec(row, codec)


def _through_codec(row: _Row, codec: Codec | None) -> bytes:
    if row.kind != "command":
        codec = _CONFIGURATION_CODEC
    if codec is None:
        raise ValueError("its json can be read only with the codec that wrote it")
    try:
        return codec.from_json(row.json)
    except Exception as error:  # The codec is a stranger's, and the file may have been changed by hand.
        raise ValueError(f"its json is not what the codec writes: {error}") from error


# --- The whole text ---


class _Header(msgspec.Struct, forbid_unknown_fields=True):
    """The whole file as JSON; the entries are looked at one by one, to name the one that is wrong."""

    format: int
    cluster_id: str
    server_id: str
    current_term: Count
    voted_for: str | None
    base: BaseFields
    log: list[Any]
    checksum: str


def _parse(text: bytes, name: str) -> dict[str, Any]:
    try:
        fields = orjson.loads(text.decode())
    except UnicodeDecodeError as error:
        refuse_damaged(name, f"not UTF-8 at {_place(text, error.start)}")
    except orjson.JSONDecodeError as error:
        refuse_damaged(name, f"not JSON at line {error.lineno}, column {error.colno}: {error.msg}")
    if not isinstance(fields, dict):
        refuse_damaged(name, "at line 1, column 1: not a JSON object")
    return fields


def _check_format(fields: dict[str, Any], name: str) -> None:
    seen = fields.get("format")
    if not isinstance(seen, int) or seen < 1:
        refuse_damaged(name, f"the format in line 2 must be a number from 1 on, not {seen!r}")
    if seen > FORMAT:
        raise ForeignData(f"{name} is of format {seen}, from a newer tf-raft; this one reads format {FORMAT}")


def _footer(body: bytes) -> bytes:
    return b'"checksum": "crc32:%08x"\n}\n' % zlib.crc32(body)


def _check_checksum(text: bytes, name: str) -> None:
    start = text.rfind(b'"checksum"')
    if start < 0:
        refuse_damaged(name, "it has no checksum in its last line")
    expected = _footer(text[:start]).split()
    # Editors add and take away white space at the end of a file: it means nothing.
    if text[start:].split() != expected:
        refuse_damaged(
            name,
            f"the checksum at {_place(text, start)} does not fit what stands above it, which gives "
            f"{expected[1].decode()} (write that there if you changed the file yourself)",
        )


def _place(text: bytes, position: int) -> str:
    line_start = text.rfind(b"\n", 0, position) + 1
    line = text.count(b"\n", 0, position) + 1
    return f"line {line}, column {position - line_start + 1}"


def refuse_damaged(name: str, what: str) -> NoReturn:
    """Raise CorruptState: the file `name` is damaged, and `what` says where and how."""
    raise CorruptState(
        f"{name} is damaged: {what}. Nothing was changed. An older copy would have forgotten votes: remove the server "
        "and add a new one"
    )
