"""The real node in simulated worlds of a minute each: nothing that must hold is ever broken, after any turn."""

from dataclasses import replace

import pytest

from tfraft.simulator.campaign import ENOUGH_SEEDS, Campaign, run_seeds
from tfraft.simulator.plan import draw_plan
from tfraft.simulator.seeds import run_plan, run_seed
from tfraft.simulator.trace import Trace

FEW_SEEDS = 40
SEEDS = 500
SEEDS_A_TEST = 250
"""Enough to have been in every rare state."""


def campaign_of(first: int, seeds: int) -> Campaign:
    campaign = Campaign()
    for report in run_seeds(range(first, first + seeds)):
        campaign.add(report)
    return campaign


@pytest.mark.timeout(900)
@pytest.mark.parametrize("first", range(0, FEW_SEEDS, FEW_SEEDS // 2))
def test_no_property_is_ever_broken(first: int) -> None:
    campaign = campaign_of(first, FEW_SEEDS // 2)
    assert [(report.seed, str(report.violation)) for report in campaign.failures] == []


@pytest.mark.ci
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("first", range(0, SEEDS, SEEDS_A_TEST))
def test_no_property_is_ever_broken_and_every_rare_state_is_reached(first: int) -> None:
    campaign = campaign_of(first, SEEDS_A_TEST)
    assert [(report.seed, str(report.violation)) for report in campaign.failures] == []
    assert campaign.missed == []
    assert campaign.simulated_s >= 60 * SEEDS_A_TEST
    assert campaign.operations >= 200 * SEEDS_A_TEST


@pytest.mark.campaign
@pytest.mark.timeout(0)
@pytest.mark.parametrize("first", range(10_000, 30_000, 200))
def test_no_property_is_broken_in_a_campaign(first: int) -> None:
    campaign = campaign_of(first, 200)
    assert [(report.seed, str(report.violation)) for report in campaign.failures] == []
    assert campaign.missed == []


@pytest.mark.parametrize(("seed", "servers"), [(1, 3), (1, 5), (2, 1), (3, 2), (4, 7)])
def test_the_size_of_the_cluster_may_be_given(seed: int, servers: int) -> None:
    """Clusters of one, two and seven servers hold what those of three and five do."""
    assert run_seed(seed, servers, duration_s=15.0).violation is None


def test_a_run_in_which_too_little_succeeds_fails() -> None:
    """It would prove nothing, however much of it went well."""
    report = run_plan(replace(draw_plan(1), clients=0), Trace())
    assert report.violation is not None
    assert str(report.violation) == "enough operations succeed: 0 in 60 s"


def test_a_campaign_that_never_reached_a_rare_state_fails() -> None:
    campaign = Campaign(seeds=ENOUGH_SEEDS)
    assert not campaign.held
    assert len(campaign.missed) == len(campaign.rare)
    assert Campaign(seeds=ENOUGH_SEEDS - 1).held
