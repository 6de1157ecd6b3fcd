"""The data directory of one server that runs by itself: whose it is, and that nobody else uses it.

    server.toml     the cluster, the server, how far it has come (see `ServerFile`)
    LOCK            held, with the number of the process, while the server runs
    n1/             the write-ahead log and the snapshots of the server

A directory that holds anything else is somebody else's: it is not touched.
"""

import json
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final, Self

import msgspec

from tfraft.adapters.state.document import refuse_damaged
from tfraft.adapters.state.files import Files, as_data_error, make_directory, replace_file, temporary_of
from tfraft.adapters.state.lock import LOCK_NAME, DirectoryLock
from tfraft.clusters.cluster_file import StateKind
from tfraft.clusters.settings import ID_PATTERN
from tfraft.clusters.states import state_file
from tfraft.core.configuration import ServerId
from tfraft.errors import CorruptState, DataError, ForeignData
from tfraft.record import record

SERVER_FILE: Final = "server.toml"
FORMAT: Final = 1


@record
class ServerFile:
    """What `server.toml` says.

    `started` is set once the server has run: from then on it may come back only with its state. `join` are the
    addresses at which it asks to be let in, until it votes; none for a founder. `removed` is set once its cluster has
    let it go: it never comes back under this id."""

    cluster_id: str
    server_id: ServerId
    join: tuple[str, ...] = ()
    started: bool = False
    removed: bool = False

    def encode(self) -> bytes:
        """The file as TOML; for numbers, booleans and printable strings its words are those of JSON."""
        values = {
            "format": FORMAT,
            "cluster_id": self.cluster_id,
            "server_id": self.server_id,
            "join": list(self.join),
            "started": self.started,
            "removed": self.removed,
        }
        return "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items()).encode()


class _File(msgspec.Struct, forbid_unknown_fields=True):
    format: Annotated[int, msgspec.Meta(ge=1)]
    cluster_id: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    server_id: Annotated[str, msgspec.Meta(pattern=rf"^{ID_PATTERN}\Z")]
    join: tuple[str, ...]
    started: bool
    removed: bool


def decode(text: bytes, name: str) -> ServerFile:
    """The inverse of `ServerFile.encode`; `name` is the file's, for messages.

    Raises `CorruptState`, which names the line or the field, and `ForeignData` for a newer format."""
    try:
        fields = tomllib.loads(text.decode())
    except ValueError as error:  # From UTF-8 and from TOML alike.
        refuse_damaged(name, str(error))
    seen = fields.get("format")
    if isinstance(seen, int) and seen > FORMAT:
        raise ForeignData(f"{name} is of format {seen}, from a newer tf-raft; this one reads format {FORMAT}")
    try:
        file = msgspec.convert(fields, _File)
    except msgspec.ValidationError as error:
        refuse_damaged(name, str(error))
    return ServerFile(file.cluster_id, file.server_id, file.join, file.started, file.removed)


class ServerHome:
    """The open data directory of one server; `open` makes one, `close` lets others have it."""

    def __init__(self, path: Path, server_id: ServerId, lock: DirectoryLock, file: ServerFile | None) -> None:
        self.path = path
        self._server_id = server_id
        self._lock = lock
        self._file = file

    @classmethod
    def open(cls, path: Path, server_id: ServerId) -> Self:
        """Open the directory of this server, or make one; afterwards nobody else can use it.

        Raises a `DataError` where it cannot be used: somebody else's, in use, damaged, of another server, of one that
        was removed or that has lost its state. Then nothing in it was changed."""
        _refuse_strangers(path)
        with as_data_error(path, "made a directory"):
            make_directory(path)
        lock = DirectoryLock(path)
        try:
            home = cls(path, server_id, lock, _read(path / SERVER_FILE))
            home._check()
        except BaseException:
            lock.release()
            raise
        return home

    @property
    def file(self) -> ServerFile | None:
        """What is known of the server; None where it is new."""
        return self._file

    def begin(self, cluster_id: str, join: tuple[str, ...]) -> ServerFile:
        """This new server is to be of this cluster, durably; what is known of it from now on."""
        return self._write(ServerFile(cluster_id, self._server_id, join))

    def record_started(self) -> None:
        """The server has run, durably: it does not come back without its state."""
        self._write(replace(self._known, started=True))

    def record_joined(self) -> None:
        """The server votes, durably: it need not ask any more."""
        self._write(replace(self._known, join=()))

    def record_removed(self) -> None:
        """The cluster has let the server go, durably."""
        self._write(replace(self._known, removed=True))

    def close(self) -> None:
        """Let others have the directory. Closing twice is closing once."""
        self._lock.release()

    @property
    def _known(self) -> ServerFile:
        assert self._file is not None, "a server begins before anything else is recorded of it"
        return self._file

    def _write(self, file: ServerFile) -> ServerFile:
        path = self.path / SERVER_FILE
        with as_data_error(path, "written"):
            replace_file(Files(), path, file.encode())
        self._file = file
        return file

    def _check(self) -> None:
        """Raise a DataError where the server that is there must not run as this one."""
        file = self._file
        if file is None:
            return
        if file.server_id != self._server_id:
            raise ForeignData(f"{self.path} is of server {file.server_id}, not of {self._server_id}")
        if file.removed:
            raise DataError(
                f"{file.server_id} was removed from its cluster, and its id is never given again. To come back, join "
                "under a new id, with another data directory"
            )
        state = state_file(StateKind.WAL, self.path, self._server_id)
        with as_data_error(state, "read"):
            is_lost = file.started and not state.exists()
        if is_lost:
            raise CorruptState(
                f"the state of {file.server_id} is lost: {state} is missing. A server that forgot its vote must not "
                "come back: put the files back, or remove the server and join under a new id"
            )


def _read(path: Path) -> ServerFile | None:
    with as_data_error(path, "read"):
        text = Files().read(path)
    return None if text is None else decode(text, str(path))


def _refuse_strangers(path: Path) -> None:
    """Raise a DataError where `path` is no directory, or one that somebody else put files into."""
    with as_data_error(path, "read"):
        if not path.exists():
            return
        if not path.is_dir():
            raise DataError(f"{path} is a file; data need a directory, which is made where there is none")
        names = sorted(entry.name for entry in path.iterdir())
    if SERVER_FILE not in names:
        # What a crash leaves before server.toml is there for the first time.
        others = [name for name in names if name not in (LOCK_NAME, temporary_of(path / SERVER_FILE).name)]
        if others:
            raise ForeignData(
                f"{path} has no {SERVER_FILE} but other files ({', '.join(others[:3])}{', …' * (len(others) > 3)}): "
                "nothing was touched; choose an empty or a new directory"
            )
