"""What to type instead: the nearest name to one that does not exist."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

# Above this likeness a name is worth offering: SETT and STAUS find theirs, BAD does not find ADD.
_LIKENESS = 0.7

# The words that people bring along from other stores and tools.
_SYNONYMS = {
    "DELETE": "DEL",
    "PUT": "SET",
    "NODES": "STATUS",
    "INFO": "STATUS",
    "CUT": "PARTITION",
    "DELAY": "SLOW",
    "?": "HELP",
}


def nearest(name: str, names: Iterable[str]) -> str | None:
    """The one of `names` that was most likely meant by `name`, or None."""
    names = list(names)
    synonym = _SYNONYMS.get(name.upper())
    if synonym in names:
        return synonym
    close = get_close_matches(name.upper(), names, n=1, cutoff=_LIKENESS)
    return close[0] if close else None


def unknown_command(name: str, usages: Mapping[str, str]) -> str:
    """The sentence for a command that does not exist; `usages` maps every name that does to its usage.

    Of that its beginning is told: the options are for who knows the command."""
    meant = nearest(name, usages)
    advice = f"Did you mean {usages[meant].split(' [')[0]}?" if meant else "HELP lists all commands."
    return f"unknown command {name}. {advice}"
