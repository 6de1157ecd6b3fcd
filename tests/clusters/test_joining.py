"""What a server asks for on its way into a cluster, when it goes on trying, and when it never will get in."""

import logging
from dataclasses import replace

import pytest

from tests.clusters.hosted import CLUSTER, Hosted
from tests.clusters.lab import run, until
from tfraft.adapters.network.grpc import connector
from tfraft.clusters.belonging import excludes, is_of, removed_while_away
from tfraft.clusters.joining import NEVER_AGAIN, Joining, next_step, refuse_known, why_not
from tfraft.core.configuration import Configuration
from tfraft.core.requests import AddServer, Answer, AnswerStatus, RemoveServer
from tfraft.errors import SettingError
from tfraft.node.status import EventKind, NodeStatus

LEADER = NodeStatus(
    server_id="n1",
    role="leader",
    current_term=1,
    voted_for="n1",
    leader_id="n1",
    first_index=1,
    last_index=1,
    commit_index=1,
    last_applied=1,
    voters={"n1": "a:1", "n2": "a:2"},
    peers=[],
    learners={"n3": "a:3"},
)


def test_first_it_becomes_a_learner_then_a_voter() -> None:
    """§4.2.1"""
    assert next_step(LEADER, "n4", "a:4") == AddServer("n4", "a:4", learner=True)
    assert next_step(LEADER, "n3", "a:3") == AddServer("n3", "a:3")
    assert next_step(LEADER, "n2", "a:2") is None


@pytest.mark.parametrize(
    ("name", "address", "told"),
    [
        ("n4", "a:2", "a:2 is the address of n2 in the cluster: advertise another one"),
        ("n3", "a:9", "n3 is in the cluster at 'a:3', not at a:9: advertise that address, or let the cluster know"),
    ],
)
def test_an_address_that_does_not_fit_is_told(name: str, address: str, told: str) -> None:
    with pytest.raises(SettingError, match=told):
        next_step(LEADER, name, address)


def test_a_member_and_a_voter_on_its_way_out_are_known() -> None:
    refuse_known(LEADER, "n4")
    for leader, name in [(LEADER, "n2"), (LEADER, "n3"), (replace(LEADER, old_voters={"n9": "a:9"}), "n9")]:
        with pytest.raises(SettingError, match=f"{name} is a member already"):
            refuse_known(leader, name)


def test_why_a_step_was_not_taken_is_always_told() -> None:
    assert why_not(Answer(AnswerStatus.REFUSED, reason="too slow")) == "too slow"
    assert why_not(Answer(AnswerStatus.NOT_LEADER)) == "there is no leader now"
    assert why_not(Answer(AnswerStatus.TIMEOUT)) == "no answer"


def joining(hosted: Hosted, name: str, *, is_new: bool = True) -> Joining:
    address = hosted.address(name)
    return Joining(name, address, [hosted.address("n1")], connector(CLUSTER, name), is_new=is_new)


def test_a_server_joins_and_goes_on_trying_while_it_cannot_be_caught_up(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            await hosted.start("n2")
            await joining(hosted, "n2").run()
            assert set(hosted.nodes["n1"].status().voters) == {"n1", "n2"}

    run(main())
    assert [record.getMessage() for record in caplog.records if "n2 is a" in record.getMessage()] == [
        "n2 is a learner now; it gets a vote once it is caught up (§4.2.1)",
        "n2 is a voter now",
    ]


def test_a_new_server_whose_name_is_taken_meanwhile_does_not_join() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2") as hosted:
            await hosted.leader()
            with pytest.raises(SettingError, match="n2 is a member already"):
                await joining(hosted, "n2").run()
            await joining(hosted, "n2", is_new=False).run()

    run(main())


def test_a_leader_refuses_the_id_of_a_removed_server_in_the_words_that_end_a_join() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            leader = await hosted.leader()
            gone = next(name for name in hosted.nodes if name not in (leader, "n1"))
            answers: list[Answer] = []
            hosted.nodes[leader].request(RemoveServer(gone), answers.append)

            async def answered() -> bool:
                return bool(answers)

            await until(answered)
            assert answers[0].status is AnswerStatus.OK
            with pytest.raises(SettingError, match=NEVER_AGAIN):
                await joining(hosted, gone).run()

    run(main())


def test_only_a_later_committed_configuration_proves_that_a_server_was_removed() -> None:
    async def main() -> None:
        async with Hosted("n1", "n2", "n3") as hosted:
            raft = hosted.nodes["n3"].raft.state
            later = replace(LEADER, learners={}, configuration_index=5, commit_index=5, current_term=9)
            assert excludes(later, raft)
            assert not excludes(replace(later, commit_index=4), raft)
            assert not excludes(replace(later, configuration_index=0), raft)
            assert not excludes(replace(later, current_term=-1), raft)
            assert not excludes(replace(later, learners={"n3": "a:3"}), raft)

    run(main())


def test_a_server_that_hears_a_leader_belongs_to_its_cluster() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            raft = hosted.nodes["n1"].raft.state
            assert raft.configuration == Configuration.of({"n1": hosted.address("n1")})
            assert not await removed_while_away(raft, CLUSTER)

    run(main())


def test_a_server_that_was_away_asks_those_it_knows_and_believes_their_leader() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            await hosted.leader()
            await hosted.start("n2")
            await joining(hosted, "n2").run()
            answers: list[Answer] = []
            hosted.nodes["n1"].request(RemoveServer("n2", force=True), answers.append)

            async def is_removed() -> bool:
                return any(event.kind is EventKind.REMOVED for event in hosted.events)

            await until(is_removed)
            both = Configuration.of({name: hosted.address(name) for name in ("n1", "n9")})
            await hosted.start("n9", both)
            hosted.nodes["n9"].halt()
            assert await removed_while_away(hosted.nodes["n9"].raft.state, CLUSTER)

    run(main())


def test_the_word_of_another_cluster_at_the_same_address_is_not_believed() -> None:
    async def main() -> None:
        async with Hosted("n1") as hosted:
            assert await is_of(CLUSTER, hosted.address("n1"))
            assert not await is_of("d" * 32, hosted.address("n1"))
            assert not await is_of(CLUSTER, hosted.address("nobody"))

    run(main())
