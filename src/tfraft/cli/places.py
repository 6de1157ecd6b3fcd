"""Where the command line keeps its own files, history and log: in the XDG state directory."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

_LOG_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def state_dir(environ: Mapping[str, str]) -> Path:
    """The directory for files that outlive a session and that nobody would miss; it need not exist."""
    base = environ.get("XDG_STATE_HOME", "")
    # The specification has relative paths ignored.
    home = Path(base) if base.startswith("/") else Path(environ.get("HOME", "/")) / ".local" / "state"
    return home / "tf-raft"


def log_file() -> Path:
    """The file that holds the details of what went wrong."""
    return state_dir(os.environ) / "tf-raft.log"


def history_file() -> Path | None:
    """The file of the prompt's history, in a directory that exists; None where none can be had."""
    path = state_dir(os.environ) / "history"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with path.open("a"):
            return path
    except OSError:
        return None


def log_to_file() -> None:
    """From now on warnings and errors of all libraries go to the log file, and nothing to the user's terminal.

    The file is made by the first record; where it cannot be made, records are lost rather than shown."""
    logging.raiseExceptions = False
    try:
        log_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handler: logging.Handler = logging.FileHandler(log_file(), delay=True, errors="backslashreplace")
    except OSError:
        handler = logging.NullHandler()
    handler.setFormatter(logging.Formatter(_LOG_FORMAT))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
