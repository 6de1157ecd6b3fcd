"""Giving a write-ahead log, which no server uses, to another cluster."""

from dataclasses import replace
from pathlib import Path

from tfraft.adapters.state.files import as_data_error, replace_file
from tfraft.adapters.state.lock import DirectoryLock
from tfraft.adapters.state.segments_on_disk import METADATA_NAME, LogFiles
from tfraft.adapters.state.wal_recovery import read_metadata
from tfraft.errors import DataError


def give_to_cluster(directory: Path, cluster_id: str) -> None:
    """Afterwards, durably, the log in `directory` is of this cluster; nothing else in it has changed.

    Raises `DataError` where there is no log, where it is in use, or where it cannot be written."""
    files = LogFiles()
    metadata = read_metadata(files, directory)
    if metadata is None:
        raise DataError(f"{directory} has no {METADATA_NAME}: it is not the directory of a write-ahead log")
    lock = DirectoryLock(directory)
    try:
        with as_data_error(directory, "written"):
            replace_file(files, directory / METADATA_NAME, replace(metadata, cluster_id=cluster_id).encode())
    finally:
        lock.release()
