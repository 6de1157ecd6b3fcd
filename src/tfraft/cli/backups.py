"""`backup` and `restore`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tfraft.adapters.state.backup_file import Backup
from tfraft.adapters.state.backup_places import BackupPlace
from tfraft.cli.details import tell
from tfraft.cli.exits import ExitCode
from tfraft.cli.front import until_done
from tfraft.cli.signals import Signals
from tfraft.clusters.offline import as_time
from tfraft.core.configuration import ServerId


async def backup(addresses: Sequence[str], place: BackupPlace, patience_s: float, *, as_json: bool) -> ExitCode:
    """Take a backup of the cluster behind `addresses`; a signal gives it up, and leaves nothing."""
    from tfraft.clusters.backup import take_backup

    async def work(signals: Signals) -> ExitCode:
        taken = await take_backup(addresses, place, patience_s)
        tell({"place": place.name, **facts_of(taken)}, [f"{place.name}: {told_of(taken)}"], as_json=as_json)
        return ExitCode.OK

    return await until_done(work)


def check(place: BackupPlace, *, as_json: bool) -> ExitCode:
    """Read a backup to its end, and tell what it is of."""
    from tfraft.clusters import restoring

    found = restoring.check(place)
    tell({"place": place.name, **facts_of(found)}, [f"{place.name} is whole: {told_of(found)}"], as_json=as_json)
    return ExitCode.OK


async def restore(place: BackupPlace, data_dir: Path, server_id: ServerId, address: str, *, as_json: bool) -> ExitCode:
    """Make the first server of a new cluster from a backup; a signal gives it up, and leaves the directory empty."""
    from tfraft.clusters import restoring

    async def work(signals: Signals) -> ExitCode:
        done = await restoring.restore(place, data_dir, server_id, address)
        value = {
            "cluster_id": done.cluster_id,
            "server_id": server_id,
            "address": address,
            "data_dir": str(data_dir),
            "backup": facts_of(done.backup),
        }
        tell(
            value,
            [
                f"{place.name}: {told_of(done.backup)}",
                f"{data_dir} is now that of {server_id}, at {address}, the first server of the new cluster "
                f"{done.cluster_id}. Servers of the old cluster cannot talk to it",
                *next_steps(server_id, data_dir, address),
            ],
            as_json=as_json,
        )
        return ExitCode.OK

    return await until_done(work)


def next_steps(server_id: ServerId, data_dir: Path, address: str) -> list[str]:
    """How to go on with the first server of a new cluster."""
    return [
        f"start it:     tf-raft serve --id {server_id} --data-dir {data_dir} --listen {address}",
        f"others join:  tf-raft serve --id ID --data-dir DIR --listen HOST:PORT --join {address}",
    ]


def facts_of(backup: Backup) -> dict[str, Any]:
    """What a backup is of, for a program."""
    base = backup.snapshot.base
    return {
        "cluster_id": backup.cluster_id,
        "server_id": backup.server_id,
        "created": as_time(backup.created_ms),
        "version": backup.version,
        "index": base.index,
        "term": base.term,
        "voters": dict(base.configuration.voters),
        "size_bytes": backup.snapshot.size_bytes,
    }


def told_of(backup: Backup) -> str:
    """What a backup is of, in words."""
    base = backup.snapshot.base
    return (
        f"the state through entry {base.index} of term {base.term} ({backup.snapshot.size_bytes:,} bytes), taken from "
        f"{backup.server_id} of cluster {backup.cluster_id} at {as_time(backup.created_ms)}"
    )
