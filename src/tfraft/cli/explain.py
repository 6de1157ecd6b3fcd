"""What an answer means and what to type next, where asking the store once more can tell."""

from tfraft.cli.escapes import as_word, shown
from tfraft.cli.translate import IN_QUOTES, StoreCommand
from tfraft.clusters.cluster import Cluster
from tfraft.errors import TfRaftError
from tfraft.store import replies

_ASK_TIMEOUT_S = 1.0
_READS = {"string": "GET {key}", "hash": "HGET {key} <field>", "set": "SHAS {key} <value>"}


async def wrong_type(cluster: Cluster, command: StoreCommand) -> str | None:
    """The sentence for a WRONGTYPE: what is there, what the command needs, what would do; None if it is gone."""
    key = command.keys[0]
    match await _ask(cluster, b"TYPE", key):
        case replies.Simple(found) if found in _READS:
            advice = _READS[found].format(key=as_word(key))
            if command.command.writes:
                advice += f", or DEL {as_word(key)} first"
            return f"WRONGTYPE {shown(key)} is a {found}, {command.name} needs a {command.command.group}. Try: {advice}"
        case _:
            return None


def syntax_error(command: StoreCommand) -> str:
    """The sentence for words that are no options of this command: how it is used, and what is usually the matter."""
    return f"ERR syntax error. Usage: {command.command.usage}   {IN_QUOTES}"


async def other_case(cluster: Cluster, command: StoreCommand) -> str | None:
    """The hint for a key that is missing while one exists that differs only in case; None otherwise."""
    key = command.keys[0]
    match await _ask(cluster, b"KEYS", _any_case(key)):
        case [*found] if found and key not in found:
            there = ", ".join(as_word(other) for other in found if isinstance(other, bytes))
            return f"There is no {as_word(key)}, but there is {there}: keys keep their case."
        case _:
            return None


async def _ask(cluster: Cluster, *args: bytes) -> replies.Reply:
    """The store's answer, or None if it has none now: an explanation is not worth an error."""
    try:
        return replies.parse(await cluster.execute(args, _ASK_TIMEOUT_S))
    except TfRaftError:
        return None


def _any_case(key: bytes) -> bytes:
    """The pattern of KEYS for this key in any case of its ASCII letters."""
    letters = (bytes([byte]) for byte in key)
    return b"".join(
        b"[%b%b]" % (letter.lower(), letter.upper()) if letter.isalpha() else b"\\" + letter for letter in letters
    )
