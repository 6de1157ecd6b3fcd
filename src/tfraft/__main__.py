"""`python -m tfraft` is the command `tf-raft`."""

import sys

from tfraft.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
