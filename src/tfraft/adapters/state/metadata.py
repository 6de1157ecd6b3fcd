"""What the directory of a write-ahead log says of itself, as a text, and back; no I/O.

    {
    "format": 1,
    "cluster_id": "5a0c…",
    "server_id": "n1",
    "mark": "8c5f00b1e2a97d34",
    "first_segment": 1,
    "last_segment": 2,
    "base": {"last_index":0,"last_term":0,"configuration":{"voters":{}},"segment":0,"offset":0},
    "checksum": "crc32c:0a1b2c3d"
    }

The file is replaced whole when a segment comes or goes: so a segment that is missing is known to be missing.
"""

from typing import Annotated, Any, Final

import msgspec
import orjson
from crc32c import crc32c

from tfraft.adapters.state.document import refuse_damaged
from tfraft.adapters.state.saves import Base
from tfraft.core.configuration import Configuration
from tfraft.core.messages import ServerId
from tfraft.errors import ForeignData
from tfraft.record import record

FORMAT: Final = 1
"""The format of metadata and segments; a newer one is refused, never guessed at."""

MARK_BYTES: Final = 8


@record
class Metadata:
    """Whose log it is, which segments it has, and what stands before its entries."""

    cluster_id: str
    server_id: ServerId
    mark: bytes
    """Random bytes that tell this log from all others."""
    first_segment: int = 1
    last_segment: int = 1
    base: Base = Base()

    def with_last_segment(self, number: int) -> "Metadata":
        """The same log once it has this segment."""
        return Metadata(self.cluster_id, self.server_id, self.mark, self.first_segment, number, self.base)

    def with_base(self, base: Base, first_segment: int) -> "Metadata":
        """The same log above `base`, from `first_segment` on."""
        return Metadata(self.cluster_id, self.server_id, self.mark, first_segment, self.last_segment, base)

    def encode(self) -> bytes:
        """The whole text."""
        base = {
            "last_index": self.base.last_index,
            "last_term": self.base.last_term,
            "configuration": orjson.Fragment(self.base.configuration.encode()),
            "segment": self.base.segment,
            "offset": self.base.offset,
        }
        fields = {
            "format": FORMAT,
            "cluster_id": self.cluster_id,
            "server_id": self.server_id,
            "mark": self.mark.hex(),
            "first_segment": self.first_segment,
            "last_segment": self.last_segment,
            "base": base,
        }
        body = b"{\n" + b"".join(b'"%b": %b,\n' % (name.encode(), orjson.dumps(fields[name])) for name in fields)
        return body + _footer(body)


def decode(text: bytes, name: str) -> Metadata:
    """The inverse of `Metadata.encode`; `name` is the file's, for messages.

    Raises `CorruptState` for a text that is damaged and `ForeignData` for one of a newer format."""
    try:
        header = msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        refuse_damaged(name, f"it is not a JSON object: {error}")
    seen = header.get("format")
    if not isinstance(seen, int) or seen < 1:
        refuse_damaged(name, f"its format must be a number from 1 on, not {seen!r}")
    if seen > FORMAT:
        raise ForeignData(f"{name} is of format {seen}, from a newer tf-raft; this one reads format {FORMAT}")
    start = text.rfind(b'"checksum"')
    if start < 0 or text[start:] != _footer(text[:start]):
        refuse_damaged(name, "its checksum does not fit what stands above it")
    try:
        fields = msgspec.convert(header, _Fields)
        base = fields.base
        configuration = Configuration.decode(orjson.dumps(base.configuration))
        mark = bytes.fromhex(fields.mark)
    except (msgspec.ValidationError, ValueError, KeyError) as error:
        refuse_damaged(name, f"its fields are wrong: {error}")
    return Metadata(
        fields.cluster_id,
        fields.server_id,
        mark,
        fields.first_segment,
        fields.last_segment,
        Base(base.last_index, base.last_term, configuration, base.segment, base.offset),
    )


def _footer(body: bytes) -> bytes:
    return b'"checksum": "crc32c:%08x"\n}\n' % crc32c(body)


_Count = Annotated[int, msgspec.Meta(ge=0)]
_Number = Annotated[int, msgspec.Meta(ge=1)]


class _BaseFields(msgspec.Struct, forbid_unknown_fields=True):
    last_index: _Count
    last_term: _Count
    configuration: dict[str, dict[str, str]]
    segment: _Count
    offset: _Count


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    cluster_id: str
    server_id: str
    mark: Annotated[str, msgspec.Meta(min_length=2 * MARK_BYTES, max_length=2 * MARK_BYTES)]
    first_segment: _Number
    last_segment: _Number
    base: _BaseFields
    checksum: str
