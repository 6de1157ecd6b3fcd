"""The entry point of `tf-raft`. It loads next to nothing, to be in charge of Ctrl-C from the beginning."""

import signal
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; its exit code. Whatever happens, the user sees at most one line on stderr, no traceback."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.default_int_handler:
        # Until nodes run there is nothing to put away: Ctrl-C ends us at once. Python would show where it was.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        from tfraft.cli.app import run

        return run(argv)
    finally:
        signal.signal(signal.SIGINT, before)
