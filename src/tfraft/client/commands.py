"""All typed methods together."""

from tfraft.client.hashes import HashCommands
from tfraft.client.keys import KeyCommands
from tfraft.client.sets import SetCommands
from tfraft.client.strings import StringCommands


class Commands(StringCommands, HashCommands, SetCommands, KeyCommands):
    """The typed methods for strings, hashes, sets and keys; who has them also says how they are sent."""
