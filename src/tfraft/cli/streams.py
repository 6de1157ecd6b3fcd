"""The standard streams, each of which may be closed, full, or without a reader by now.

Answers go to standard output at once; OSError, where that fails, becomes a line and an exit code in `app.run`. Whatever
else there is to say goes beside them, to standard error.
"""

import os
import sys
from contextlib import suppress
from io import StringIO
from typing import TextIO

from tfraft.errors import SettingError


def require_open(stream: TextIO | None) -> None:
    """Raise SettingError where a standard stream was closed by whoever started us: Python has None then."""
    if stream is None:
        raise SettingError("standard input and standard output must be open: < /dev/null will do")


def tell_beside(text: str) -> None:
    """Tell the user what is no answer. Where nobody can be told, the work goes on, and its exit code stands."""
    # Where standard error is closed, Python's `print` would turn to standard output.
    with suppress(OSError):
        print(text, file=sys.stderr or StringIO(), flush=True)


def forget_unwritten() -> None:
    """What could not be written is gone, and the streams that hold it go nowhere from now on.

    Python writes once more at its exit. A failure then, of what was told already, would be told again in words of its
    own, and change the exit code to 120."""
    for stream in filter(None, (sys.stdout, sys.stderr)):
        try:
            stream.flush()
        except OSError:
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), stream.fileno())
