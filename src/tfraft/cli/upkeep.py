"""The commands that look after data: `backup`, `restore`, `recover`, and `log`, which also looks into files."""

import asyncio
from pathlib import Path
from typing import Annotated, Final

import typer

from tfraft.adapters.state.backup_places import place_of
from tfraft.cli.commands import VERB_EXITS, AsJson, Connect, Timeout
from tfraft.cli.escapes import safe
from tfraft.cli.settings import checked_timeout
from tfraft.cli.verbs.table import VERBS
from tfraft.clusters.addresses import addresses_in
from tfraft.clusters.setting_sources import from_options
from tfraft.clusters.settings import SETTINGS
from tfraft.errors import SettingError

_HERE: Final = str(SETTINGS["listen"].default)
_OFFLINE: Final = ("verify", "show")

Place = Annotated[str, typer.Argument(metavar="FILE|URL", help="A file, or a URL of fsspec such as s3://bucket/name.")]
DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", metavar="DIR", envvar="TFRAFT_DATA_DIR", help="The data directory of the server."),
]
Id = Annotated[str | None, typer.Option("--id", metavar="ID", envvar="TFRAFT_ID", help="The name of the server.")]
Advertise = Annotated[
    str | None,
    typer.Option("--advertise", metavar="HOST:PORT", envvar="TFRAFT_ADVERTISE", help="Where others reach the server."),
]

_BACKUP_EXITS = """
\b
Examples:
  tf-raft backup ./monday.backup
  tf-raft backup s3://bucket/monday.backup --connect 10.0.0.1:7001,10.0.0.2:7001
  tf-raft restore --check ./monday.backup

\b
Exit codes:
  0 done    1 it cannot be written    2 wrong arguments    3 no server can give one
"""

_RESTORE_EXITS = """
\b
Examples:
  tf-raft restore ./monday.backup --id n1 --data-dir ./n1 --advertise 10.0.0.1:7001
  tf-raft restore ./monday.backup --check

\b
Exit codes:
  0 done    1 it cannot be written    2 wrong arguments    7 the backup is damaged, or DIR is not empty
"""

_RECOVER_EXITS = """
\b
Example:
  tf-raft recover --force-new-cluster --id n1 --data-dir ./n1

\b
Exit codes:
  0 done, or not wanted    1 it cannot be written    2 wrong arguments    7 the data cannot be used
"""

_LOG_EXITS = f"""
\b
Examples:
  tf-raft log n1 5..                                     of a cluster that runs
  tf-raft log verify --data-dir ./n1                     of a server that does not
  tf-raft log show --data-dir ./n1 --first 5 --last 9
{VERB_EXITS.rstrip()}    7 (verify, show) the log is damaged, or in use
"""


def add_upkeep(app: typer.Typer) -> None:
    """Add them all to `app`."""
    app.command(name="backup", epilog=_BACKUP_EXITS)(backup_command)
    app.command(name="restore", epilog=_RESTORE_EXITS)(restore_command)
    app.command(name="recover", epilog=_RECOVER_EXITS)(recover_command)
    app.command(name="log", help=VERBS["LOG"].summary, epilog=_LOG_EXITS)(log_command)


def backup_command(place: Place, connect: Connect = _HERE, timeout_s: Timeout = 60.0, as_json: AsJson = False) -> int:
    """Back up a cluster that runs: all that was answered before, from one moment. Writes go on meanwhile.

    The file is its owner's alone, and is there once it is whole. --timeout is for each part of it: the first comes once
    the server has made a snapshot."""
    addresses = addresses_in(connect)
    timeout_s = checked_timeout(timeout_s)
    where = place_of(place)
    from tfraft.cli.backups import backup

    return asyncio.run(backup(addresses, where, timeout_s, as_json=as_json))


def restore_command(
    place: Place,
    data_dir: DataDir = None,
    server_id: Id = None,
    advertise: Advertise = None,
    check: Annotated[
        bool, typer.Option("--check", help="Only read the backup to its end, and say what it is of.")
    ] = False,
    as_json: AsJson = False,
) -> int:
    """Make the first server of a new cluster from a backup, in an empty directory; others then join it.

    The new cluster has an id of its own: servers of the old one cannot talk to it."""
    from tfraft.cli import backups

    where = place_of(place)
    if check:
        return backups.check(where, as_json=as_json)
    path, name = _needed(data_dir, server_id, "tf-raft restore FILE --id n1 --data-dir ./n1")
    address = _checked("advertise", advertise) or _HERE
    return asyncio.run(backups.restore(where, path, name, address, as_json=as_json))


def recover_command(
    force_new_cluster: Annotated[
        bool, typer.Option("--force-new-cluster", help="Say that the majority of the servers is gone for good.")
    ] = False,
    data_dir: DataDir = None,
    server_id: Id = None,
    advertise: Advertise = None,
    yes: Annotated[bool, typer.Option("-y", "--yes", envvar="TFRAFT_YES", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> int:
    """Where a majority of the servers is lost for good: make one that is left a new cluster of its own.

    Offline, and the last resort: what the others had committed and this server had not heard of is lost. Take the one
    with the longest log (tf-raft log verify tells), and a copy of its directory first."""
    path, name = _needed(data_dir, server_id, "tf-raft recover --force-new-cluster --id n1 --data-dir ./n1")
    address = _checked("advertise", advertise)
    if not force_new_cluster:
        raise SettingError(
            "recover makes a new cluster of one server, and may lose what the others had committed. Where that is "
            "meant, say so   (--force-new-cluster)"
        )
    from tfraft.cli.recover import recover

    return recover(path, name, address, yes=yes, as_json=as_json)


def log_command(
    words: Annotated[list[str] | None, typer.Argument(metavar="[node] [first..last] | verify | show")] = None,
    connect: Connect = _HERE,
    as_json: AsJson = False,
    timeout_s: Timeout = 10.0,
    data_dir: Annotated[
        str | None, typer.Option("--data-dir", metavar="DIR", help="Look into this directory, which no server uses.")
    ] = None,
    server_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Of this server, where the directory has several.")
    ] = None,
    first: Annotated[int, typer.Option("--first", metavar="N", min=1, help="Show from this index on.")] = 1,
    last: Annotated[int | None, typer.Option("--last", metavar="N", min=1, help="Show up to this index.")] = None,
) -> int:
    """Show the log of a node that runs, or look into the files of one that does not."""
    given = words or []
    if data_dir is None:
        if given and given[0] in _OFFLINE:
            raise SettingError(f"log {given[0]} looks into a data directory: say which   (--data-dir ./n1)")
        addresses = addresses_in(connect)
        timeout_s = checked_timeout(timeout_s)
        from tfraft.cli.connected import command
        from tfraft.cli.front import FrontSettings

        return asyncio.run(command("LOG", given, addresses, FrontSettings(as_json, timeout_s=timeout_s)))
    if len(given) != 1 or given[0] not in _OFFLINE:
        raise SettingError(f'with --data-dir it is log verify or log show, not log "{safe(" ".join(given))}"')
    from tfraft.cli.stored_log import show_log, verify_logs

    if given[0] == "verify":
        return verify_logs(Path(data_dir), server_id, as_json=as_json)
    return show_log(Path(data_dir), server_id, first, last, as_json=as_json)


def _needed(data_dir: str | None, server_id: str | None, example: str) -> tuple[Path, str]:
    """Data directory and name, which must be given and make sense."""
    path, name = _checked("data_dir", data_dir), _checked("id", server_id)
    if path is None or name is None:
        raise SettingError(f"{'--data-dir' if path is None else '--id'} is missing   ({example})")
    return Path(path), name


def _checked(key: str, text: str | None) -> str | None:
    """The value of a setting of `serve`, by the rules that hold there. Raises SettingError."""
    value = from_options({key: text}).get(key)
    assert value is None or isinstance(value, str), "it is a setting that is a text"
    return value
