"""A base as JSON, and back; no I/O. In this form it stands in the JSON file, in a log, its metadata, and a snapshot.

For example: {"index":7,"term":2,"configuration":{"voters":{"n1":"127.0.0.1:50051"}},"configuration_index":3}
"""

from typing import Annotated

import msgspec
import orjson

from tfraft.core.base import Base
from tfraft.core.configuration import Configuration

Count = Annotated[int, msgspec.Meta(ge=0)]


def encode_base(base: Base) -> bytes:
    """The bytes of `base`, the same for the same value."""
    return orjson.dumps(
        {
            "index": base.index,
            "term": base.term,
            "configuration": orjson.Fragment(base.configuration.encode()),
            "configuration_index": base.configuration_index,
        }
    )


def decode_base(data: bytes) -> Base:
    """The inverse of `encode_base`. Raises ValueError, and nothing else, for any other bytes."""
    try:
        return msgspec.json.decode(data, type=BaseFields).to_base()
    except msgspec.MsgspecError as error:
        raise ValueError(f"no base: {error}") from error


class ConfigurationFields(msgspec.Struct, forbid_unknown_fields=True):
    """A configuration within other JSON, as `Configuration.encode` writes it."""

    voters: dict[str, str]
    learners: dict[str, str] = {}
    old_voters: dict[str, str] = {}
    removed: list[str] = []
    incarnations: dict[str, Count] = {}


class BaseFields(msgspec.Struct, forbid_unknown_fields=True):
    """A base within other JSON."""

    index: Count
    term: Count
    configuration: ConfigurationFields
    configuration_index: Count

    def to_base(self) -> Base:
        """The base that these fields are of."""
        parts = self.configuration
        configuration = Configuration.of(
            parts.voters, parts.learners, parts.old_voters, parts.removed, parts.incarnations
        )
        return Base(self.index, self.term, configuration, self.configuration_index)
