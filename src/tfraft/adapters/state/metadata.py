"""What the directory of a write-ahead log says of itself, as a text, and back; no I/O.

    {
    "format": 1,
    "cluster_id": "5a0c…",
    "server_id": "n1",
    "mark": "8c5f00b1e2a97d34",
    "first_segment": 1,
    "last_segment": 2,
    "base": {"index":0,"term":0,"configuration":{"voters":{}},"configuration_index":0},
    "place": [0,0],
    "checksum": "crc32c:0a1b2c3d"
    }

The file is replaced whole when a segment comes or goes: so a segment that is missing is known to be missing.
"""

from typing import Annotated, Any, Final

import msgspec
import orjson
from crc32c import crc32c

from tfraft.adapters.state.bases import BaseFields, Count, encode_base
from tfraft.adapters.state.document import refuse_damaged
from tfraft.core.base import NO_BASE, Base
from tfraft.core.configuration import ServerId
from tfraft.errors import ForeignData
from tfraft.record import record

FORMAT: Final = 1
"""The format of metadata and segments; a newer one is refused, never guessed at."""

MARK_BYTES: Final = 8

Place = tuple[int, int]
"""Where a record is, or would be: the number of a segment, and an offset in it."""


@record
class Metadata:
    """Whose log it is, which segments it has, and what stands before its entries."""

    cluster_id: str
    server_id: ServerId
    mark: bytes
    """Random bytes that tell this log from all others."""
    first_segment: int = 1
    last_segment: int = 1
    base: Base = NO_BASE
    place: Place = (0, 0)
    """How far the log went when this became the base: what the saves before that place say of a base is older."""

    def with_last_segment(self, number: int) -> "Metadata":
        """The same log once it has this segment."""
        return Metadata(self.cluster_id, self.server_id, self.mark, self.first_segment, number, self.base, self.place)

    def with_base(self, base: Base, place: Place, first_segment: int) -> "Metadata":
        """The same log above `base`, which became its base at `place`, from `first_segment` on."""
        return Metadata(self.cluster_id, self.server_id, self.mark, first_segment, self.last_segment, base, place)

    def encode(self) -> bytes:
        """The whole text."""
        fields = {
            "format": FORMAT,
            "cluster_id": self.cluster_id,
            "server_id": self.server_id,
            "mark": self.mark.hex(),
            "first_segment": self.first_segment,
            "last_segment": self.last_segment,
            "base": orjson.Fragment(encode_base(self.base)),
            "place": self.place,
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
        mark = bytes.fromhex(fields.mark)
    except (msgspec.ValidationError, ValueError) as error:
        refuse_damaged(name, f"its fields are wrong: {error}")
    return Metadata(
        fields.cluster_id,
        fields.server_id,
        mark,
        fields.first_segment,
        fields.last_segment,
        fields.base.to_base(),
        fields.place,
    )


def _footer(body: bytes) -> bytes:
    return b'"checksum": "crc32c:%08x"\n}\n' % crc32c(body)


_Number = Annotated[int, msgspec.Meta(ge=1)]


class _Fields(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    cluster_id: str
    server_id: str
    mark: Annotated[str, msgspec.Meta(min_length=2 * MARK_BYTES, max_length=2 * MARK_BYTES)]
    first_segment: _Number
    last_segment: _Number
    base: BaseFields
    place: tuple[Count, Count]
    checksum: str
