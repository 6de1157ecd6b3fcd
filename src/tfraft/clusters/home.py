"""Where a cluster keeps its data: in a directory that the user names, or in a temporary one, gone with the cluster."""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Self

from tfraft.clusters.cluster_file import ClusterKind, NodeRecord, StateKind
from tfraft.clusters.datadir import DataDirectory
from tfraft.core.configuration import ServerId
from tfraft.errors import CorruptState, SettingError
from tfraft.record import record

DEFAULT_NODES: Final = 3
MOST_NODES: Final = 15


@record
class HomeSettings:
    """What a user wants of the home of a cluster. None leaves it to what is recorded there, else to the default."""

    kind: ClusterKind
    nodes: int | None = None
    data: Path | None = None
    state: StateKind | None = None
    fresh: bool = False

    def __post_init__(self) -> None:
        if self.nodes is not None and not 1 <= self.nodes <= MOST_NODES:
            raise SettingError(f"a cluster begins with 1 to {MOST_NODES} nodes, and fewer than 3 cannot lose any")
        if self.fresh and self.data is None:
            raise SettingError("fresh begins anew in a data directory, and none is given")

    @classmethod
    def of(cls, kind: ClusterKind, nodes: int | None, data: str | Path | None, state: str | None, fresh: bool) -> Self:
        """These settings as the user has written them. Raises SettingError for a state that is none."""
        if state is not None and state not in tuple(StateKind):
            raise SettingError(f'"{state}" is no way to keep the state. Choose memory, json or wal')
        return cls(
            kind, nodes, None if data is None else Path(data), None if state is None else StateKind(state), fresh
        )

    @property
    def is_needed(self) -> bool:
        """Whether the cluster needs a home at all: nodes that are objects may keep their state in objects."""
        return (
            self.kind is not ClusterKind.MEMORY or self.data is not None or self.state not in (None, StateKind.MEMORY)
        )

    def new_nodes(self) -> list[NodeRecord]:
        """The nodes of a cluster that is new."""
        return [NodeRecord(f"n{number}") for number in range(1, (self.nodes or DEFAULT_NODES) + 1)]


class Home:
    """The open home of a cluster. `nodes` are recorded in it, `remarks` say what the user should know."""

    def __init__(self, directory: DataDirectory, temporary: bool) -> None:
        self._directory = directory
        self.temporary = temporary
        self.remarks: list[str] = []

    @classmethod
    def open(cls, settings: HomeSettings) -> "Home":
        """Open the directory that is named, or make a temporary one; afterwards nobody else can use it.

        Raises a `DataError` or `SettingError` as `DataDirectory.open` does, and for another number of nodes."""
        temporary = settings.data is None
        path = settings.data or Path(tempfile.mkdtemp(prefix="tf-raft-"))
        removed = DataDirectory.contents(path) if settings.fresh else ""
        home = cls(DataDirectory.open(path, kind=settings.kind, state=settings.state, fresh=settings.fresh), temporary)
        if removed:
            home.remarks.append(f"--fresh removed {removed}")
        if not (temporary or home.keeps_data):
            home.remarks.append(f"with the state in memory, {path} keeps only who the nodes are and where they listen")
        try:
            home._settle_nodes(settings)
        except BaseException:
            home.close()
            raise
        return home

    @property
    def path(self) -> Path:
        """The directory."""
        return self._directory.path

    @property
    def keeps_data(self) -> bool:
        """Whether what the nodes save outlives the cluster."""
        return not self.temporary and self.state is not StateKind.MEMORY

    @property
    def kind(self) -> ClusterKind:
        """Where the nodes run."""
        return self._directory.kind

    @property
    def state(self) -> StateKind:
        """Which adapter keeps their state."""
        return self._directory.state

    @property
    def cluster_id(self) -> str:
        """What tells this cluster from all others."""
        return self._directory.cluster_id

    @property
    def nodes(self) -> tuple[NodeRecord, ...]:
        """The nodes on record."""
        return self._directory.nodes

    def record(self, nodes: Iterable[NodeRecord]) -> None:
        """From now on these are the nodes on record."""
        self._directory.record_nodes(nodes)

    def record_started(self, server_ids: Iterable[ServerId]) -> None:
        """Record that these nodes have run: from now on they may come back only with their state."""
        self._directory.record_started(*server_ids)

    def lost(self) -> dict[ServerId, str]:
        """Why each of the nodes that have run and lost their state must not come back."""
        return {server_id: str(error) for server_id in self._directory.wiped if (error := self._loss_of(server_id))}

    def check(self, server_id: ServerId) -> None:
        """Raise CorruptState for a node that has run and lost its state."""
        if error := self._loss_of(server_id):
            raise error

    def _loss_of(self, server_id: ServerId) -> CorruptState | None:
        in_objects = self.kind is ClusterKind.MEMORY and self.state is StateKind.MEMORY
        try:
            if not in_objects:
                self._directory.check_state(server_id)
        except CorruptState as error:
            return error
        return None

    def close(self) -> None:
        """Let others have the directory, or remove it if it is temporary. Closing twice is closing once."""
        self._directory.close()
        if self.temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def _settle_nodes(self, settings: HomeSettings) -> None:
        """Record the nodes of a new cluster. Raises SettingError where there is a cluster of another number."""
        recorded = len(self._directory.nodes)
        if not recorded:
            self._directory.record_nodes(settings.new_nodes())
        elif settings.nodes not in (None, recorded):
            raise SettingError(
                f"{self.path} holds a cluster of {recorded} nodes, not {settings.nodes}: start it without a number, "
                "change it with ADD and REMOVE, or begin anew with --fresh"
            )
