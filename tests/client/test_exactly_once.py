"""A write is executed once, however often it is sent (§6.3); and where that cannot be known, the client says so.

The server here has a real store with its sessions; what goes wrong on the way to it and back is in the test's hands."""

import asyncio

import pytest

from tests.adapters.network.recorder import eventually
from tests.client.lab import ADD, NEW, OLD, OVERLOADED, REFUSED, Leader, with_client
from tfraft.client.fate import result_of_read, result_of_write, result_or_raise
from tfraft.client.routing import ClusterClient
from tfraft.client.session import MOST_UNANSWERED, ClientSession
from tfraft.core.requests import (
    AddServer,
    Answer,
    AnswerStatus,
    ClientRequest,
    NodeRequest,
    TransferLeadership,
)
from tfraft.errors import OutcomeUnknown, Overloaded, Refused, SessionExpired, Unavailable
from tfraft.ports import OnAnswer
from tfraft.store import codec


@pytest.mark.parametrize("fate", ["lost", "timeout"])
def test_a_write_whose_reply_is_lost_is_sent_again_and_gets_the_response_of_its_first_execution(fate: str) -> None:
    """§6.3: a second execution would have answered that the member was there already."""
    leader = Leader(fate, fate)

    async def test(client: ClusterClient) -> None:
        assert await client.execute(ADD, timeout_s=2.0) == NEW
        assert await client.execute(ADD) == OLD

    with_client(test, leader)
    assert [request.sequence_num for request in leader.writes] == [1, 1, 1, 2]
    assert len(leader.registrations) == 1


def test_a_write_that_did_not_arrive_is_sent_again() -> None:
    leader = Leader("nothing")

    async def test(client: ClusterClient) -> None:
        assert await client.execute(ADD, timeout_s=1.0) == NEW

    with_client(test, leader)


def test_a_write_whose_reply_is_lost_to_the_end_has_an_unknown_outcome() -> None:
    """Nobody can say more: it was sent, and the time is over."""

    async def test(client: ClusterClient) -> None:
        with pytest.raises(OutcomeUnknown, match=r"no answer in 0\.3 s"):
            await client.execute(ADD, timeout_s=0.3)
        assert await client.execute(ADD) == OLD

    with_client(test, Leader("lost", "lost"))


def test_a_request_tells_which_responses_may_be_forgotten() -> None:
    """§6.3: the lowest number for which the client still waits."""
    leader = Leader("nothing")

    async def test(client: ClusterClient) -> None:
        first = asyncio.create_task(client.execute(ADD, timeout_s=1.0))
        await eventually(lambda: leader.writes)
        await client.execute(ADD)
        await first
        await client.execute(ADD)

    with_client(test, leader)
    numbers = [(request.sequence_num, request.lowest_unanswered) for request in leader.writes]
    assert numbers == [(1, 1), (2, 1), (1, 1), (3, 3)]


# --- Sessions that end ---


def test_a_write_whose_session_had_ended_before_it_was_sent_is_done_in_a_new_session() -> None:
    """Nothing of it has happened: so it is safe to begin anew."""
    leader = Leader(max_sessions=1)

    async def test(client: ClusterClient) -> None:
        await client.execute(ADD)
        leader.open_session()
        assert await client.execute(ADD) == OLD

    with_client(test, leader)
    assert [request.client_id for request in leader.writes] == [1, 1, 5]


def test_a_write_whose_session_ended_after_a_try_that_may_have_been_executed_has_an_unknown_outcome() -> None:
    """§6.3: in a new session it would be another request, and be executed a second time."""
    leader = Leader("lost", max_sessions=1)

    async def test(client: ClusterClient) -> None:
        writing = asyncio.create_task(client.execute(ADD, timeout_s=1.0))
        await eventually(lambda: leader.writes)
        leader.open_session()
        with pytest.raises(OutcomeUnknown, match="an earlier try may have been executed, but there is no session 1"):
            await writing
        # The next one is not troubled by it.
        assert await client.execute(ADD) == OLD

    with_client(test, leader)


def test_a_session_in_which_too_much_is_open_is_replaced_by_a_new_one() -> None:
    """The store keeps the responses of a limited number of requests: none of them may be refused for want of room."""
    leader = Leader("nothing")

    async def test(client: ClusterClient) -> None:
        stuck = asyncio.create_task(client.execute(ADD, timeout_s=60.0))
        await eventually(lambda: leader.writes)
        for _ in range(MOST_UNANSWERED + 1):
            await client.execute(ADD)
        stuck.cancel()
        await asyncio.wait([stuck])

    with_client(test, leader)
    assert len(leader.registrations) == 2
    assert leader.writes[-1].client_id == leader.registrations[1]


def test_a_session_is_full_once_its_first_open_request_is_far_behind() -> None:
    session = ClientSession(7)
    with session.requests([b"stuck"]):
        for _ in range(MOST_UNANSWERED - 1):
            assert session.has_room(1)
            with session.requests([b"next"]):
                pass
        assert not session.has_room(2)
        with session.requests([b"last"]) as (last,):
            assert not session.has_room(1)
    assert (last.sequence_num, last.lowest_unanswered) == (MOST_UNANSWERED + 1, 1)
    assert session.has_room(MOST_UNANSWERED)


def test_many_requests_at_once_open_one_session() -> None:
    leader = Leader()

    async def test(client: ClusterClient) -> None:
        await asyncio.gather(*(client.execute(ADD) for _ in range(50)))

    with_client(test, leader)
    assert len(leader.registrations) == 1
    assert sorted(request.sequence_num for request in leader.writes) == list(range(1, 51))


class Deaf(Leader):
    """A server that never answers anything."""

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        self.others.append(request)


def test_nobody_waits_longer_for_a_session_than_for_an_answer() -> None:
    """One request opens the session for all, and may have far more time than the others."""
    leader = Deaf()

    async def test(client: ClusterClient) -> None:
        patient = asyncio.create_task(client.execute(ADD, timeout_s=60.0))
        await eventually(lambda: leader.others)
        with pytest.raises(Unavailable, match=r"no answer in 0\.2 s"):
            await client.execute(ADD, timeout_s=0.2)
        assert not patient.done()
        patient.cancel()
        await asyncio.wait([patient])

    with_client(test, leader)


def test_a_write_for_which_no_session_could_be_opened_has_changed_nothing() -> None:
    """That a session may be open which nobody uses concerns nobody."""

    async def test(client: ClusterClient) -> None:
        with pytest.raises(Unavailable, match=r"no answer in 0\.3 s: none of n1 said that it leads"):
            await client.execute(ADD, timeout_s=0.3)

    with_client(test, Deaf())


# --- What refuses ---


def test_an_overloaded_cluster_refuses_at_once_and_is_asked_only_once() -> None:
    """The client decides when to ask again: all at once would make it worse."""
    leader = Leader(OVERLOADED)

    async def test(client: ClusterClient) -> None:
        with pytest.raises(Overloaded, match="too much to do"):
            await client.execute(ADD)
        assert await client.execute(ADD) == NEW

    with_client(test, leader, Leader())
    assert len(leader.writes) == 2


@pytest.mark.parametrize("refusal", [OVERLOADED, REFUSED])
def test_a_refusal_after_a_try_that_may_have_been_executed_leaves_the_outcome_unknown(refusal: Answer) -> None:
    """Only this try was refused."""

    async def test(client: ClusterClient) -> None:
        with pytest.raises(OutcomeUnknown, match=f"an earlier try may have been executed, but {refusal.reason}"):
            await client.execute(ADD)
        assert await client.execute(ADD) == OLD

    with_client(test, Leader("timeout", refusal))


def test_who_asks_for_a_session_by_hand_is_told_that_it_has_ended() -> None:
    """The refusal of a request as it stands is an error of its own."""
    assert issubclass(SessionExpired, Refused)
    leader = Leader()

    async def test(client: ClusterClient) -> None:
        answer = await client.ask(ClientRequest(codec.encode(ADD), 99, 1, 1), 1.0)
        assert answer.status is AnswerStatus.SESSION_EXPIRED

    with_client(test, leader)


@pytest.mark.parametrize("request_", [AddServer("n9"), TransferLeadership("n2"), ClientRequest(b"")])
def test_what_is_in_no_session_and_may_have_been_done_is_never_sent_again(request_: NodeRequest) -> None:
    """§6.3: nobody would notice that it came twice."""
    asked: list[NodeRequest] = []

    class Lost(Leader):
        def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
            asked.append(request)
            on_answer(Answer(AnswerStatus.TIMEOUT))

    async def test(client: ClusterClient) -> None:
        answer = await client.ask(request_, 1.0)
        assert (answer.status, answer.reason) == (AnswerStatus.TIMEOUT, "the leader was lost before it answered")

    with_client(test, Lost(), Lost())
    assert asked == [request_]


@pytest.mark.parametrize(
    ("status", "of_a_write", "of_a_read"),
    [
        (AnswerStatus.NOT_LEADER, Unavailable, Unavailable),
        (AnswerStatus.REFUSED, Refused, Refused),
        (AnswerStatus.TIMEOUT, OutcomeUnknown, Unavailable),
        (AnswerStatus.SESSION_EXPIRED, SessionExpired, SessionExpired),
        (AnswerStatus.OVERLOADED, Overloaded, Overloaded),
    ],
)
def test_each_answer_but_one_is_an_error_that_says_what_became_of_the_request(
    status: AnswerStatus, of_a_write: type[Exception], of_a_read: type[Exception]
) -> None:
    """Done, refused or unknown; a read that was not answered has changed nothing."""
    assert result_of_write(Answer(AnswerStatus.OK, b"done")) == result_of_read(Answer(AnswerStatus.OK, b"done"))
    for result_of, error in ((result_of_write, of_a_write), (result_of_read, of_a_read)):
        with pytest.raises(error, match="because") as raised:
            result_or_raise(result_of(Answer(status, reason="because")))
        assert type(raised.value) is error
