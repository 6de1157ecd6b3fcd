"""Who is heard by whom: another cluster, another version and another server are not, and the sender gets to know."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable

import pytest
from grpc import StatusCode

from tests.adapters.network.grpc_lab import OK, calling, foreign_server, serving, status_of, streaming, unary
from tests.adapters.network.recorder import Recorder, eventually, run, vote
from tfraft.adapters.network import peer as peer_module
from tfraft.adapters.network import raft_pb2 as pb
from tfraft.adapters.network.channel import Context
from tfraft.adapters.network.grpc import GrpcServer, Identification, Standing, connect, connector, identify
from tfraft.adapters.network.identity import Claim
from tfraft.adapters.network.wire import VERSION
from tfraft.core.configuration import Configuration
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, ClientRequest
from tfraft.errors import SettingError, Unavailable

Metadata = Iterable[tuple[str, str | bytes]]


def server_of(cluster_id: str = "ours", server_id: str = "n2") -> GrpcServer:
    return GrpcServer(cluster_id=cluster_id, server_id=server_id)


# --- what a call claims ---------------------------------------------------------------------------


@pytest.mark.parametrize("claim", [Claim("c", "n1", "n2"), Claim("", "ñ1 ☃", ""), Claim("c", "n1", "n2", "99")])
def test_a_claim_arrives_as_it_was_made(claim: Claim) -> None:
    assert Claim.in_metadata([("user-agent", "any"), *claim.as_metadata()]) == claim


def test_a_client_claims_nothing() -> None:
    assert Claim.in_metadata([("user-agent", "any")]) is None


@pytest.mark.parametrize(
    ("claim", "objection"),
    [
        (Claim("ours", "n1", "n2"), ""),
        (Claim("", "n1", "n2"), ""),
        (Claim("ours", "n1", ""), ""),
        (Claim("theirs", "n1", "n2"), "this is a server of cluster ours, not of theirs"),
        (Claim("ours", "n1", "n3"), "n2 listens here, not n3"),
        (Claim("ours", "n1", "n2", "2"), "version 1 of the protocol is spoken here, not 2"),
        (Claim("ours", "n1", "n2", ""), "version 1 of the protocol is spoken here, not an unknown one"),
    ],
)
def test_a_claim_that_does_not_fit_is_objected_to_in_plain_words(claim: Claim, objection: str) -> None:
    assert VERSION == 1
    assert claim.objection("ours", "n2") == objection


def test_who_does_not_know_its_own_cluster_or_name_cannot_object_to_another() -> None:
    assert Claim("theirs", "n1", "n3").objection("", "") == ""


# --- over real connections ------------------------------------------------------------------------


def test_nodes_of_one_cluster_hear_each_other() -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            peer = connector("ours", "n1")("n2", server.address)
            peer.send(vote())
            await handler.until(lambda: handler.messages)
            assert await peer.request(ClientRequest(b"x"), 20) == OK
            assert peer.refusal == ""
            await peer.close()

    run(story())


@pytest.mark.parametrize(
    ("cluster_id", "called", "refusal"),
    [
        ("theirs", "n2", "this is a server of cluster ours, not of theirs"),
        ("ours", "n3", "n2 listens here, not n3"),
    ],
)
def test_a_node_of_another_cluster_or_for_another_server_is_not_heard(
    cluster_id: str, called: str, refusal: str, caplog: pytest.LogCaptureFixture
) -> None:
    """A backup that was restored under the old addresses, or a machine that took over one."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            ways = connector(cluster_id, "n1")
            peer = ways(called, server.address)
            peer.send(vote())
            await eventually(lambda: peer.refusal)
            assert ways.refusals() == {called: refusal}
            assert await peer.request(ClientRequest(b"x"), 20) == Answer(AnswerStatus.REFUSED, reason=refusal)
            assert (handler.messages, handler.requests) == ([], [])
            assert f"{called} at {server.address} refuses our messages: {refusal}" in caplog.messages
            await peer.close()
            assert ways.refusals() == {}

    with caplog.at_level(logging.WARNING):
        run(story())


def test_two_clusters_refuse_each_other_in_both_directions() -> None:
    async def story() -> None:
        handlers = Recorder(), Recorder()
        servers = server_of("one", "n1"), server_of("two", "n2")
        async with serving(handlers[0], servers[0]), serving(handlers[1], servers[1]):
            there = connector("one", "n1")("n2", servers[1].address)
            back = connector("two", "n2")("n1", servers[0].address)
            there.send(vote())
            back.send(vote())
            await eventually(lambda: there.refusal and back.refusal)
            assert there.refusal == "this is a server of cluster two, not of one"
            assert back.refusal == "this is a server of cluster one, not of two"
            assert handlers[0].messages == handlers[1].messages == []
            await there.close()
            await back.close()

    run(story())


@pytest.mark.parametrize("metadata", [Claim("ours", "n1", "n2", "2").as_metadata()])
def test_a_node_of_another_version_is_heard_in_no_call_at_all(metadata: Metadata) -> None:
    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server, calling(server.address) as stub:
            told = tuple(metadata)
            stream = stub.exchange(metadata=told)
            assert await stream.code() is StatusCode.FAILED_PRECONDITION
            assert await stream.details() == "version 1 of the protocol is spoken here, not 2"
            for call in (
                stub.requestVote(pb.RequestVote(), metadata=told),
                stub.preVote(pb.PreVote(), metadata=told),
                stub.appendEntries(pb.AppendEntries(), metadata=told),
                stub.installSnapshot(pb.InstallSnapshot(), metadata=told),
                stub.timeoutNow(pb.TimeoutNow(), metadata=told),
                stub.addServer(pb.AddServer(), metadata=told),
                stub.removeServer(pb.RemoveServer(), metadata=told),
                stub.updateServer(pb.UpdateServer(), metadata=told),
                stub.changeServers(pb.ChangeServers(), metadata=told),
                stub.transferLeadership(pb.TransferLeadership(), metadata=told),
                stub.registerClient(pb.RegisterClient(), metadata=told),
                stub.clientRequest(pb.ClientRequest(), metadata=told),
                stub.clientQuery(pb.ClientQuery(), metadata=told),
            ):
                assert await status_of(call) is StatusCode.FAILED_PRECONDITION
            assert (handler.messages, handler.requests) == ([], [])

    run(story())


def test_a_client_is_heard_by_every_server() -> None:
    """It goes by the leader's address, and knows no ids for sure."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, server_of()) as server:
            client = connect("any name", server.address)
            assert await client.request(ClientQuery(b"x"), 20) == OK
            await client.close()

    run(story())


def test_a_server_that_learns_its_cluster_hangs_up_on_those_of_another() -> None:
    async def story() -> None:
        handler = Recorder()
        async with serving(handler, server_of(cluster_id="")) as server:
            assert server.cluster_id == ""
            peer = connector("theirs", "n1")("n2", server.address)
            peer.send(vote(1))
            await handler.until(lambda: handler.messages)
            server.cluster_id = "ours"
            peer.send(vote(2))
            await eventually(lambda: peer.refusal)
            assert handler.messages == [vote(1)]
            await peer.close()

    run(story())


def test_a_node_that_learns_its_cluster_tells_it_from_then_on() -> None:
    async def story() -> None:
        async with serving(Recorder(answer=lambda _: OK), server_of()) as server:
            ways = connector("", "n1")
            peer = ways("n2", server.address)
            assert await peer.request(ClientQuery(b"x"), 20) == OK
            ways.cluster_id = "theirs"
            assert (await peer.request(ClientQuery(b"x"), 20)).status is AnswerStatus.REFUSED
            await peer.close()

    run(story())


def test_who_is_refused_tries_again_after_a_long_pause_and_keeps_nothing_meanwhile(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody has to put an address right first: to ask ten times a second would only fill two logs."""
    pauses: list[float] = []
    now_heard: list[int] = []

    async def story() -> None:
        refused = asyncio.Event()
        sleep = asyncio.sleep

        async def noted(delay_s: float) -> None:
            if delay_s != peer_module._REFUSED_PAUSE_S:
                await sleep(delay_s)
                return
            pauses.append(delay_s)
            refused.set()
            await again.wait()
            again.clear()

        async def exchange(requests: AsyncIterator[pb.Batch], context: Context) -> AsyncIterator[pb.Batch]:
            if len(pauses) < 2:
                await context.abort(StatusCode.FAILED_PRECONDITION, "not you")
            yield pb.Batch()
            now_heard.append(len((await anext(requests)).messages))

        again = asyncio.Event()
        monkeypatch.setattr(asyncio, "sleep", noted)
        async with foreign_server(exchange=streaming(exchange)) as address:
            peer = connector("ours", "n1")("n2", address)
            peer.send(vote())
            await refused.wait()
            for _ in range(100):
                peer.send(vote())
            refused.clear()
            again.set()
            await refused.wait()
            assert (peer.refusal, len(pauses), now_heard) == ("not you", 2, [])
            again.set()
            await eventually(lambda: now_heard, meanwhile=lambda: peer.send(vote()))
            assert peer.refusal == ""
            assert sum(now_heard) < 100, "what was sent in the pause was dropped"
            await peer.close()

    with caplog.at_level(logging.WARNING):
        run(story())
    assert len([text for text in caplog.messages if "not you" in text]) == 1, "told once, not at every try"


def test_a_port_of_something_else_is_a_refusal_too() -> None:
    async def story() -> None:
        async with foreign_server() as address:
            peer = connector("ours", "n1")("n2", address)
            peer.send(vote())
            await eventually(lambda: peer.refusal)
            await peer.close()

    run(story())


@pytest.mark.parametrize(("cluster_id", "server_id"), [("c" * 1_025, "n1"), ("c", "n" * 1_025), ("c", "n\udcff")])
def test_names_that_cannot_travel_are_refused_at_once(cluster_id: str, server_id: str) -> None:
    with pytest.raises(SettingError, match="id"):
        connector(cluster_id, server_id)
    with pytest.raises(SettingError, match="id"):
        GrpcServer(cluster_id=cluster_id, server_id=server_id)


def test_the_longest_names_travel() -> None:
    async def story() -> None:
        cluster_id, own_id, server_id = "c" * 1_024, "n" * 1_024, "ñ" * 512
        async with serving(Recorder(answer=lambda _: OK), server_of(cluster_id, server_id)) as server:
            peer = connector(cluster_id, own_id)(server_id, server.address)
            assert await peer.request(ClientQuery(b"x"), 20) == OK
            await peer.close()

    run(story())


# --- who are you? ---------------------------------------------------------------------------------


def test_a_node_tells_who_it_is_and_what_it_knows_of_its_cluster() -> None:
    """Who wants to join knows one address, and needs the cluster's id and its leader."""

    async def story() -> None:
        async with serving(Recorder(), server_of()) as server:
            assert await identify(server.address, 20) == Identification("ours", "n2")
            configuration = Configuration.of({"n1": "host:1", "n2": "host:2"}, {"n3": "host:3"})
            server.show(lambda: Standing("n1", configuration))
            members = ("n1", "host:1"), ("n2", "host:2"), ("n3", "host:3")
            assert await identify(server.address, 20) == Identification("ours", "n2", "n1", "host:1", members)

    run(story())


def test_who_does_not_run_identifies_as_nobody() -> None:
    async def story() -> None:
        async with serving(Recorder()) as server:
            address = server.address
        with pytest.raises(Unavailable, match=f"no node answers at {address}"):
            await identify(address, 20)

    run(story())


def test_what_is_no_node_and_what_hangs_are_unavailable() -> None:
    async def hang(request: bytes, context: Context) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def story() -> None:
        async with foreign_server() as stranger, foreign_server(identify=unary(hang)) as mute:
            with pytest.raises(Unavailable, match="is no node of ours"):
                await identify(stranger, 20)
            with pytest.raises(Unavailable, match="does not answer"):
                await identify(mute, 0.2)

    run(story())


def test_a_node_of_another_version_is_named_as_such() -> None:
    async def newer(request: bytes, context: Context) -> bytes:
        return pb.Identification(version=2, cluster_id="ours").SerializeToString()

    async def story() -> None:
        async with foreign_server(identify=unary(newer)) as address:
            with pytest.raises(Unavailable, match="speaks version 2 of the protocol, and we 1"):
                await identify(address, 20)

    run(story())
