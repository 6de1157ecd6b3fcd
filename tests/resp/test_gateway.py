"""The gateway: what a client asks of any node is done by the leader, in order, and no write is done twice."""

import asyncio
from functools import partial

import pytest

from tests.adapters.network.recorder import eventually, run
from tests.resp.gateway_lab import Tape, follower, trio
from tfraft.core.config import IN_PROCESS, RaftConfig
from tfraft.core.entry import Entries, Entry, EntryKind
from tfraft.core.messages import AppendEntries
from tfraft.core.requests import (
    Answer,
    AnswerStatus,
    ClientBatch,
    ClientCall,
    ClientQuery,
    ClientRequest,
    Consistency,
    RegisterClient,
)
from tfraft.resp.gateway import NodeGateway, leader_wait_s
from tfraft.resp.lane import BATCH_BYTES, BATCH_CALLS

READ = ClientQuery(b"all")
LATE = Answer(AnswerStatus.NOT_LEADER)
UNKNOWN = Answer(AnswerStatus.TIMEOUT)


def write(text: str) -> ClientRequest:
    return ClientRequest(text.encode())


def in_session(number: int) -> ClientRequest:
    return ClientRequest(b"w", 7, number, number)


def done(*texts: str) -> Answer:
    """The answer to a batch that was done."""
    return Answer(AnswerStatus.OK, answers=tuple(Answer(AnswerStatus.OK, text.encode()) for text in texts))


def has_come(outcomes: dict[bytes, AnswerStatus], count: int) -> bool:
    return len(outcomes) >= count


async def asked(gateway: NodeGateway, request: ClientCall) -> Answer:
    answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
    gateway.request(request, answer.set_result)
    return await answer


# --- To the leader ---


def test_what_is_asked_in_one_turn_goes_to_the_leader_as_one_batch_in_order() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            for text in "123":
                lab.ask(text, write(text))
            assert await lab.batch("b") == ClientBatch((write("1"), write("2"), write("3")))
            lab.answer("b", done("x", "y", "z"))
            assert [answer.response for answer in await lab.answered("1", "2", "3")] == [b"x", b"y", b"z"]

    run(story())


def test_writes_gather_while_a_batch_of_them_is_under_way() -> None:
    """Two batches under way could overtake each other."""

    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("1", write("1"))
            await lab.batch("b")
            for text in "23":
                lab.ask(text, write(text))
            await asyncio.sleep(0.05)
            assert len(lab.leaders["b"].requests) == 1
            lab.answer("b", done("x"))
            assert await lab.batch("b", 1) == ClientBatch((write("2"), write("3")))

    run(story())


def test_reads_and_registrations_wait_for_no_writes_and_not_for_each_other() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("write", write("1"))
            await lab.batch("b")
            lab.ask("read", READ)
            assert await lab.batch("b", 1) == ClientBatch((READ,))
            lab.ask("registration", RegisterClient())
            assert await lab.batch("b", 2) == ClientBatch((RegisterClient(),))
            lab.answer("b", done("3"), 2)
            assert await lab.answered("registration") == [Answer(AnswerStatus.OK, b"3")]

    run(story())


def test_a_batch_is_bounded_in_number_and_in_bytes_but_takes_one_request_of_any_size() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            large = ClientRequest(bytes(BATCH_BYTES + 1))
            lab.ask("small", write("1"))
            lab.ask("large", large)
            for number in range(BATCH_CALLS + 1):
                lab.ask(f"{number}", write("2"))
            sizes = []
            for number, size in enumerate((1, 1, BATCH_CALLS, 1)):
                batch = await lab.batch("b", number)
                sizes.append(len(batch.requests))
                lab.answer("b", done(*["x"] * size), number)
            assert sizes == [1, 1, BATCH_CALLS, 1]

    run(story())


def test_reads_that_any_server_may_answer_are_answered_by_this_one() -> None:
    async def story() -> None:
        async with trio() as nodes:
            leader = await nodes.leader()
            own = next(name for name in nodes.nodes if name != leader)
            assert (await asked(nodes.gateways[leader], write("1"))).status is AnswerStatus.OK
            for consistency in (Consistency.FOLLOWER, Consistency.STALE):
                before = nodes.nodes[leader].raft.state.read_round
                answer = await asked(nodes.gateways[own], ClientQuery(b"all", consistency, 60.0))
                assert answer.status is AnswerStatus.OK
                assert consistency is not Consistency.STALE or nodes.nodes[leader].raft.state.read_round == before

    run(story())


def test_any_node_does_what_is_asked_and_each_read_sees_what_was_answered_before_it() -> None:
    async def story() -> None:
        async with trio() as nodes:
            await nodes.leader()
            expected = []
            for number, gateway in enumerate([*nodes.gateways.values()] * 3):
                expected.append(b"%d" % number)
                assert (await asked(gateway, write(f"{number}"))).response == expected[-1]
                for other in nodes.gateways.values():
                    assert (await asked(other, READ)).response == b" ".join(expected)

    run(story())


# --- When the leader changes ---


def test_what_a_leader_has_not_done_goes_to_the_next_one_in_order_before_what_came_later() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            for text in "12":
                lab.ask(text, write(text))
            await lab.batch("b")
            lab.ask("3", write("3"))
            lab.follow("c")
            lab.answer("b", Answer(AnswerStatus.NOT_LEADER))
            assert await lab.batch("c") == ClientBatch((write("1"), write("2"), write("3")))

    run(story())


def test_nothing_goes_to_the_next_leader_before_the_last_one_has_answered() -> None:
    """What the last one may still do must not come after it."""

    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("1", write("1"))
            await lab.batch("b")
            lab.follow("c")
            lab.ask("2", write("2"))
            await asyncio.sleep(0.05)
            assert lab.leaders["c"].requests == []
            lab.answer("b", done("x"))
            assert await lab.batch("c") == ClientBatch((write("2"),))

    run(story())


def test_a_node_that_comes_to_lead_takes_nothing_before_the_last_leader_has_answered() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("1", write("1"))
            await lab.batch("b")
            await lab.lead()
            lab.ask("2", write("2"))
            await asyncio.sleep(0.05)
            assert lab.commands() == []
            lab.answer("b", LATE)
            await eventually(lambda: lab.commands() == [b"1", b"2"])

    run(story())


def test_a_node_that_led_hands_nothing_on_before_it_knows_the_end_of_what_it_was_handed() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            await lab.lead()
            lab.ask("1", write("1"))
            lab.follow("c")
            lab.ask("2", write("2"))
            await asyncio.sleep(0.05)
            assert lab.leaders["c"].requests == []
            # The next leader has committed another entry in the place of ours.
            lab.node.receive(AppendEntries(lab.term, "c", 0, 0, Entries.of(Entry(lab.term, EntryKind.NO_OP)), 1))
            assert await lab.batch("c") == ClientBatch((write("1"), write("2")))

    run(story())


def test_a_write_that_may_have_been_done_is_never_sent_again() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("1", write("1"))
            await lab.batch("b")
            lab.follow("c")
            lab.answer("b", UNKNOWN)
            assert (await lab.answered("1"))[0].status is AnswerStatus.TIMEOUT
            lab.ask("2", write("2"))
            assert await lab.batch("c") == ClientBatch((write("2"),))

    run(story())


@pytest.mark.parametrize("request_", [in_session(1), READ, RegisterClient()], ids=["in a session", "read", "register"])
def test_what_can_do_no_harm_is_sent_again_where_its_outcome_is_not_known(request_: ClientCall) -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("it", request_)
            await lab.batch("b")
            lab.follow("c")
            lab.answer("b", UNKNOWN)
            assert await lab.batch("c") == ClientBatch((request_,))
            lab.answer("c", done("x"))
            assert await lab.answered("it") == [Answer(AnswerStatus.OK, b"x")]

    run(story())


def test_a_refusal_after_a_try_that_may_have_been_done_is_an_unknown_outcome() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("it", in_session(1))
            await lab.batch("b")
            lab.answer("b", UNKNOWN)
            await lab.batch("b", 1)
            lab.answer("b", Answer(AnswerStatus.SESSION_EXPIRED, reason="there is no session 7"), 1)
            [answer] = await lab.answered("it")
            assert answer.status is AnswerStatus.TIMEOUT
            assert answer.reason == "an earlier try may have been executed, but there is no session 7"

    run(story())


@pytest.mark.parametrize("status", [AnswerStatus.REFUSED, AnswerStatus.OVERLOADED, AnswerStatus.SESSION_EXPIRED])
def test_any_other_answer_is_the_clients(status: AnswerStatus) -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("it", in_session(1))
            await lab.batch("b")
            lab.answer("b", Answer(status, reason="because"))
            assert await lab.answered("it") == [Answer(status, reason="because")]

    run(story())


def test_a_batch_whose_answers_are_not_all_there_is_of_unknown_outcome() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            for text in "12":
                lab.ask(text, write(text))
            await lab.batch("b")
            lab.answer("b", done("x"))
            assert {answer.status for answer in await lab.answered("1", "2")} == {AnswerStatus.TIMEOUT}

    run(story())


def test_pipelines_through_all_nodes_keep_their_order_when_leader_after_leader_is_deposed() -> None:
    """Each write is done once at most, and those of one client in the order in which it sent them."""

    async def story() -> None:
        async with trio() as nodes:
            await nodes.leader()
            outcomes: dict[bytes, AnswerStatus] = {}
            total = 3 * 300

            def note(command: bytes, answer: Answer) -> None:
                outcomes[command] = answer.status

            async def client(name: str) -> None:
                for number in range(300):
                    request = write(f"{name}{number}")
                    nodes.gateways[name].request(request, partial(note, request.command))
                    if number % 10 == 9:
                        await asyncio.sleep(0.01)

            clients = [asyncio.create_task(client(name)) for name in nodes.gateways]
            for part in range(1, 4):
                leader = await nodes.leader()
                await eventually(partial(has_come, outcomes, part * total // 4))
                nodes.stand_for_election(next(name for name in nodes.nodes if name != leader))
            await asyncio.gather(*clients)
            await eventually(lambda: len(outcomes) == total)
            assert (await asked(nodes.gateways["a"], READ)).status is AnswerStatus.OK
            machine = nodes.nodes[await nodes.leader()].machine
            assert isinstance(machine, Tape)
            assert len(set(machine.written)) == len(machine.written)
            for name in (b"a", b"b", b"c"):
                mine = [int(one[1:]) for one in machine.written if one[:1] == name]
                assert mine == sorted(mine)
            acknowledged = {command for command, status in outcomes.items() if status is AnswerStatus.OK}
            assert acknowledged <= set(machine.written)
            refused = {command for command, status in outcomes.items() if status is AnswerStatus.NOT_LEADER}
            assert not refused & set(machine.written)

    run(story())


def test_requests_wait_while_there_is_no_leader_and_go_on_with_the_next() -> None:
    async def story() -> None:
        async with trio() as nodes:
            leader = await nodes.leader()
            await nodes.kill(leader)
            answers = [asked(gateway, write(name)) for name, gateway in nodes.gateways.items()]
            assert {answer.status for answer in await asyncio.gather(*answers)} == {AnswerStatus.OK}

    run(story())


# --- The limits ---


def test_requests_wait_for_two_of_the_longest_election_timeouts_and_for_a_second_at_least() -> None:
    assert leader_wait_s(IN_PROCESS) == 1.0
    assert leader_wait_s(RaftConfig()) == 2.0


def test_where_no_leader_comes_in_time_the_request_was_certainly_not_done() -> None:
    async def story() -> None:
        async with follower("", leader_wait_s=0.2) as lab:
            began = asyncio.get_running_loop().time()
            lab.ask("write", write("1"))
            lab.ask("read", READ)
            lab.ask("own", ClientQuery(b"", Consistency.FOLLOWER))
            assert await lab.answered("write", "read", "own") == [LATE] * 3
            assert asyncio.get_running_loop().time() - began >= 0.2
            lab.follow("b")
            lab.ask("later", write("2"))
            assert await lab.batch("b") == ClientBatch((write("2"),))

    run(story())


def test_why_a_read_was_not_answered_is_told() -> None:
    async def story() -> None:
        async with follower("", leader_wait_s=0.05) as lab:
            lab.ask("stale", ClientQuery(b"", Consistency.STALE, 1.0))
            [answer] = await lab.answered("stale")
            assert answer == Answer(AnswerStatus.NOT_LEADER, reason="the state of a is of unknown age")

    run(story())


def test_a_leader_that_is_silent_is_given_up_after_a_time() -> None:
    async def story() -> None:
        async with follower("b", leader_wait_s=0.05, answer_wait_s=0.1) as lab:
            lab.ask("write", write("1"))
            lab.ask("read", READ)
            write_answer, read_answer = await lab.answered("write", "read")
            assert (write_answer.status, read_answer.status) == (AnswerStatus.TIMEOUT, AnswerStatus.NOT_LEADER)

    run(story())


def test_a_leader_that_has_lost_the_others_leaves_no_client_without_an_answer() -> None:
    async def story() -> None:
        async with trio(leader_wait_s=0.1, answer_wait_s=0.3) as nodes:
            leader = await nodes.leader()
            for name, node in nodes.nodes.items():
                if name != leader:
                    node.halt()
            answers: list[Answer] = []
            for request in (write("1"), READ):
                nodes.gateways[leader].request(request, answers.append)
            await eventually(lambda: len(answers) == 2)
            assert {answer.status for answer in answers} == {AnswerStatus.TIMEOUT, AnswerStatus.NOT_LEADER}

    run(story())


def test_a_number_that_no_session_can_have_is_refused_and_harms_nobody_else() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            for name, numbers in (("large", (7, 2**64, 0)), ("small", (7, 1, -1)), ("client", (2**64, 1, 1))):
                lab.ask(name, ClientRequest(b"w", *numbers))
            lab.ask("fine", ClientRequest(b"w", 2**64 - 1, 1, 1))
            refused = await lab.answered("large", "small", "client")
            assert {answer.status for answer in refused} == {AnswerStatus.REFUSED}
            assert len((await lab.batch("b")).requests) == 1

    run(story())


def test_who_closes_gives_up_all_that_is_under_way() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            lab.ask("sent", write("1"))
            lab.ask("read", READ)
            await lab.batch("b", 1)
            lab.ask("waits", write("2"))
            await lab.gateway.close()
            assert [answer.status for answer in await lab.answered("sent", "read", "waits")] == [
                AnswerStatus.TIMEOUT,
                AnswerStatus.NOT_LEADER,
                AnswerStatus.NOT_LEADER,
            ]

    run(story())


def test_what_is_answered_in_the_turn_in_which_somebody_closes_is_not_answered_again() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            answers: list[Answer] = []
            closing: list[asyncio.Task[None]] = []

            def close(answer: Answer) -> None:
                answers.append(answer)
                closing.append(asyncio.create_task(lab.gateway.close()))

            lab.gateway.request(READ, close)
            await lab.batch("b")
            lab.answer("b", Answer(AnswerStatus.OK, b"seen"))
            await eventually(lambda: closing)
            await closing[0]
            assert answers == [Answer(AnswerStatus.OK, b"seen")]

    run(story())


def test_the_status_is_that_of_the_node() -> None:
    async def story() -> None:
        async with follower("b") as lab:
            await eventually(lambda: lab.gateway.status().leader_id == "b")
            assert lab.gateway.status() == lab.node.status()

    run(story())
