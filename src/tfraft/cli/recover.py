"""`recover --force-new-cluster`: says what it would do, asks, and does it."""

import sys
from pathlib import Path

from tfraft.cli.backups import next_steps
from tfraft.cli.details import tell
from tfraft.cli.escapes import safe
from tfraft.cli.exits import ExitCode
from tfraft.cli.streams import tell_beside
from tfraft.clusters.recovering import Recovered, Recovery, Remains
from tfraft.core.configuration import ServerId
from tfraft.errors import SettingError


def recover(data_dir: Path, server_id: ServerId, advertise: str | None, *, yes: bool, as_json: bool) -> ExitCode:
    """Make what is left at one server a new cluster, if that is wanted in earnest."""
    with Recovery.open(data_dir, server_id) as recovery:
        address = advertise or recovery.remains.address
        if not address:
            raise SettingError(
                f"the cluster knew no address of {server_id}: say where others reach it   (--advertise HOST:PORT)"
            )
        for line in warnings(recovery.remains):
            tell_beside(safe(line))
        if not yes and not _is_meant():
            tell({"recovered": False}, ["nothing was changed"], as_json=as_json)
            return ExitCode.OK
        done = recovery.force_new_cluster(address)
    tell(facts_of(done, server_id, address), sentences_of(done, server_id, data_dir, address), as_json=as_json)
    return ExitCode.OK


def warnings(remains: Remains) -> list[str]:
    """What may be lost, and what may happen after all."""
    others = " ".join(remains.others) or "nobody"
    lines = [
        f"{remains.server_id} has the log through entry {remains.last_index} (term {remains.current_term}). What the "
        "others have committed after that, and answered, is LOST.",
    ]
    if remains.uncommitted:
        first, last = remains.known_committed + 1, remains.last_index
        lines.append(
            f"Entries {first} to {last} may never have been committed: they are from now on, though clients may have "
            "been told nothing of them, or that the outcome is unknown. tf-raft log show lists them."
        )
    lines.append(
        f"The new cluster has {remains.server_id} alone, and a new id. These are gone for good, or join again with "
        f"empty data directories and under new ids: {others}. Where a majority still lives, bring it back instead."
    )
    return lines


def facts_of(done: Recovered, server_id: ServerId, address: str) -> dict[str, object]:
    """What was done, for a program."""
    return {
        "recovered": True,
        "cluster_id": done.cluster_id,
        "server_id": server_id,
        "address": address,
        "term": done.new.current_term,
        "index": done.new.index,
        "left": list(done.new.left),
        "uncommitted": done.new.uncommitted,
    }


def sentences_of(done: Recovered, server_id: ServerId, data_dir: Path, address: str) -> list[str]:
    """What was done, for a person."""
    return [
        f"{server_id} is the only server of the new cluster {done.cluster_id}, from entry {done.new.index} of term "
        f"{done.new.current_term} on",
        *next_steps(server_id, data_dir, address),
    ]


def _is_meant() -> bool:
    """Ask; whether the answer is yes. Raises SettingError where there is nobody to ask."""
    if not (sys.stdin and sys.stdin.isatty()):
        raise SettingError("there is no terminal to ask at whether this is meant: add --yes")
    print("Type yes to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() == "yes"
