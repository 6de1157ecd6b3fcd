"""ADD, REMOVE, CHANGE and UPDATE (ch. 4): what each asks of the cluster, and what it tells."""

import pytest

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.core.requests import Answer, AnswerStatus, UpdateServer


def test_add_tells_what_an_even_number_of_voters_is_worth(shell: Shell) -> None:
    assert shell.type("ADD") == (
        "n4 added: caught up first, then made a voter (§4.2.1). 4 voters, quorum 3: no more of them may fail than of 3."
    )
    assert shell.type("ADD n9").endswith("5 voters, quorum 3.")


def test_remove_takes_a_node_out_and_tells_of_the_next_leader(shell: Shell) -> None:
    assert shell.type("REMOVE n3").startswith("n3 left (§4.2.2). 2 voters, quorum 2")
    shell.type("ADD")
    shown = shell.type("REMOVE n1")
    assert shown.startswith("n1 left (§4.2.2).")
    assert "n2 leader of term 2" in shown


def test_a_learner_is_added_without_a_vote(shell: Shell) -> None:
    assert shell.type("ADD n4 LEARNER") == ("n4 added as a learner: it gets all, and has no vote. 3 voters, quorum 2.")
    assert " – learner, " in " ".join(shell.type("STATUS").splitlines()[4].split())
    assert shell.type("ADD learner").startswith("n5 added as a learner")


def test_a_learner_is_promoted_by_adding_it_again(shell: Shell) -> None:
    shell.type("ADD n4 LEARNER")
    assert shell.type("ADD n4").startswith("n4 added: caught up first, then made a voter (§4.2.1). 4 voters")
    assert shell.cluster.learners == []


def test_change_makes_the_named_nodes_the_voters_in_one_step(shell: Shell) -> None:
    assert shell.type("CHANGE n1,n4,n5") == ("n1 n4 n5 vote now, by joint consensus (§4.3). 3 voters, quorum 2.")
    assert list(shell.cluster.states) == ["n1", "n4", "n5"]


@pytest.mark.parametrize("line", ["CHANGE n1 n2", "CHANGE N1, n2", "change n1,,N2,"])
def test_change_takes_names_with_blanks_or_commas(shell: Shell, line: str) -> None:
    assert shell.type(line).startswith("n1 n2 vote now")


def test_change_asks_first_where_data_are_kept() -> None:
    """Nodes that are not named are stopped, and their names are never given again."""

    async def no(question: str) -> bool:
        return False

    kept = Shell(FakeCluster(data_dir="./demo"))
    kept.context.confirm = no
    assert kept.type("CHANGE n1,n2") == "CHANGE was not done."


def test_update_tells_all_where_a_node_is(shell: Shell) -> None:
    assert shell.type("UPDATE N2 10.0.0.2:7000") == "n2 is reached at 10.0.0.2:7000 from now on."
    assert shell.cluster.requests == [UpdateServer("n2", "10.0.0.2:7000")]


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (Answer(AnswerStatus.REFUSED, reason="another change is under way"), "another change is under way"),
        (Answer(AnswerStatus.NOT_LEADER), "there is no leader now"),
    ],
)
def test_a_refused_change_says_why(shell: Shell, answer: Answer, told: str) -> None:
    shell.cluster.change_answer = answer
    assert shell.type("ADD n4") == f"(error) n4 was not added: {told}"
    assert shell.type("REMOVE n2") == f"(error) n2 was not removed: {told}"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CHANGE n1,n4", "the voters were not changed: no quorum would be left"),
        ("UPDATE n2 a:1", "n2 has not moved: no quorum would be left"),
        ("ADD n4 LEARNER", "n4 was not added: no quorum would be left"),
    ],
)
def test_a_change_that_is_refused_says_what_was_not_done_and_why(shell: Shell, line: str, told: str) -> None:
    shell.cluster.change_answer = Answer(AnswerStatus.REFUSED, reason="no quorum would be left")
    assert shell.type(line) == f"(error) {told}"


def test_a_change_without_an_answer_has_an_unknown_outcome(shell: Shell) -> None:
    shell.cluster.change_answer = Answer(AnswerStatus.TIMEOUT)
    assert shell.type("ADD") == ("(error) UNKNOWN outcome: no answer in time. The change may still happen: see STATUS.")
