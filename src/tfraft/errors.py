"""What can go wrong, as one tree.

    TfRaftError
    ├── SettingError            a setting or an argument that makes no sense
    ├── CommandError            a command that is not well-formed; it was not executed
    ├── DataError               the data directory cannot be used; nothing in it was changed
    │   ├── CorruptState        damaged: names the file and the place
    │   │   ├── CorruptLog      a write-ahead log, damaged elsewhere than at its torn end
    │   │   └── CorruptSnapshot a snapshot that is not what was written
    │   ├── DataLocked          in use by another process
    │   └── ForeignData         of another cluster, another server or a newer format
    ├── StorageFailed           a write or a sync failed while the node ran: the node stops
    ├── Refused                 the request was not executed, and never will be: safe to send again
    │   ├── NotLeader           because this node does not lead; `leader_hint` names who may
    │   ├── SessionExpired      because its session is gone (§6.3)
    │   ├── Overloaded          because the cluster has too much to do
    │   └── WatchedKeyChanged   because a key that a transaction watches has changed
    ├── OutcomeUnknown          the request may or may not take effect
    └── Unavailable             no answer in time; nothing was changed (reads, status)

A bug in us is an `AssertionError`. An ordinary outcome inside the library (not leader, wrong type) is a value;
these exceptions are raised at its edge.
"""


class TfRaftError(Exception):
    """The base of all errors that tf-raft raises on purpose; its text is meant for the user."""


class SettingError(TfRaftError, ValueError):
    """A setting or an argument that makes no sense; says what was expected and what was seen."""


class CommandError(TfRaftError):
    """A command that is not well-formed; it was not executed."""


class DataError(TfRaftError):
    """The data directory cannot be used; nothing in it was changed."""


class CorruptState(DataError):
    """A file is damaged; the text names the file and the place in it."""


class CorruptSnapshot(CorruptState):
    """A snapshot is not what was written; the text names the file and what is wrong."""


class DataLocked(DataError):
    """Another process uses the data directory."""


class ForeignData(DataError):
    """The data belong to another cluster, another server, or a newer format."""


class StorageFailed(TfRaftError):
    """A write or a sync failed while the node ran. The node has stopped and acknowledged nothing since."""


class Refused(TfRaftError):
    """The request was not executed, and never will be: sending it again is safe."""


class NotLeader(Refused):
    """This node does not lead; `leader_hint` is the id of the server that may, or empty."""

    def __init__(self, leader_hint: str = "") -> None:
        super().__init__(f"not the leader; try {leader_hint}" if leader_hint else "not the leader; no leader is known")
        self.leader_hint = leader_hint


class SessionExpired(Refused):
    """The session is gone, or never was. Whether an earlier try of the same request was executed is not known."""


class Overloaded(Refused):
    """The cluster has too much to do: ask again a little later."""


class WatchedKeyChanged(Refused):
    """A key that the transaction watches has changed since: what it is to do has to be decided anew."""


class OutcomeUnknown(TfRaftError):
    """The request was sent and no answer came: it may or may not take effect."""


class Unavailable(TfRaftError):
    """No answer came in time, and nothing was changed by asking."""
