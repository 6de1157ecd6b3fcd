"""The replicated key-value store: STRING, HASH and SET under keys of bytes. It has never heard of Raft."""

from tfraft.store.command import Command
from tfraft.store.commands import COMMANDS, MAX_COMMAND_BYTES, check_limits
from tfraft.store.hashes import colon_pairs
from tfraft.store.store import Store
from tfraft.store.values import MAX_KEY_BYTES, MAX_VALUE_BYTES

__all__ = [
    "COMMANDS",
    "MAX_COMMAND_BYTES",
    "MAX_KEY_BYTES",
    "MAX_VALUE_BYTES",
    "Command",
    "Store",
    "check_limits",
    "colon_pairs",
]
