"""Looking at the logs in a data directory while no server uses it: that of one server, or of `tf-raft start`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import field
from datetime import UTC, datetime
from pathlib import Path

from tfraft.adapters.state.document import decode as decode_document
from tfraft.adapters.state.files import Files, as_data_error
from tfraft.adapters.state.json import lock_name, state_path
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles, segment_name
from tfraft.adapters.state.snapshots_on_disk import checked, snapshots_in
from tfraft.adapters.state.wal_check import LogReport, read_log
from tfraft.adapters.state.wal_check import verify as verify_wal
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.cluster_file import decode as decode_cluster
from tfraft.clusters.datadir import CLUSTER_FILE
from tfraft.clusters.server_home import SERVER_FILE
from tfraft.clusters.server_home import decode as decode_server
from tfraft.clusters.states import STORE_CODEC
from tfraft.core.base import NO_BASE, Base, Snapshot
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.effects import Saved
from tfraft.core.entry import EntryKind
from tfraft.errors import CorruptSnapshot, CorruptState, DataError, SettingError, TfRaftError
from tfraft.node.status import KIND_NAMES
from tfraft.record import record
from tfraft.store import codec
from tfraft.store.envelope import Command, Registration


@record
class StoredLog:
    """Where the log of a server is: a directory with segments, or a file."""

    server_id: ServerId
    kind: StateKind
    path: Path


@record
class Finding:
    """What `verify` has found of one log. Where there is damage, all else is about what comes before it.

    `problems` are sentences, empty where a server can start from all this; `remarks` say what is normal after a crash.
    `damage` is the place of the first damage of a log, as segment, offset and index."""

    server_id: ServerId
    segments: int = 0
    saves: int = 0
    current_term: int = 0
    voted_for: ServerId | None = None
    base: Base = NO_BASE
    last_index: int = 0
    snapshot: Snapshot | None = None
    problems: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    damage: tuple[str, int, int] | None = None


@record
class ShownEntry:
    """An entry in words. `place` is where it is stored, `time` is RFC 3339 as the proposing server stamped it; `client`
    and `sequence_num` are given where it has a session."""

    index: int
    term: int
    kind: str
    words: list[bytes]
    time: str = ""
    client_id: int = 0
    sequence_num: int = 0
    place: str = ""
    notes: dict[str, int] = field(default_factory=dict)


# --- Which logs there are ---


def logs_in(data_dir: Path, server_id: ServerId | None = None) -> list[StoredLog]:
    """The logs in a data directory, or that of one server; `data_dir` may be the directory of a log itself, too.

    Raises `DataError` where there is none, and `SettingError` for a server that is not there."""
    with as_data_error(data_dir, "read"):
        found = _found_in(data_dir)
    logs = [log for log in found if server_id in (None, log.server_id)]
    if not logs:
        names = " ".join(log.server_id for log in found)
        raise SettingError(f"there is no log of {server_id} in {data_dir}; there are those of {names}")
    return logs


def _found_in(data_dir: Path) -> list[StoredLog]:
    if (data_dir / METADATA_NAME).exists():
        return [StoredLog(data_dir.name, StateKind.WAL, data_dir)]
    if (path := data_dir / SERVER_FILE).exists():
        server = decode_server(path.read_bytes(), str(path)).server_id
        return [StoredLog(server, StateKind.WAL, data_dir / server)]
    if (path := data_dir / CLUSTER_FILE).exists():
        cluster = decode_cluster(path.read_bytes(), str(path))
        started = [node.server_id for node in cluster.nodes if node.started]
        if started and cluster.state is StateKind.WAL:
            return [StoredLog(server, cluster.state, data_dir / server) for server in started]
        if started and cluster.state is StateKind.JSON:
            return [StoredLog(server, cluster.state, state_path(data_dir, server)) for server in started]
        raise DataError(f"{data_dir} is of a cluster that keeps no logs")
    raise DataError(f"{data_dir} has neither {SERVER_FILE} nor {CLUSTER_FILE}: it is not a data directory of tf-raft")


# --- Whether they are whole ---


def verify(log: StoredLog) -> Finding:
    """Read the whole log, and the latest snapshot. Raises `DataLocked` where a server uses it, `DataError` where it
    cannot be read at all."""
    if log.kind is StateKind.WAL:
        return _finding(log.server_id, verify_wal(log.path))
    with _document(log) as text:
        try:
            saved = decode_document(text, str(log.path), STORE_CODEC).saved
        except CorruptState as error:
            return Finding(log.server_id, problems=(str(error),))
        return _finding_of_document(log, saved)


def _finding(server_id: ServerId, report: LogReport) -> Finding:
    remarks = []
    if report.torn is not None:
        torn = report.torn
        remarks.append(
            f"the last save, in {segment_name(torn.segment.number)} from byte {torn.offset} on, is not whole: a crash "
            "leaves such an end, nobody was told that it was saved, and the next start cuts it"
        )
    if report.repair_note is not None:
        remarks.append(
            "an earlier log was set aside as damaged; this server does not vote before it is filled up to entry "
            f"{report.repair_note.last_index}"
        )
    damage = report.damage
    return Finding(
        server_id,
        len(report.segments),
        report.saves,
        report.current_term,
        report.voted_for,
        report.base,
        report.last_index,
        report.snapshot,
        report.problems,
        tuple(remarks),
        None if damage is None else (Path(damage.segment).name, damage.offset, damage.index),
    )


def _finding_of_document(log: StoredLog, saved: Saved) -> Finding:
    problems = []
    snapshot = None
    files, directory = LogFiles(), log.path.parent
    found = snapshots_in(files, directory, f"{log.server_id}.")
    try:
        if found:
            snapshot = checked(files, found[max(found)], max(found)).snapshot
        elif saved.base.index:
            problems.append(f"the log begins after entry {saved.base.index}, and there is no snapshot")
    except CorruptSnapshot as error:
        problems.append(str(error))
    last_index = saved.base.index + len(saved.entries)
    return Finding(
        log.server_id,
        current_term=saved.current_term,
        voted_for=saved.voted_for,
        base=saved.base,
        last_index=last_index,
        snapshot=snapshot,
        problems=tuple(problems),
    )


# --- What they say ---


def entries_of(log: StoredLog, first: int = 1, last: int | None = None) -> Iterator[ShownEntry]:
    """The entries from `first` to `last`, as far as the log has them, in words; one at a time.

    Raises `CorruptState` where it is damaged, after all that comes before that; otherwise as `verify`."""
    if log.kind is StateKind.WAL:
        for entry in read_log(log.path):
            if last is not None and entry.index > last:
                return
            if entry.index >= first:
                place = f"{segment_name(entry.segment)}:{entry.offset}"
                yield shown(entry.index, entry.term, entry.kind, entry.data, place)
        return
    with _document(log) as text:
        saved = decode_document(text, str(log.path), STORE_CODEC).saved
    for index, one in enumerate(saved.entries, saved.base.index + 1):
        if first <= index and (last is None or index <= last):
            yield shown(index, one.term, one.kind, one.data, log.path.name)


def shown(index: int, term: int, kind: EntryKind, data: bytes, place: str = "") -> ShownEntry:
    """One entry in words; what cannot be understood is shown as the bytes it is."""
    name = KIND_NAMES[kind]
    plain = ShownEntry(index, term, name, [data] if data else [], place=place)
    try:
        match kind:
            case EntryKind.COMMAND:
                command = Command.decode(data)
                words, time = codec.decode(command.command), as_time(command.time_ms)
                return ShownEntry(index, term, name, words, time, command.client_id, command.sequence_num, place)
            case EntryKind.REGISTER_CLIENT:
                told = Registration.decode(data)
                notes = {"timeout_ms": told.timeout_ms, "max_sessions": told.max_sessions}
                return ShownEntry(index, term, name, [], as_time(told.time_ms), index, place=place, notes=notes)
            case EntryKind.CONFIGURATION:
                return ShownEntry(index, term, name, _members(Configuration.decode(data)), place=place)
            case _:
                return plain
    except (TfRaftError, ValueError, LookupError, TypeError, AttributeError):
        return plain


def as_time(time_ms: int) -> str:
    """Milliseconds since 1970 as RFC 3339; as the number it is where no calendar has it."""
    try:
        at = datetime.fromtimestamp(time_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{time_ms} ms"
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _members(configuration: Configuration) -> list[bytes]:
    """A configuration as words: `voters n1=h:1 n2=h:2 learners n3=h:3`."""
    words: list[str] = []
    parts = {
        "voters": configuration.voters,
        "old-voters": configuration.old_voters,
        "learners": configuration.learners,
    }
    for name, members in parts.items():
        if members:
            words += [name, *(f"{server}={address}" if address else server for server, address in members)]
    if configuration.incarnations:
        words += ["incarnations", *(f"{server}={number}" for server, number in configuration.incarnations)]
    if configuration.removed:
        words += ["removed", *configuration.removed]
    return [word.encode(errors="backslashreplace") for word in words]


@contextmanager
def _document(log: StoredLog) -> Iterator[bytes]:
    """The text of a JSON state that nobody else uses meanwhile."""
    lock = DirectoryLock(log.path.parent, lock_name(log.server_id))
    try:
        with as_data_error(log.path, "read"):
            text = Files().read(log.path)
        if text is None:
            raise CorruptState(f"{log.path} is missing: the state of {log.server_id} is lost")
        yield text
    finally:
        lock.release()
