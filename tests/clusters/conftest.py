"""A fixture of the tests of data directories."""

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the data shall be; not there yet."""
    return tmp_path / "demo"
