"""A fixture of the tests of the write-ahead log."""

from pathlib import Path

import pytest

from tests.adapters.state.runs import saves
from tests.adapters.state.wal_runs import SMALL
from tfraft.adapters.state.wal import WalStateManager


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The directory of server n1 in cluster c1, with one small save in a write-ahead log."""
    assert saves(WalStateManager("n1", tmp_path, cluster_id="c1"), SMALL) == [None]
    return tmp_path
