"""`log verify` and `log show`: the logs in a data directory that no server uses."""

import json
from pathlib import Path
from typing import Any

from tfraft.cli.details import tell, write_line
from tfraft.cli.escapes import as_word, safe
from tfraft.cli.exits import ExitCode
from tfraft.clusters.offline import Finding, ShownEntry, StoredLog, entries_of, logs_in, verify
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError


def verify_logs(data_dir: Path, server_id: ServerId | None, *, as_json: bool) -> ExitCode:
    """Tell of each log whether it is whole; DATA_REFUSED where one is not."""
    findings = [verify(log) for log in logs_in(data_dir, server_id)]
    damaged = any(finding.problems for finding in findings)
    sentences = [line for finding in findings for line in sentences_of(finding)]
    tell({finding.server_id: facts_of(finding) for finding in findings}, sentences, as_json=as_json, ok=not damaged)
    return ExitCode.DATA_REFUSED if damaged else ExitCode.OK


def show_log(data_dir: Path, server_id: ServerId | None, first: int, last: int | None, *, as_json: bool) -> ExitCode:
    """Show the entries of one log, a line each; with JSON, an object each. Raises CorruptState at the first damage."""
    for entry in entries_of(_only_one(logs_in(data_dir, server_id), data_dir), first, last):
        write_line(json.dumps(object_of(entry)) if as_json else line_of(entry))
    return ExitCode.OK


def _only_one(logs: list[StoredLog], data_dir: Path) -> StoredLog:
    if len(logs) > 1:
        names = " ".join(log.server_id for log in logs)
        raise SettingError(f"{data_dir} has several logs, of {names}: say which   (--id {logs[0].server_id})")
    return logs[0]


# --- verify ---


def sentences_of(finding: Finding) -> list[str]:
    """What was found, for a person: the log first, then what is wrong with it."""
    return [
        f"{finding.server_id}  {'DAMAGED' if finding.problems else 'whole'}: {what_is_there(finding)}",
        *(f"    remark: {remark}" for remark in finding.remarks),
        *(f"    damage: {problem}" for problem in finding.problems),
    ]


def what_is_there(finding: Finding) -> str:
    """What the log has, in words."""
    base, snapshot = finding.base, finding.snapshot
    entries = f"entries {base.index + 1} to {finding.last_index}" if finding.last_index > base.index else "no entries"
    parts = [f"{finding.segments} segments, {finding.saves} saves"] if finding.segments else []
    parts += [entries, f"term {finding.current_term}", f"voted for {finding.voted_for or 'nobody'}"]
    if base.index:
        parts.append(f"begins after entry {base.index} of term {base.term}")
    parts.append(
        f"snapshot through {snapshot.base.index} ({snapshot.size_bytes:,} bytes)" if snapshot else "no snapshot"
    )
    return ", ".join(parts)


def facts_of(finding: Finding) -> dict[str, Any]:
    """What was found, for a program."""
    damage, snapshot = finding.damage, finding.snapshot
    return {
        "ok": not finding.problems,
        "segments": finding.segments,
        "saves": finding.saves,
        "current_term": finding.current_term,
        "voted_for": finding.voted_for,
        "base_index": finding.base.index,
        "base_term": finding.base.term,
        "last_index": finding.last_index,
        "snapshot_index": snapshot.base.index if snapshot else None,
        "snapshot_bytes": snapshot.size_bytes if snapshot else None,
        "problems": list(finding.problems),
        "remarks": list(finding.remarks),
        "first_damage": None if damage is None else dict(zip(("segment", "offset", "index"), damage, strict=True)),
    }


# --- show ---


def line_of(entry: ShownEntry) -> str:
    """One entry on one line, in columns apart by tabs."""
    session = f"client {entry.client_id}" if entry.client_id else ""
    if entry.sequence_num:
        session += f" request {entry.sequence_num}"
    words = [as_word(word) for word in entry.words] + [f"{name}={number}" for name, number in entry.notes.items()]
    return "\t".join(
        (str(entry.index), str(entry.term), entry.kind, entry.time, session, safe(" ".join(words)), entry.place)
    )


def object_of(entry: ShownEntry) -> dict[str, Any]:
    """One entry for a program; bytes that are no UTF-8 are escaped as in Python, and `words_hex` has them exactly."""
    shown: dict[str, Any] = {
        "index": entry.index,
        "term": entry.term,
        "kind": entry.kind,
        "words": [word.decode(errors="backslashreplace") for word in entry.words],
        "place": entry.place,
    }
    if any(not _is_text(word) for word in entry.words):
        shown["words_hex"] = [word.hex() for word in entry.words]
    if entry.time:
        shown["time"] = entry.time
    if entry.client_id:
        shown |= {"client_id": entry.client_id, "sequence_num": entry.sequence_num}
    return shown | entry.notes


def _is_text(word: bytes) -> bool:
    try:
        word.decode()
    except UnicodeDecodeError:
        return False
    return True
