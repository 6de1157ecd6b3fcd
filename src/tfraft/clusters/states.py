"""Which state manager a node gets, and how the commands of the store look in a file of state."""

from pathlib import Path
from typing import Final

from tfraft.adapters.state.document import Codec
from tfraft.adapters.state.json import LocalStateManager
from tfraft.core.messages import ServerId
from tfraft.store import codec

STORE_CODEC: Final = Codec(
    to_json=lambda command: [word.decode() for word in codec.decode(command)],
    from_json=lambda words: codec.encode([word.encode() for word in words]),
)
"""Shows a command as a list of words; one with words that are not UTF-8 is shown in base64."""


def json_state(
    server_id: ServerId, directory: str | Path, cluster_id: str, *, is_store: bool = True
) -> LocalStateManager:
    """The state of a node in a JSON file; `is_store` says that its commands are those of the store."""
    return LocalStateManager(server_id, directory, cluster_id=cluster_id, codec=STORE_CODEC if is_store else None)
