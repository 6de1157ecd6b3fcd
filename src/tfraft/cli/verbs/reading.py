"""CONSISTENCY: what the reads of this session may miss (§6.4)."""

import re

from tfraft.cli.escapes import safe
from tfraft.cli.verb import Context
from tfraft.core.requests import Consistency
from tfraft.errors import CommandError

_MEANS = {
    Consistency.LINEARIZABLE: "a read sees every write that was answered before it: the leader asks a majority (§6.4)",
    Consistency.LEASE: "the same, by the leader's lease: safe as long as no clock drifts too far (§6.4.1)",
    Consistency.FOLLOWER: "the same, at any node, which asks the leader how far it must have applied (§6.4)",
    Consistency.STALE: "a read at any node may miss what was written in the last {} s",
}
NAMES = tuple(one.name.lower() for one in Consistency)
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s)?", re.IGNORECASE)


async def consistency(context: Context, args: list[str]) -> None:
    """Choose how the reads from here on are answered, or show it."""
    if args:
        _choose(context, args)
    means = _MEANS[context.consistency].format(f"{context.max_staleness_s:g}")
    context.output.say(f"{context.consistency.name.lower()}: {means}.")


def _choose(context: Context, args: list[str]) -> None:
    if args[0].lower() not in NAMES:
        raise CommandError(
            f"{safe(args[0])} is no consistency. Choose {', '.join(NAMES)}, such as CONSISTENCY stale 5s"
        )
    chosen = Consistency[args[0].upper()]
    if (chosen is Consistency.STALE) != (len(args) == 2):
        raise CommandError("how old an answer may be is said for stale, and only for stale: CONSISTENCY stale 5s")
    context.max_staleness_s = _seconds(args[1]) if len(args) == 2 else 0.0
    context.consistency = chosen


def _seconds(text: str) -> float:
    match = _SECONDS.fullmatch(text)
    if match is None:
        raise CommandError(f"{safe(text)} is no time. Give seconds, such as 5s or 200ms")
    number, unit = float(match[1]), (match[2] or "s").lower()
    return number / 1000 if unit == "ms" else number
