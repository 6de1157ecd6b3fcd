"""TRANSFER and CONSISTENCY; and what these and the verbs of membership refuse, and have of HELP, TAB and JSON."""

import json

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from tests.cli.fake_cluster import FakeCluster
from tests.cli.transcript import Shell
from tfraft.cli.completion import LineCompleter
from tfraft.cli.json_lines import JsonOutput
from tfraft.cli.session import Result
from tfraft.cli.verb import Context
from tfraft.core.requests import Answer, AnswerStatus, Consistency, TransferLeadership

# --- TRANSFER (§3.10) ---


def test_transfer_lets_the_named_node_lead(shell: Shell) -> None:
    assert shell.type("TRANSFER N3") == "n3 leads now (§3.10)."
    assert shell.cluster.requests == [TransferLeadership("n3")]
    assert shell.cluster.leader == ("n3", 2)


def test_transfer_without_a_name_leaves_the_choice_to_the_leader_and_says_whom_it_chose(shell: Shell) -> None:
    assert shell.type("transfer") == "n2 leads now (§3.10)."
    assert shell.cluster.requests == [TransferLeadership()]


def test_transfer_to_the_leader_says_that_it_leads(shell: Shell) -> None:
    shell.cluster.change_answer = Answer(AnswerStatus.OK, reason="n1 leads already")
    assert shell.type("TRANSFER n1") == "n1 leads already"


def test_a_transfer_without_success_says_why(shell: Shell) -> None:
    shell.cluster.change_answer = Answer(AnswerStatus.REFUSED, reason="n2 did not take over in time")
    assert shell.type("TRANSFER n2") == "(error) leadership stays where it is: n2 did not take over in time"
    shell.cluster.change_answer = Answer(AnswerStatus.TIMEOUT, reason="the leader was lost before it answered")
    assert shell.type("TRANSFER n2").startswith("(error) UNKNOWN outcome: the leader was lost before it answered.")


# --- What makes no sense ---


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("TRANSFER n9", "there is no node n9. The nodes are n1 n2 n3."),
        ("TRANSFER n1 n2", "TRANSFER takes other arguments. Usage: TRANSFER [node]"),
        ("UPDATE n9 host:1", "there is no node n9. The nodes are n1 n2 n3."),
        ("UPDATE n2", "UPDATE takes other arguments. Usage: UPDATE node address"),
        ("UPDATE n2 a:1 b:2", "UPDATE takes other arguments. Usage: UPDATE node address"),
        ("CHANGE", "CHANGE takes other arguments. Usage: CHANGE node,…"),
        ("CHANGE ,", "CHANGE needs a node: CHANGE n1,n4,n5"),
        ("ADD n4 n5", "ADD takes one node, and LEARNER if it shall not vote: ADD n4 LEARNER"),
        ("ADD LEARNER n4", "ADD takes one node, and LEARNER if it shall not vote: ADD n4 LEARNER"),
        ("ADD n4 n5 LEARNER", "ADD takes other arguments. Usage: ADD [node] [LEARNER]"),
        ("CONSISTENCY fast", "fast is no consistency. Choose linearizable, lease, follower, stale, such as"),
        ("CONSISTENCY \x1b[2J", r"\x1b[2J is no consistency. Choose"),
        ("CONSISTENCY stale", "how old an answer may be is said for stale, and only for stale: CONSISTENCY stale 5s"),
        ("CONSISTENCY lease 5s", "how old an answer may be is said for stale, and only for stale"),
        ("CONSISTENCY stale soon", "soon is no time. Give seconds, such as 5s or 200ms"),
        ("CONSISTENCY stale -1s", "-1s is no time. Give seconds, such as 5s or 200ms"),
        ("CONSISTENCY stale 1e3", "1e3 is no time. Give seconds, such as 5s or 200ms"),
        ("CONSISTENCY stale nan", "nan is no time. Give seconds, such as 5s or 200ms"),
        ("CONSISTENCY stale 5 s", "CONSISTENCY takes other arguments. Usage: CONSISTENCY"),
    ],
)
def test_a_verb_that_makes_no_sense_is_refused_with_what_to_type_instead(shell: Shell, line: str, told: str) -> None:
    assert told in shell.type(line)
    assert shell.results == [Result.FAILED]
    assert shell.cluster.requests == []
    assert list(shell.cluster.states) == ["n1", "n2", "n3"]
    assert shell.context.consistency is Consistency.LINEARIZABLE


# --- CONSISTENCY (§6.4) ---


@pytest.mark.parametrize(
    ("line", "told", "allowed"),
    [
        ("CONSISTENCY lease", "lease: the same, by the leader's lease", (Consistency.LEASE, 0.0)),
        ("consistency FOLLOWER", "follower: the same, at any node", (Consistency.FOLLOWER, 0.0)),
        ("CONSISTENCY stale 5s", "may miss what was written in the last 5 s.", (Consistency.STALE, 5.0)),
        ("CONSISTENCY stale 200ms", "in the last 0.2 s.", (Consistency.STALE, 0.2)),
        ("CONSISTENCY Stale 2.5", "in the last 2.5 s.", (Consistency.STALE, 2.5)),
        ("CONSISTENCY stale 1S", "in the last 1 s.", (Consistency.STALE, 1.0)),
        ("CONSISTENCY linearizable", "a read sees every write that was answered", (Consistency.LINEARIZABLE, 0.0)),
    ],
)
def test_the_reads_that_follow_are_answered_as_chosen(
    shell: Shell, line: str, told: str, allowed: tuple[Consistency, float]
) -> None:
    assert told in shell.type(line)
    shell.type("GET k")
    assert shell.cluster.allowed[0] == allowed


def test_without_a_word_consistency_is_shown_and_stays(shell: Shell) -> None:
    assert shell.type("CONSISTENCY").startswith("linearizable: a read sees every write")
    shell.type("CONSISTENCY stale 5s")
    assert shell.type("CONSISTENCY") == "stale: a read at any node may miss what was written in the last 5 s."


def test_a_choice_that_is_refused_leaves_the_last_one(shell: Shell) -> None:
    shell.type("CONSISTENCY stale 5s", "CONSISTENCY stale")
    assert (shell.context.consistency, shell.context.max_staleness_s) == (Consistency.STALE, 5.0)


# --- HELP, completion, JSON ---


@pytest.mark.parametrize("name", ["TRANSFER", "CHANGE", "UPDATE", "ADD", "CONSISTENCY"])
def test_help_shows_how_each_of_them_is_used(shell: Shell, name: str) -> None:
    shown = shell.type(f"HELP {name.lower()}")
    verb = shell.context.verbs[name]
    assert shown.splitlines()[:3] == [verb.usage, verb.summary, f"Example: {verb.example}"]


def complete(context: Context, shell: Shell, text: str) -> list[str]:
    """What TAB offers after `text`."""
    completer = LineCompleter(context, shell.session.keys)
    return [one.text for one in completer.get_completions(Document(text), CompleteEvent())]


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        ("TRA", ["TRANSFER"]),
        ("TRANSFER n", ["n1", "n2", "n3"]),
        ("CHANGE n1,n2,n", ["n1", "n2", "n3"]),
        ("UPDATE n2", ["n2"]),
        ("CONSISTENCY ", ["linearizable", "lease", "follower", "stale"]),
        ("CONSISTENCY l", ["linearizable", "lease"]),
        ("CONSISTENCY stale ", []),
        ("ADD n4 ", ["LEARNER"]),
        ("ADD n4 LE", ["LEARNER"]),
        ("ADD n4 le", ["LEARNER"]),
        ("ADD ", ["LEARNER"]),
    ],
)
def test_tab_completes_their_arguments(shell: Shell, text: str, offered: list[str]) -> None:
    assert complete(shell.context, shell, text) == offered


@pytest.mark.parametrize(
    "line", ["TRANSFER n2", "CHANGE n1,n2,n4", "UPDATE n2 a:1", "ADD n4 LEARNER", "CONSISTENCY stale 5s"]
)
def test_with_json_each_of_them_answers_one_document(cluster: FakeCluster, line: str) -> None:
    shell = Shell(cluster)
    shell.context.output = JsonOutput(shell.write)
    [document] = [json.loads(text) for text in shell.type(line).splitlines()]
    assert list(document) == ["ok", "value"]
    assert document["ok"] is True
