"""The fixture of the contract of all networks."""

import pytest

from tests.contracts.networks import NETWORKS, Network


@pytest.fixture(params=NETWORKS)
def network(request: pytest.FixtureRequest) -> Network:
    made: Network = request.param()
    return made
