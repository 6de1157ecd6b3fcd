"""Fixtures of the prompt's tests: a state directory of their own, and a session at a fake cluster."""

from pathlib import Path

import pytest

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell


@pytest.fixture(autouse=True)
def state_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """History and log of a test go into its own directory, not into that of whoever runs it."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


@pytest.fixture
def cluster() -> FakeCluster:
    """Three nodes, of which n1 leads."""
    return FakeCluster()


@pytest.fixture
def shell(cluster: FakeCluster) -> Shell:
    """Somebody who types at this cluster."""
    return Shell(cluster)
