"""One follower as its leader sees it: the rare orders of answers, one by one."""

from dataclasses import replace

from tests.servers import CONFIG
from tfraft.core.config import RaftConfig
from tfraft.core.progress import Progress


def window(messages: int) -> RaftConfig:
    """So many messages may be under way."""
    return replace(CONFIG, max_inflight=messages)


def pipelining(match_index: int, *sent: int) -> Progress:
    """A follower that is known to store through `match_index`, with these requests under way."""
    progress = Progress(next_index=match_index + 1, heard_at=0.0)
    progress.accepted(match_index)
    for last_index in sent:
        progress.sent(last_index, 1)
    return progress


def place(progress: Progress) -> tuple[int, int, bool, list[int]]:
    """What a progress knows: (next_index, match_index, probing, inflight)."""
    return progress.next_index, progress.match_index, progress.probing, [last for last, _ in progress.inflight]


def test_a_fresh_progress_probes_once_and_waits() -> None:
    """§3.5: until the leader has discovered where it and the follower match."""
    progress = Progress(next_index=5, heard_at=0.0)
    assert progress.may_send(window(1))
    progress.sent(9, 1)
    assert not progress.may_send(window(1))
    assert place(progress) == (5, 0, True, [])


def test_a_probe_that_is_accepted_begins_the_pipeline() -> None:
    """§10.2.2: from then on the leader sends ahead of the answers."""
    progress = Progress(next_index=5, heard_at=0.0)
    progress.sent(9, 1)
    progress.accepted(9)
    assert place(progress) == (10, 9, False, [])


def test_an_old_answer_while_probing_does_not_move_next_index_below_what_is_stored() -> None:
    """etcd 149: after a rejection, an answer to a much earlier request ends the probing."""
    progress = pipelining(5, 7, 8)
    progress.rejected(prev_log_index=7, next_index=6)
    assert place(progress) == (6, 5, True, [])
    progress.accepted(3)
    assert place(progress) == (6, 5, False, [])


def test_an_old_answer_while_probing_goes_on_from_where_the_logs_are_known_to_agree() -> None:
    """§3.5: that is certain; what lies between it and the probe is not."""
    progress = pipelining(1, 8, 9)
    progress.rejected(prev_log_index=8, next_index=6)
    progress.accepted(3)
    assert place(progress) == (4, 3, False, [])


def test_an_answer_frees_the_window_up_to_its_match() -> None:
    """§10.2.2: one answer stands for all before it."""
    progress = pipelining(5, 6, 7, 8)
    progress.accepted(7)
    assert place(progress) == (9, 7, False, [8])
    assert progress.may_send(window(2))
    assert not progress.may_send(window(1))


def test_a_rejection_never_moves_next_index_forward() -> None:
    """A reply that names a place beyond the request that failed is nonsense, and is not followed."""
    progress = pipelining(1, 4, 6)
    progress.rejected(prev_log_index=4, next_index=9)
    assert place(progress) == (4, 1, True, [])


def test_a_rejection_empties_the_window() -> None:
    """§10.2.2: what was sent behind the lost request will be rejected as well; all of it goes again."""
    progress = pipelining(1, 4, 6)
    progress.rejected(prev_log_index=1 + 1, next_index=2)
    assert place(progress) == (2, 1, True, [])
    progress.accepted(4)
    assert place(progress) == (5, 4, False, [])


def test_a_rejection_below_what_is_stored_is_old() -> None:
    """It was answered before the entries came."""
    progress = pipelining(5, 7)
    progress.rejected(prev_log_index=5, next_index=2)
    assert place(progress) == (8, 5, False, [7])


def test_while_probing_only_the_outstanding_probe_counts() -> None:
    """A doubled rejection must not go back twice."""
    progress = Progress(next_index=9, heard_at=0.0)
    progress.rejected(prev_log_index=8, next_index=6)
    progress.sent(8, 1)
    progress.rejected(prev_log_index=8, next_index=3)
    assert place(progress) == (6, 0, True, [])
    assert not progress.may_send(window(9))


def test_a_probe_that_may_be_lost_is_sent_again() -> None:
    """§3.7: retried with the next heartbeat."""
    progress = Progress(next_index=5, heard_at=0.0)
    progress.sent(4, 1)
    progress.probe_again()
    assert progress.may_send(window(1))
