"""What every network does with requests: each gets one answer, or its end: `PeerConnection` in ports.py."""

import asyncio
from dataclasses import replace
from itertools import cycle

import pytest

from tests.adapters.network.recorder import Recorder
from tests.contracts.networks import Network, connected, unused_address
from tests.contracts.traffic import ANSWERS, REQUESTS
from tfraft.core.requests import Answer, AnswerStatus, ClientBatch, ClientRequest


def test_each_kind_of_request_gets_its_one_answer(network: Network) -> None:
    async def story() -> None:
        answers = dict(zip(REQUESTS, cycle(ANSWERS), strict=False))
        received = Recorder(answer=answers.__getitem__)
        async with connected(network, received) as (_, peer):
            for request, answer in answers.items():
                assert await peer.request(request, 20) == answer
            assert received.requests == REQUESTS

    network.run(story())


def test_a_batch_gets_the_answers_to_all_its_requests_in_their_order_however_large_they_are(network: Network) -> None:
    answers = tuple(replace(answer, response=bytes(2**20)) for answer in ANSWERS * 6)

    async def story() -> None:
        received = Recorder(answer=lambda _: Answer(AnswerStatus.OK, answers=answers))
        async with connected(network, received) as (_, peer):
            batch = ClientBatch(tuple(ClientRequest(b"%d" % number) for number in range(len(answers))))
            assert await peer.request(batch, 20) == Answer(AnswerStatus.OK, answers=answers)
            assert received.requests == [batch]

    network.run(story())


def test_requests_wait_side_by_side_for_answers_in_any_order(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            asked = [asyncio.create_task(peer.request(ClientRequest(b"%d" % number), 20)) for number in range(20)]
            await received.until(lambda: len(received.requests) == 20)
            for request, on_answer in reversed(list(zip(received.requests, received.on_answers, strict=True))):
                assert isinstance(request, ClientRequest)
                on_answer(Answer(AnswerStatus.OK, b"done " + request.command))
            for number, answer in enumerate(await asyncio.gather(*asked)):
                assert answer == Answer(AnswerStatus.OK, b"done %d" % number)

    network.run(story())


def test_a_request_to_a_server_that_does_not_run_is_not_leader_within_the_time_out(network: Network) -> None:
    async def story() -> None:
        peer = network.connect("n2", await unused_address(network))
        for request in REQUESTS:
            async with asyncio.timeout(20):
                assert await peer.request(request, 10) == Answer(AnswerStatus.NOT_LEADER)
        await peer.close()

    network.run(story())


def test_a_request_that_is_received_but_never_answered_ends_as_not_known(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            asked = asyncio.create_task(peer.request(REQUESTS[0], 0.5))
            await received.until(lambda: received.requests)
            assert await asked == Answer(AnswerStatus.TIMEOUT)
            received.on_answers[0](ANSWERS[0])  # Too late, and no harm.

    network.run(story())


def test_a_request_ends_as_not_known_as_soon_as_its_server_stops(network: Network) -> None:
    """A client must not wait for its whole time-out when the leader has gone."""

    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (server, peer):
            asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
            await received.until(lambda: received.requests)
            await server.stop()
            assert await asked == Answer(AnswerStatus.TIMEOUT)

    network.run(story())


def test_an_answer_given_right_before_its_server_stops_arrives(network: Network) -> None:
    """A node that stops answers all who wait, then stops its server."""

    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (server, peer):
            asked = [asyncio.create_task(peer.request(request, 20)) for request in REQUESTS]
            await received.until(lambda: len(received.requests) == len(REQUESTS))
            for on_answer in received.on_answers:
                on_answer(ANSWERS[1])
            await server.stop()
            assert await asyncio.gather(*asked) == [ANSWERS[1]] * len(REQUESTS)

    network.run(story())


def test_a_request_ends_as_not_known_when_its_connection_is_closed(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
            await received.until(lambda: received.requests)
            await peer.close()
            assert await asked == Answer(AnswerStatus.TIMEOUT)

    network.run(story())


def test_a_request_can_be_cancelled(network: Network) -> None:
    async def story() -> None:
        received = Recorder()
        async with connected(network, received) as (_, peer):
            asked = asyncio.create_task(peer.request(REQUESTS[0], 3_600))
            await received.until(lambda: received.requests)
            asked.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asked
            received.on_answers[0](ANSWERS[0])

    network.run(story())
