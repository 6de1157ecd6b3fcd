"""CONFIG: the settings of this server, under Redis's names. Those that can be set hold until it ends."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from tfraft.record import record
from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand, container
from tfraft.resp.hub import Hub
from tfraft.resp.limits import MAX_BULK_BYTES, RespLimits
from tfraft.store import replies
from tfraft.store.glob import compile_glob

_INTEGER = re.compile(r"-?[0-9]{1,18}")
_LARGEST: Final = 2**63 - 1


@record
class Number:
    """A setting that can be changed: a whole number, which is a field of the limits."""

    field: str
    least: int
    most: int

    def changed(self, limits: RespLimits, text: str) -> RespLimits | str:
        """The limits with this value; or what is wrong with it."""
        if not _INTEGER.fullmatch(text):
            return "argument couldn't be parsed into an integer"
        if not self.least <= int(text) <= self.most:
            return f"argument must be between {self.least} and {self.most} inclusive"
        return replace(limits, **{self.field: int(text)})


class OutputLimit:
    """The setting client-output-buffer-limit: of the three classes of Redis there is the normal one alone."""

    def changed(self, limits: RespLimits, text: str) -> RespLimits | str:
        """The limits with the hard limit for normal clients; or what is wrong with it."""
        words = text.split()
        if not words or len(words) % 4:
            return "Wrong number of arguments in buffer limit configuration."
        for kind, hard, soft, seconds in zip(*[iter(words)] * 4, strict=True):
            if kind.lower() not in ("normal", "slave", "replica", "pubsub"):
                return "Invalid client class specified in buffer limit configuration."
            if not (hard.isdigit() and soft.isdigit() and seconds.isdigit()):
                return "Error in hard, soft or soft_seconds setting in buffer limit configuration."
            if kind.lower() == "normal":
                limits = replace(limits, max_output_bytes=int(hard) or _LARGEST)
        return limits


CHANGEABLE: Final[dict[str, Number | OutputLimit]] = {
    "maxclients": Number("max_clients", 1, 2**32 - 1),
    "timeout": Number("timeout_s", 0, 2**31 - 1),
    "client-query-buffer-limit": Number("max_request_bytes", 1024 * 1024, _LARGEST),
    "client-output-buffer-limit": OutputLimit(),
}


def _output_limit(hub: Hub) -> str:
    most = hub.limits.max_output_bytes
    return f"normal {0 if most == _LARGEST else most} 0 0"


SETTINGS: Final[dict[str, Callable[[Hub], object]]] = {
    "appendfsync": lambda hub: "always",
    "appendonly": lambda hub: "yes",
    "bind": lambda hub: hub.host,
    "client-output-buffer-limit": _output_limit,
    "client-query-buffer-limit": lambda hub: hub.limits.max_request_bytes,
    "databases": lambda hub: 1,
    "maxclients": lambda hub: hub.limits.max_clients,
    "maxmemory": lambda hub: 0,
    "maxmemory-policy": lambda hub: "noeviction",
    "port": lambda hub: hub.port,
    "proto-max-bulk-len": lambda hub: MAX_BULK_BYTES,
    "requirepass": lambda hub: "",
    "save": lambda hub: "",
    "timeout": lambda hub: hub.limits.timeout_s,
}
"""What there is to read: the log of the cluster is Redis's append-only file, synced before each answer."""


def get(caller: Caller, args: list[bytes]) -> bytes:
    """CONFIG GET: the settings whose names fit one of the patterns, with their values."""
    globs = [compile_glob(pattern.lower()) for pattern in args[2:]]
    found = [name for name in SETTINGS if any(glob.matches(name.encode()) for glob in globs)]
    pairs = [(name.encode(), str(SETTINGS[name](caller.hub)).encode()) for name in found]
    return b"%%%d\r\n%b" % (len(pairs), b"".join(replies.bulk(word) for pair in pairs for word in pair))


def set_(caller: Caller, args: list[bytes]) -> bytes:
    """CONFIG SET: afterwards all these settings have their values; with an error, none."""
    if len(args) % 2:
        return replies.wrong_arity("config|set")
    limits = caller.hub.limits
    seen: set[str] = set()
    for word, value in zip(args[2::2], args[3::2], strict=True):
        name = word.decode(errors="replace").lower()
        if name not in SETTINGS:
            return replies.error(b"ERR Unknown option or number of arguments for CONFIG SET - '%b'" % word)
        if name in seen:
            return _failed(word, "duplicate parameter")
        seen.add(name)
        if name not in CHANGEABLE:
            return _failed(word, "can't set immutable config")
        changed = CHANGEABLE[name].changed(limits, value.decode(errors="replace"))
        if isinstance(changed, str):
            return _failed(word, changed)
        limits = changed
    caller.hub.limits = limits
    return replies.OK


def _failed(name: bytes, reason: str) -> bytes:
    return replies.error(b"ERR CONFIG SET failed (possibly related to argument '%b') - %b" % (name, reason.encode()))


def resetstat(caller: Caller, args: list[bytes]) -> bytes:
    """CONFIG RESETSTAT: afterwards the counters of INFO are at zero."""
    caller.hub.statistics.reset()
    return replies.OK


def rewrite(caller: Caller, args: list[bytes]) -> bytes:
    """CONFIG REWRITE: refused, since what CONFIG SET changes holds only while this server runs."""
    return b"-ERR The server is running without a config file\r\n"


COMMANDS = (
    container(
        "CONFIG",
        "The settings of this server.",
        "server",
        (
            ConnectionCommand(
                name="CONFIG|GET",
                usage="CONFIG GET pattern [pattern …]",
                summary="The settings whose names fit a pattern.",
                group="server",
                run=get,
                min_args=1,
                max_args=None,
            ),
            ConnectionCommand(
                name="CONFIG|SET",
                usage="CONFIG SET name value [name value …]",
                summary="Change settings of this server until it ends.",
                group="server",
                run=set_,
                min_args=2,
                max_args=None,
            ),
            ConnectionCommand("CONFIG|RESETSTAT", "CONFIG RESETSTAT", "Count from zero.", "server", resetstat),
            ConnectionCommand("CONFIG|REWRITE", "CONFIG REWRITE", "Refused.", "server", rewrite),
        ),
    ),
)
