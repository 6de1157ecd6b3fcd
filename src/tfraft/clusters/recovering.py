"""The last resort where a quorum is lost for good: one server that is left becomes a new cluster of its own (ch. 4).

    with Recovery.open(Path("./n1"), "n1") as recovery:
        print(recovery.remains)
        recovery.force_new_cluster("10.0.0.1:7001")

What a majority had committed and this server had not heard of is lost; what it had heard of and nobody had committed
happens after all. The new cluster has an id of its own, so that members which come back are strangers to it.
"""

from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

from tfraft.adapters.state.files import Files, as_data_error, replace_file
from tfraft.adapters.state.new_cluster import NewCluster, force_new_cluster
from tfraft.adapters.state.wal_check import LogReport, read_log, verify
from tfraft.adapters.state.wal_cluster import give_to_cluster
from tfraft.clusters.datadir import CLUSTER_FILE
from tfraft.clusters.server_home import SERVER_FILE, ServerFile, ServerHome
from tfraft.core.configuration import Configuration, ServerId
from tfraft.core.entry import EntryKind
from tfraft.errors import CorruptState, DataError
from tfraft.record import record

_REPAIR: Final = "its log was set aside as damaged and is not filled again: it lacks what it once had"


@record
class Remains:
    """What is left at one server. `known_committed` is the highest index that is surely committed."""

    cluster_id: str
    server_id: ServerId
    current_term: int
    known_committed: int
    last_index: int
    configuration: Configuration

    @property
    def address(self) -> str:
        """Where the cluster reached this server; empty where it did not know."""
        return self.configuration.address_of(self.server_id)

    @property
    def others(self) -> tuple[ServerId, ...]:
        """The other members, none of which comes back."""
        return tuple(server for server in self.configuration.members if server != self.server_id)

    @property
    def uncommitted(self) -> int:
        """So many entries at the end may never have been committed."""
        return self.last_index - self.known_committed


@record
class Recovered:
    """What has been made: `new` tells of the log, `cluster_id` is that of the new cluster."""

    cluster_id: str
    new: NewCluster


class Recovery:
    """The data directory of a server that does not run, while nobody else can use it; `open` makes one."""

    def __init__(self, home: ServerHome, file: ServerFile) -> None:
        self._home = home
        self._file = file
        self._log = home.path / file.server_id
        self.remains = self._examined(verify(self._log))

    @classmethod
    def open(cls, data_dir: Path, server_id: ServerId) -> Self:
        """Look at what is left; nothing is changed. Raises `DataError` where that is nothing to begin anew with."""
        if (data_dir / CLUSTER_FILE).exists():
            raise DataError(f"{data_dir} is of a cluster of tf-raft start, on one machine: only servers are recovered")
        if not (data_dir / SERVER_FILE).exists():
            raise DataError(f"{data_dir} has no {SERVER_FILE}: it is not the data directory of a server")
        home = ServerHome.open(data_dir, server_id)
        try:
            assert home.file is not None, f"{SERVER_FILE} is there"
            return cls(home, home.file)
        except BaseException:
            home.close()
            raise

    def force_new_cluster(self, address: str) -> Recovered:
        """Make the server, at `address`, the only one of a new cluster, durably. Not to be called by an event loop.

        After a crash on the way `tf-raft serve` refuses the directory, and this can be done again: the cluster of the
        directory is changed first and that of the log last, and a server runs only where they are the same."""
        cluster_id = uuid4().hex
        path = self._home.path / SERVER_FILE
        with as_data_error(path, "written"):
            replace_file(Files(), path, replace(self._file, cluster_id=cluster_id, join=(), started=True).encode())
        new = force_new_cluster(self._log, self._file.server_id, address)
        give_to_cluster(self._log, cluster_id)
        return Recovered(cluster_id, new)

    def close(self) -> None:
        """Let others have the directory."""
        self._home.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _examined(self, report: LogReport) -> Remains:
        if report.problems:
            raise CorruptState(report.problems[0])
        if report.repair_note is not None:
            raise DataError(f"{self._log} cannot be the beginning of a cluster: {_REPAIR}. Choose another server")
        configuration, last_index = self._last_of_log(report)
        if not configuration.members:
            raise DataError(f"{self._file.server_id} has not heard of its cluster yet: there is nothing to recover")
        return Remains(
            self._file.cluster_id,
            self._file.server_id,
            report.current_term,
            report.base.index if report.snapshot is None else report.snapshot.base.index,
            last_index,
            configuration,
        )

    def _last_of_log(self, report: LogReport) -> tuple[Configuration, int]:
        """The last configuration, and the last index, of the log and the snapshot together.

        Where the log does not lead up to the snapshot, which came from a leader, all of it is dropped for that (§5.3).
        """
        configuration, terms = report.base.configuration, {report.base.index: report.base.term}
        base = report.base if report.snapshot is None else report.snapshot.base
        for entry in read_log(self._log):
            if entry.index == base.index:
                terms[entry.index] = entry.term
            if entry.kind is EntryKind.CONFIGURATION:
                configuration = Configuration.decode(entry.data)
        if base.index > report.base.index and terms.get(base.index) != base.term:
            return base.configuration, base.index
        return configuration, report.last_index
