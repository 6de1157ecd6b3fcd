"""Fixtures of the end-to-end tests: an environment of their own, and processes that do not outlive a test."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose state directory is empty and whose terminal can do everything."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("TFRAFT_") and name != "NO_COLOR"}
    return {**ours, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path), "TERM": "xterm-256color"}
