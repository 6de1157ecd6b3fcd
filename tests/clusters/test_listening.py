"""What a node tells is heard once each, also across a connection that was lost."""

import socket

from tests.adapters.network.recorder import Recorder, eventually, run
from tfraft.adapters.network.admin import AdminClient, AdminServer
from tfraft.adapters.network.grpc import GrpcServer
from tfraft.adapters.network.links import Links
from tfraft.clusters.listening import EventListener
from tfraft.clusters.ports import HOST
from tfraft.node.status import Event, EventKind


def event(number: int) -> Event:
    return Event(float(number), "n1", EventKind.VOTED, number, f"event {number}")


def test_each_event_is_heard_once_also_those_from_before_and_from_while_nobody_could_hear() -> None:
    async def main() -> None:
        heard: list[Event] = []
        with socket.socket() as held:
            held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            held.bind((HOST, 0))
            teller = AdminServer(Links())
            server = GrpcServer(HOST, held.getsockname()[1], admin=teller)
            await server.start(Recorder())
            teller.publish(event(1))
            admin = AdminClient(server.address)
            listener = EventListener(admin, heard.append, "n1")
            await eventually(lambda: len(heard) == 1)
            await server.stop()
            teller.publish(event(2))
            await server.start(Recorder())
            await eventually(lambda: len(heard) >= 2)
            teller.publish(event(3))
            await eventually(lambda: event(3) in heard)
            await listener.close()
            await admin.close()
            await server.stop()
        assert heard == [event(1), event(2), event(3)]

    run(main())
