"""Where a server over gRPC listens, and at which address others find it."""

import socket

import pytest

from tests.adapters.network.grpc_lab import OK, serving
from tests.adapters.network.recorder import Recorder, run, vote
from tests.adapters.network.relay import Relay
from tfraft.adapters.network import grpc as network
from tfraft.adapters.network.grpc import GrpcServer, connect, connector
from tfraft.core.requests import AnswerStatus, ClientRequest
from tfraft.errors import SettingError


def test_a_busy_port_is_refused_in_one_line_that_names_it() -> None:
    async def story() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(SettingError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: Address already in use$"):
                await GrpcServer("127.0.0.1", port).start(Recorder())

    run(story())


@pytest.mark.parametrize("host", ["192.0.2.1", "no.such.host.invalid"])
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(SettingError, match=f"cannot listen on {host}:0: "):
        run(GrpcServer(host).start(Recorder()))


def test_a_port_that_is_taken_between_the_look_and_the_use_is_refused_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_try_to_listen", lambda host, port: None)

    async def story() -> None:
        async with serving(Recorder()) as server:
            host, _, port = server.address.partition(":")
            with pytest.raises(SettingError, match=f"cannot listen on {server.address}"):
                await GrpcServer(host, int(port)).start(Recorder())

    run(story())


def test_an_address_of_ipv6_has_brackets() -> None:
    assert GrpcServer("::1", 50051).address == "[::1]:50051"


def test_others_are_told_the_advertised_address_while_the_server_listens_at_its_own() -> None:
    """Between the two may stand a proxy or a NAT."""

    async def story() -> None:
        handler = Recorder(answer=lambda _: OK)
        async with serving(handler, GrpcServer(advertise="raft.example.org:443")) as server:
            assert server.address == "raft.example.org:443"
            relay = Relay(server.listens_at)
            peer = connect("n2", await relay.start())
            assert await peer.request(ClientRequest(b"through the proxy"), 20) == OK
            await peer.close()
            await relay.stop()

    run(story())


@pytest.mark.parametrize("advertise", ["host", "host:", "host:0", "host:65536", "h o:1", "unix:/tmp/x:1", "n\udcff:1"])
def test_an_advertised_address_at_which_nobody_can_be_is_refused(advertise: str) -> None:
    with pytest.raises(SettingError, match="an address is"):
        GrpcServer(advertise=advertise)


def test_an_address_that_is_no_unicode_is_one_at_which_nobody_is() -> None:
    """It may have come into the log by another way; the node that has it must live."""

    async def story() -> None:
        for server_id, address in (("n2", "h\udcff:1"), ("n\udcff", "127.0.0.1:1")):
            peer = connector("c", "n1")(server_id, address)
            peer.send(vote(1))
            assert (await peer.request(ClientRequest(b""), 20)).status is AnswerStatus.NOT_LEADER
            await peer.close()

    run(story())
