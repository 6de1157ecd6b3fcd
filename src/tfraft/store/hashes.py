"""The commands on a HASH, and the grammar of HSET that the prompt takes besides that of Redis."""

from tfraft.errors import CommandError
from tfraft.store import hash_fields, hash_numbers, hash_wholes

COMMANDS = (*hash_fields.COMMANDS, *hash_numbers.COMMANDS, *hash_wholes.COMMANDS)


def colon_pairs(args: list[bytes]) -> list[bytes]:
    """The command with `HSET hash field:value …` rewritten to `HSET hash field value …`; any other as it is.

    The colon form is meant where every argument has a colon; the first one divides, so that values may have
    more. Raises CommandError, showing both forms, where an HSET has neither."""
    if args[0].upper() != b"HSET":
        return args
    pairs = args[2:]
    if pairs and all(b":" in pair for pair in pairs):
        return args[:2] + [part for pair in pairs for part in pair.split(b":", 1)]
    if pairs and len(pairs) % 2 == 0:
        return args
    raise CommandError(
        "HSET needs field:value pairs, or fields and values in turn: HSET user name:Ada  or  HSET user name Ada"
    )
