"""The settings of `tf-raft serve`: one record; options, variables, keys of a file and the table in docs follow it."""

from dataclasses import MISSING, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, get_type_hints

import msgspec

from tfraft.clusters.addresses import ADDRESS_FORM, ADDRESS_PATTERN, host_of, is_everywhere, is_loopback
from tfraft.clusters.transports import Transport
from tfraft.core.config import RaftConfig
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError
from tfraft.node.settings import NodeSettings
from tfraft.record import record

ID_PATTERN: Final = r"[a-z0-9][a-z0-9-]{0,62}"
"""An id is safe as the name of a file, in a log, and in a host name; stricter than what `start` would take."""

OFF: Final = "off"
"""In place of an address: there is no such port."""

_DAY_S = 86_400.0
_YEAR_S = 365 * _DAY_S
_RAFT: Final = RaftConfig()
_NODE: Final = NodeSettings()


class LogFormat(StrEnum):
    """How log lines look; `auto` is `human` on a terminal and `json` otherwise."""

    AUTO = "auto"
    HUMAN = "human"
    JSON = "json"


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


@record
class About:
    """What a person is told of a setting: the `form` of its value, what is `expected` of it, and what it is for."""

    form: str
    expected: str
    help: str


Address = Annotated[str, msgspec.Meta(pattern=rf"^{ADDRESS_PATTERN}\Z")]
RedisListen = Annotated[str, msgspec.Meta(pattern=rf"^(?:{ADDRESS_PATTERN}|{OFF})\Z")]
Seconds = Annotated[float, msgspec.Meta(gt=0, le=_DAY_S)]
Count = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
CountFromZero = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


def _switch(help_: str) -> About:
    return About("", "true or false", help_)


def _seconds(help_: str, most_s: float = _DAY_S) -> About:
    return About("S", f"seconds above 0 and up to {most_s:.0f}", help_)


def _count(form: str, help_: str) -> About:
    return About(form, "a whole number above 0", help_)


def _count_from_zero(help_: str) -> About:
    return About("N", "a whole number from 0 on", help_)


@record
class ServeSettings:
    """The settings of one server that runs by itself.

    Raises SettingError where they do not fit together. The defaults of Raft's own are those of `RaftConfig`."""

    id: Annotated[
        ServerId,
        msgspec.Meta(pattern=rf"^{ID_PATTERN}\Z"),
        About("ID", "1 to 63 characters of a-z, 0-9 and -, the first of them no -", "The name of this server."),
    ]
    data_dir: Annotated[
        str,
        msgspec.Meta(min_length=1),
        About("DIR", "a directory", "The directory that this server has for itself; made where there is none."),
    ]
    listen: Annotated[Address, About("HOST:PORT", ADDRESS_FORM, "Where this server listens.")] = "127.0.0.1:7001"
    advertise: Annotated[
        Address | None,
        About("HOST:PORT", ADDRESS_FORM, "Where others reach this server, if that is not where it listens."),
    ] = None
    resp_listen: Annotated[
        RedisListen | None,
        About("HOST:PORT|off", f"{ADDRESS_FORM}, or off", "Where Redis clients reach it, or off. Else at a free port."),
    ] = None
    transport: Annotated[
        Transport, About("tcp|grpc", "tcp or grpc", "What it speaks to the other servers; all hear both.")
    ] = Transport.TCP
    bootstrap: Annotated[bool, _switch("Without data: found a new cluster, of this one server.")] = False
    join: Annotated[
        tuple[Address, ...],
        About("HOST:PORT,…", f"{ADDRESS_FORM}, or several with commas", "Without data: join the cluster at these."),
    ] = ()
    insecure: Annotated[bool, _switch("Listen beyond this machine, though anybody there may use the port.")] = False
    election_timeout_s: Annotated[
        Seconds, _seconds("Without a leader for this long, up to twice, a server stands for election (§3.4).")
    ] = _RAFT.election_timeout_s
    heartbeat_interval_s: Annotated[
        Seconds, _seconds("How often a leader says that it leads; at most half of the election timeout.")
    ] = _RAFT.heartbeat_interval_s
    snapshot_log_bytes: Annotated[
        Count, _count("BYTES", "A snapshot is taken once the commands since the last have so many bytes (ch. 5).")
    ] = _NODE.snapshot_log_bytes
    snapshot_log_entries: Annotated[
        Count, _count("N", "A snapshot is taken once there are so many entries since the last (ch. 5).")
    ] = _NODE.snapshot_log_entries
    keep_entries: Annotated[
        CountFromZero, _count_from_zero("So many entries stay in the log behind a snapshot (§5.1).")
    ] = _RAFT.keep_entries
    priority: Annotated[
        CountFromZero, _count_from_zero("A leader hands over to a server of a higher priority, if that can (§3.10).")
    ] = _RAFT.priority
    max_uncommitted_bytes: Annotated[
        Count, _count("BYTES", "While so many bytes of commands are not committed, a leader takes no more of them.")
    ] = _RAFT.max_uncommitted_bytes
    session_timeout_s: Annotated[
        float,
        msgspec.Meta(gt=0, le=_YEAR_S),
        _seconds("The session of a client ends when it was not used for so long (§6.3).", _YEAR_S),
    ] = _NODE.session_timeout_s
    max_sessions: Annotated[
        Count, _count("N", "Of more sessions than this, those that were not used for longest end (§6.3).")
    ] = _NODE.max_sessions
    lease_reads: Annotated[
        bool, _switch("Answer reads that ask for it by lease (§6.4.1); all servers must have the same.")
    ] = _RAFT.lease_reads
    clock_drift_bound: Annotated[
        float,
        msgspec.Meta(ge=1, le=10),
        About("FACTOR", "a factor from 1 to 10", "For lease reads: no clock is faster than another by more than this."),
    ] = _RAFT.clock_drift_bound
    log_format: Annotated[
        LogFormat,
        About("auto|human|json", "auto, human or json", "How log lines look; auto: human on a terminal, else json."),
    ] = LogFormat.AUTO
    log_level: Annotated[
        LogLevel, About("LEVEL", "debug, info, warning or error", "The least level that is logged.")
    ] = LogLevel.INFO

    def __post_init__(self) -> None:
        if is_everywhere(host_of(self.address)):
            raise SettingError(
                f"{self.address} is every address of this machine, and others need one that they can reach: advertise "
                "one   (--advertise HOST:PORT)"
            )
        for key, listen in (("listen", self.listen), ("resp_listen", self.redis)):
            if listen and not (self.insecure or is_loopback(host_of(listen))):
                raise SettingError(
                    f"{key} = {listen} is open to other machines, and whoever reaches the port may do anything to "
                    "the cluster. Listen on 127.0.0.1, or say that you trust that network   (--insecure)"
                )
        if self.listen == self.redis:
            raise SettingError(f"listen and resp_listen are both {self.listen}: give each a port of its own")
        if self.bootstrap and self.join:
            raise SettingError("bootstrap founds a new cluster, join enters one that is there: give one of the two")
        if own := sorted({self.listen, self.address}.intersection(self.join)):
            raise SettingError(f"join names {own[0]}, which is this server itself: name one that is in the cluster")
        self.raft_config()

    @property
    def address(self) -> str:
        """Where others reach this server."""
        return self.advertise or self.listen

    @property
    def redis(self) -> str:
        """Where Redis clients reach this server, with port 0 for a free one; empty where they do not."""
        return "" if self.resp_listen == OFF else self.resp_listen or "127.0.0.1:0"

    @property
    def data_path(self) -> Path:
        """The data directory."""
        return Path(self.data_dir)

    def raft_config(self) -> RaftConfig:
        """What of this is for Raft itself. Raises SettingError for times that could not work."""
        return RaftConfig(
            election_timeout_s=self.election_timeout_s,
            heartbeat_interval_s=self.heartbeat_interval_s,
            max_uncommitted_bytes=self.max_uncommitted_bytes,
            lease_reads=self.lease_reads,
            clock_drift_bound=self.clock_drift_bound,
            keep_entries=self.keep_entries,
            priority=self.priority,
        )

    def node_settings(self) -> NodeSettings:
        """What of this is for the node around Raft."""
        return NodeSettings(
            snapshot_log_bytes=self.snapshot_log_bytes,
            snapshot_log_entries=self.snapshot_log_entries,
            session_timeout_s=self.session_timeout_s,
            max_sessions=self.max_sessions,
        )


@record
class Setting:
    """One field of `ServeSettings`. `key` names it in a file; `default` is MISSING where it must be given."""

    key: str
    type: Any
    default: object
    about: About

    @property
    def option(self) -> str:
        """Its name on the command line."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """Its name in the environment."""
        return f"TFRAFT_{self.key.upper()}"

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is MISSING

    @property
    def is_switch(self) -> bool:
        """Whether it is either on or off."""
        return isinstance(self.default, bool)

    @property
    def default_text(self) -> str:
        """Its default as one would write it; empty where there is none."""
        match self.default:
            case bool():
                return str(self.default).lower()
            case float():
                return f"{self.default:g}"
            case int() | str():
                return str(self.default)
            case _:
                return ""


def _settings() -> dict[str, Setting]:
    hints = get_type_hints(ServeSettings, include_extras=True)
    found = {}
    for field in fields(ServeSettings):
        (about,) = (extra for extra in hints[field.name].__metadata__ if isinstance(extra, About))
        found[field.name] = Setting(field.name, hints[field.name], field.default, about)
    return found


SETTINGS: Final = _settings()
"""Every setting by its key, in the order in which they are shown."""
