"""What another process sees of a node, and what it can do to its links."""

import asyncio
import socket
from contextlib import aclosing

import grpc
import pytest
from grpc import StatusCode

from tests.adapters.network.admin_lab import Node, administered, event, running, status
from tests.adapters.network.recorder import Recorder, eventually, run, vote
from tfraft.adapters.network import admin as admin_module
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.admin import MAX_EVENTS, AdminClient, AdminServer
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.adapters.network.links import LinkFaults, Links
from tfraft.adapters.network.raft_pb2_grpc import AdminStub
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery
from tfraft.errors import Unavailable
from tfraft.node.status import Event, EventKind


def test_the_status_arrives_equal() -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        admin.attach(Node())
        async with administered(admin) as client:
            assert await client.status() == status()

    run(story())


def test_a_node_that_is_still_starting_is_unavailable() -> None:
    async def story() -> None:
        async with administered(AdminServer(Links())) as client:
            with pytest.raises(Unavailable, match="still starting"):
                await client.status()
            with pytest.raises(Unavailable, match="still starting"):
                await client.log(1, 9)

    run(story())


def test_a_node_that_does_not_run_is_unavailable_for_everything() -> None:
    async def story() -> None:
        async with administered(AdminServer(Links())) as client:
            pass
        client = AdminClient(client._address)
        for asking in (client.status(), client.log(1, 1), client.links(LinkFaults()), anext(client.watch())):
            with pytest.raises(Unavailable, match="gives no answer"):
                await asking
        await client.close()

    run(story())


def test_a_node_that_does_not_answer_in_time_is_unavailable() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as mute:
            client = AdminClient(f"127.0.0.1:{mute.getsockname()[1]}")
            with pytest.raises(Unavailable, match="gives no answer"):
                await client.status(timeout_s=0.1)
            await client.close()

    run(story())


def test_the_log_arrives_equal_in_as_many_pages_as_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admin_module, "_PAGE_ENTRIES", 10)

    async def story() -> None:
        admin, node = AdminServer(Links()), Node(entries=75, first_index=26)
        admin.attach(node)
        async with administered(admin) as client:
            assert await client.log(26, 100) == node.log(1, 1_000)
            assert await client.log(1, 1_000_000) == node.log(1, 1_000)
            assert await client.log(40, 41) == node.log(40, 41)
            assert await client.log(101, 200) == []
            assert await client.log(9, 8) == []

    run(story())


def test_entries_of_8_mib_fit_into_a_page_each() -> None:
    async def story() -> None:
        admin, node = AdminServer(Links()), Node(entries=3, data=bytes(8 * 1024 * 1024))
        admin.attach(node)
        async with administered(admin) as client:
            assert await client.log(1, 9, timeout_s=30) == node.log(1, 9)

    run(story())


def test_links_are_as_bad_as_they_were_told_last() -> None:
    async def story() -> None:
        links = Links()
        server, received = GrpcServer(), Recorder()
        await server.start(received)
        peer = links.wrap(connect)("n2", server.address)
        async with administered(AdminServer(links)) as client:
            await client.links(LinkFaults(blocked=("n2",)))
            assert await peer.request(ClientQuery(b""), 0.01) == Answer(AnswerStatus.NOT_LEADER)
            await client.links(LinkFaults(delays_s={"n2": 0.0}, default_delay_s=3_600.0))
            peer.send(vote())
            await received.until(lambda: received.messages)
            await client.links(LinkFaults(delays_s={"n3": 0.0}, default_delay_s=3_600.0))
            peer.send(vote())
            assert await peer.request(ClientQuery(b""), 0.01) == Answer(AnswerStatus.NOT_LEADER)
            await client.links(LinkFaults())
            await received.until(lambda: len(received.messages) == 2)
        await peer.close()
        await server.stop()

    run(story())


def test_a_watcher_is_told_the_latest_events_and_then_each_as_it_happens() -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        for number in range(MAX_EVENTS + 5):
            admin.publish(event(number))
        async with administered(admin) as client, aclosing(client.watch()) as events:
            for number in range(5, MAX_EVENTS + 5):
                assert await anext(events) == event(number)
            admin.publish(event(1_000))
            assert await anext(events) == event(1_000)
            later = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            admin.publish(event(1_001))
            assert await later == event(1_001)

    run(story())


def test_all_watchers_are_told_and_one_that_left_costs_nothing() -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        admin.publish(event(0))
        async with administered(admin) as client:
            async with aclosing(client.watch()) as first, aclosing(client.watch()) as second:
                assert [await anext(first), await anext(second)] == [event(0)] * 2
                assert len(admin._watchers) == 2
                admin.publish(event(1))
                assert [await anext(first), await anext(second)] == [event(1)] * 2
            await eventually(lambda: not admin._watchers)
            admin.publish(event(2))

    run(story())


def test_a_watcher_is_told_everything_to_the_last_before_the_node_stops() -> None:
    """The last event of a node says why it stopped."""

    async def story() -> None:
        admin = AdminServer(Links())
        async with running(admin) as (server, client):
            events = client.watch()
            admin.publish(event(0))
            assert await anext(events) == event(0)
            for number in range(1, 100):
                admin.publish(event(number))
            stopped = asyncio.ensure_future(server.stop())
            for number in range(1, 100):
                assert await anext(events) == event(number)
            with pytest.raises(Unavailable, match="has stopped"):
                await anext(events)
            await stopped

    run(story())


def test_a_watcher_that_does_not_listen_does_not_keep_the_node_from_stopping() -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        async with running(admin) as (server, client), aclosing(client.watch()) as events:
            admin.publish(event(0))
            await anext(events)
            for number in range(MAX_EVENTS):
                admin.publish(Event(0.0, "n1", EventKind.STARTED, number, "x" * 100_000))
            async with asyncio.timeout(20):
                await server.stop()

    run(story())


def test_what_is_under_way_when_the_client_closes_ends_as_unavailable() -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        admin.publish(event(0))
        async with administered(admin) as client:
            events = client.watch()
            await anext(events)
            waiting = asyncio.ensure_future(anext(events))
            await asyncio.sleep(0)
            await client.close()
            with pytest.raises(Unavailable, match="was closed"):
                await waiting
            with pytest.raises(Unavailable, match="was closed"):
                await client.status()

    run(story())


def test_a_task_that_is_cancelled_while_it_asks_is_cancelled() -> None:
    async def story() -> None:
        async with administered(AdminServer(Links())) as client:
            waiting = asyncio.ensure_future(anext(client.watch()))
            await asyncio.sleep(0.05)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting

    run(story())


def test_a_body_that_is_none_of_ours_is_refused_on_both_sides(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story() -> None:
        admin = AdminServer(Links())
        admin.attach(Node())
        async with administered(admin) as client:
            async with grpc.aio.insecure_channel(client._address) as channel:
                for body in (b"", b"{", b'{"first":"one"}', b"\xff", b"[1]"):
                    with pytest.raises(grpc.aio.AioRpcError) as refused:
                        await AdminStub(channel).log(pb.Json(body=body))
                    assert refused.value.code() is StatusCode.INVALID_ARGUMENT
            monkeypatch.setattr(admin, "status", lambda: {"role": 7})
            with pytest.raises(Unavailable, match="speaks another version"):
                await client.status()

    run(story())
