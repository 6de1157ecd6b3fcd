"""§3.6: what makes Raft safe: who may be elected, and what may be committed by counting."""

from dataclasses import replace

import pytest

from tests.raftlab import Done, Lab
from tests.servers import (
    CONFIG,
    accepted,
    ask,
    effects,
    joined,
    leader,
    log,
    no_op,
    receive,
    refusal,
    server,
    settle,
    tick,
    vote,
)
from tfraft.core.base import Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Committed, Save, Saved
from tfraft.core.entry import Entries

ONE_BY_ONE = replace(CONFIG, max_batch_entries=1)


@pytest.mark.parametrize(
    ("ours", "last"),
    [
        (log(1, 1), (2, 1)),
        (log(1, 1), (3, 1)),
        (log(1, 1), (1, 2)),
        (log(1, 1), (2, 2)),
        (log(), (0, 0)),
    ],
    ids=["equal", "longer", "later term, shorter", "later term, equal length", "both empty"],
)
def test_a_vote_goes_to_a_log_that_is_at_least_as_up_to_date(ours: Entries, last: tuple[int, int]) -> None:
    """§3.6.1: the log with the later last term is more up-to-date; with equal terms, the longer one."""
    raft = server(term=2, entries=ours)
    assert receive(raft, ask("b", 3, last=last)) == effects(save=Save(3, "b"), replies=[("b", vote("a", 3))])


@pytest.mark.parametrize(
    ("ours", "last"),
    [(log(1, 1), (1, 1)), (log(1, 2), (2, 1)), (log(1, 2), (9, 1)), (log(1), (0, 0))],
    ids=["shorter", "earlier term, equal length", "earlier term, longer", "empty"],
)
def test_the_voter_denies_its_vote_if_its_own_log_is_more_up_to_date(ours: Entries, last: tuple[int, int]) -> None:
    """§3.6.1: so a candidate cannot win unless its log contains all committed entries. The vote stays free."""
    raft = server(term=2, entries=ours)
    assert receive(raft, ask("b", 3, last=last)) == effects(save=Save(3, None), replies=[("b", refusal("a", 3))])


def test_the_request_vote_includes_information_about_the_candidates_log() -> None:
    """§3.6.1: it names the index and term of the last entry."""
    raft = server(term=5, entries=log(1, 2, 5))
    assert tick(raft, raft.deadline).replies[0] == ("b", ask("a", 6, last=(3, 5)))


def test_an_older_term_is_not_committed_by_counting_replicas() -> None:
    """§3.6.2: Raft never commits log entries from previous terms by counting replicas."""
    raft = leader(term=4, entries=log(1, 2))
    assert receive(raft, accepted("b", 4, 2), accepted("c", 4, 2)).committed is None


def test_an_older_term_is_committed_indirectly_by_an_entry_of_the_current_one() -> None:
    """§3.6.2: once an entry of the current term has been committed, all prior entries are committed indirectly."""
    raft = leader(term=4, entries=log(1, 2))
    receive(raft, accepted("b", 4, 2), accepted("c", 4, 2))
    assert receive(raft, accepted("b", 4, 3)).committed == Committed(1, joined(log(1, 2), no_op(4)), [])


def test_a_leader_appends_a_no_op_at_the_start_of_its_term() -> None:
    """§6.4: so that it commits an entry of its own term without waiting for a client."""
    raft = leader(term=4, entries=log(1, 2))
    assert raft.state.log.entry(3) == no_op(4)


def figure_3_7_c() -> Lab:
    """Figure 3.7 (c): S1 leads term 4 and has brought its entry of term 2 to a majority. S5 has one of term 3."""
    voters = Base(configuration=Configuration.of("abcde"))
    logs = {"a": log(1, 2), "b": log(1, 2), "c": log(1), "d": log(1), "e": log(1, 3)}
    lab = Lab("abcde", config=ONE_BY_ONE, disks={name: Saved(3, None, voters, rows) for name, rows in logs.items()})
    lab.time_out("a")
    for name in "bc":
        lab.deliver(*lab.between("a", name))
        lab.deliver(*lab.between(name, "a"))
    lab.deliver(*lab.between("a", "b"), *lab.between("a", "c"))
    lab.deliver(*lab.between("b", "a"), *lab.between("c", "a"))
    lab.deliver(*lab.between("a", "c"))
    lab.deliver(*lab.between("c", "a"))
    return lab


def test_figure_3_7_an_entry_of_an_older_term_on_a_majority_can_still_be_overwritten() -> None:
    """Figure 3.7 (d): S1 crashes; S5 wins with the votes of S3 and S4, and overwrites index 2. It was uncommitted."""
    lab = figure_3_7_c()
    assert [lab.raft(name).state.log.term_at(2) for name in "abcde"] == [2, 2, 2, 0, 3]
    stored = {name: progress.match_index for name, progress in lab.raft("a").state.progress.items()}
    assert (stored["b"], stored["c"]) == (3, 2), "S1 knows that a majority stores index 2"
    assert lab.invariants.committed == []
    lab.crash("a")
    lab.letters.clear()
    lab.now += 10.0
    lab.time_out("e")
    lab.deliver_all()
    lab.elect("e")
    assert [lab.raft(name).state.log.term_at(2) for name in "bcde"] == [3, 3, 3, 3]
    assert lab.invariants.committed == list(joined(log(1, 3), no_op(5)))


def test_figure_3_7_once_an_entry_of_the_own_term_is_on_a_majority_s5_cannot_win() -> None:
    """Figure 3.7 (e): if S1 replicates an entry from its current term on a majority, then this entry is committed."""
    lab = figure_3_7_c()
    lab.deliver(*lab.between("a", "c"))
    lab.deliver(*lab.between("c", "a"))
    assert lab.invariants.committed == list(joined(log(1, 2), no_op(4)))
    lab.crash("a")
    lab.letters.clear()
    lab.now += 10.0
    for _ in range(3):
        lab.time_out("e")
        lab.deliver_all()
    assert lab.leaders == []
    lab.now += 10.0
    lab.elect("b")
    assert [lab.raft(name).state.log.term_at(2) for name in "bcde"] == [2, 2, 2, 2]


def test_leader_completeness_over_five_terms() -> None:
    """§3.6.3: if an entry is committed in a term, it is in the logs of the leaders of all higher terms."""
    lab = Lab("abcde")
    for round_number, name in enumerate("abcde"):
        lab.now += 10.0
        lab.elect(name)
        token = lab.propose(name, f"command {round_number}")
        lab.deliver_all()
        assert lab.outcomes[token] == Done(2 * round_number + 2)
    lab.heartbeat("e")
    assert {tuple(lab.commands(name)) for name in "abcde"} == {tuple(f"command {number}" for number in range(5))}


def test_state_machine_safety_in_the_face_of_lost_leaders() -> None:
    """§3.6.3: if a server has applied an entry at an index, no other applies a different one there."""
    lab = Lab()
    lab.elect("a")
    lab.partition("a", "bc")
    lost = lab.propose("a", "lost")
    lab.now += 10.0
    lab.elect("b")
    kept = lab.propose("b", "kept")
    lab.deliver_all()
    lab.heal()
    lab.heartbeat("b")
    lab.heartbeat("b")
    assert {tuple(lab.commands(name)) for name in "abc"} == {("kept",)}
    assert lab.outcomes[kept] == Done(3)
    assert lost not in lab.outcomes or lab.outcomes[lost] != Done(2)


def test_settled_turns_leave_nothing_to_do() -> None:
    """§3.5: a leader whose followers are up to date has nothing to say until the next heartbeat."""
    raft = leader()
    receive(raft, accepted("b", 1, 1), accepted("c", 1, 1))
    assert settle(raft) == effects()
