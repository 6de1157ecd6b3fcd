"""What all tests stand on: how hard Hypothesis tries, and a stack of every thread when Python itself dies."""

from __future__ import annotations

import faulthandler
import os

import pytest
from hypothesis import HealthCheck, settings

# `ci` gives the same examples on every machine, and no example fails for being slow on a busy one.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
# `make test ARGS="--hypothesis-profile=thorough"`: new examples at every run, and many.
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

faulthandler.enable()

# A test that opens a terminal forks this process, in which threads of gRPC may run. Its handlers, which are meant for
# children that go on using gRPC, have ended such a child before it was a program. Read when gRPC is first imported.
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")


# What tests start writes as it does for a user: gathered by Python, and written once more when it exits.
os.environ.pop("PYTHONUNBUFFERED", None)


# Coverage writes at the end of a process, and at its start takes time: these processes must do neither.
UNMEASURED = (
    "test_a_follower_whose_disk_is_full",
    "test_a_leader_whose_disk_is_full",
    "test_ctrl_c_while_it_starts_is_quiet_and_leaves_nothing_behind",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, under coverage, what the coverage of a process itself would disturb; `make test` runs it."""
    if "COVERAGE_PROCESS_CONFIG" in os.environ or "COVERAGE_PROCESS_START" in os.environ:
        for item in items:
            if item.name.startswith(UNMEASURED):
                item.add_marker(pytest.mark.skip(reason="coverage of the process disturbs it; run without"))
