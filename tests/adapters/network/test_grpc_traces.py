"""The network over gRPC leaves no thread behind, and not a word."""

import os
import subprocess
import sys

import pytest

UNTOLD = {name: value for name, value in os.environ.items() if name != "GRPC_VERBOSITY"}
"""An environment in which nobody has told gRPC yet what to write."""

LIFE = """
import asyncio, gc, socket, threading, time
from tfraft.adapters.network import grpc
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.core.messages import RequestVote
from tfraft.core.requests import Answer, AnswerStatus, ClientRequest
from tfraft.errors import SettingError

class Handler:
    def receive(self, message, on_reply=None):
        arrived.set()
    def request(self, request, on_answer):
        if request.command:
            on_answer(Answer(AnswerStatus.OK))

async def main():
    global arrived
    arrived = asyncio.Event()
    servers = [GrpcServer(), GrpcServer()]
    for server in servers:
        await server.start(Handler())
    taken = int(servers[0].address.split(":")[1])
    grpc._try_to_listen = lambda host, port: None  # As if the port were taken the moment after the look.
    try:
        await GrpcServer(port=taken).start(Handler())
    except SettingError:
        pass
    peers = [connect("a", servers[0].address), connect("b", servers[1].address), connect("c", "127.0.0.1:1")]
    for peer in peers:
        peer.send(RequestVote(1, "a", 0, 0))
        await peer.request(ClientRequest(b"x"), 5)
    await arrived.wait()
    unanswered = asyncio.create_task(peers[1].request(ClientRequest(b""), 60))
    await asyncio.sleep(0.1)
    with socket.create_connection(("127.0.0.1", taken)) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\\r\\n\\r\\n")
        stranger.recv(1)
    for server in servers:
        await server.stop()
    assert (await unanswered).status is AnswerStatus.TIMEOUT
    await servers[0].start(Handler())
    while not (await peers[0].request(ClientRequest(b"x"), 5)).status is AnswerStatus.OK:
        await asyncio.sleep(0.01)
    for peer in peers:
        await peer.close()
    await servers[0].stop()

asyncio.run(main(), debug=DEBUG)
deadline = time.monotonic() + 30
while threading.active_count() > 1:
    gc.collect()
    assert time.monotonic() < deadline, threading.enumerate()
    time.sleep(0.01)
"""


@pytest.mark.parametrize("debug", ["False", "True"])
def test_a_whole_life_leaves_no_thread_and_not_a_word_on_stderr(debug: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LIFE.replace("DEBUG", debug)], capture_output=True, timeout=60, env=UNTOLD
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


DEATH_OF_A_PEER = """
import asyncio, os, signal, sys
from tfraft.adapters.network.grpc import GrpcServer, connect
from tfraft.core.messages import RequestVote
from tfraft.core.requests import AnswerStatus, ClientRequest

class Handler:
    def __init__(self):
        self.arrived = asyncio.Event()
    def receive(self, message, on_reply=None):
        self.arrived.set()
    def request(self, request, on_answer):
        self.arrived.set()

async def main():
    handler = Handler()
    server = GrpcServer()
    await server.start(handler)
    if len(sys.argv) > 1:
        connect("survivor", sys.argv[1]).send(RequestVote(1, server.address, 0, 0))
        print(server.address, flush=True)
        await asyncio.sleep(60)
    peer = await asyncio.create_subprocess_exec(
        sys.executable, "-c", os.environ["PROGRAM"], server.address, stdout=asyncio.subprocess.PIPE
    )
    to_peer = connect("peer", (await peer.stdout.readline()).decode().strip())
    to_peer.send(RequestVote(1, "survivor", 0, 0))
    asked = asyncio.create_task(to_peer.request(ClientRequest(b"x"), 60))
    await handler.arrived.wait()
    await asyncio.sleep(0.2)
    peer.kill()
    await peer.wait()
    assert (await asked).status is AnswerStatus.TIMEOUT
    while (await to_peer.request(ClientRequest(b"x"), 60)).status is not AnswerStatus.NOT_LEADER:
        pass
    await to_peer.close()
    await server.stop()

asyncio.run(main())
"""


def test_the_death_of_a_peer_leaves_not_a_word_on_stderr() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", DEATH_OF_A_PEER],
        capture_output=True,
        timeout=60,
        env={**UNTOLD, "PROGRAM": DEATH_OF_A_PEER},
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
