"""What all tests stand on: how hard Hypothesis tries, and a stack of every thread when Python itself dies."""

from __future__ import annotations

import faulthandler

from hypothesis import HealthCheck, settings

# `ci` gives the same examples on every machine, and no example fails for being slow on a busy one.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
# `make test ARGS="--hypothesis-profile=thorough"`: new examples at every run, and many.
settings.register_profile("thorough", deadline=None, max_examples=2_000, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")

faulthandler.enable()
