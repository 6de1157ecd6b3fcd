"""Redis clients at nodes that are processes: any node serves them, and a change of the leader loses nothing."""

import asyncio
import socket
import subprocess
import sys
from contextlib import AsyncExitStack
from pathlib import Path

import hiredis
import pytest

from tests.adapters.network.recorder import eventually, run
from tests.clusters.lab import leader_after, leader_of, make
from tests.process.lab import kill_9
from tests.process.redis_client import RedisClient, redis_client
from tests.process.servers import Server, Site
from tests.process.servers import eventually as wait_until
from tfraft.clusters.ports import HOST
from tfraft.clusters.processes import TcpCluster
from tfraft.errors import SettingError

pytestmark = pytest.mark.process


def redis_addresses(cluster: TcpCluster) -> dict[str, str]:
    return {member.server_id: member.redis for member in cluster.members}


class Counter:
    """Counts upwards under its own key, through one connection that must never end."""

    def __init__(self, key: str) -> None:
        self.key = key
        self.sent = 0
        self.acknowledged = 0
        self.errors: list[str] = []

    async def run(self, client: RedisClient) -> None:
        while True:
            self.sent += 1
            reply = await client.ask("SET", self.key, f"{self.sent}")
            if isinstance(reply, hiredis.ReplyError):
                self.errors.append(str(reply))
            else:
                assert reply == b"OK"
                self.acknowledged = self.sent


def test_every_node_serves_redis_clients_and_each_sees_what_was_written_at_the_others() -> None:
    async def story() -> None:
        async with TcpCluster(3, redis_port=0) as cluster:
            addresses = redis_addresses(cluster)
            for name, address in addresses.items():
                async with redis_client(address) as client:
                    assert await client.ask("SET", f"from {name}", "v") == b"OK"
                for other in addresses.values():
                    async with redis_client(other) as client:
                        assert await client.ask("GET", f"from {name}") == b"v"

    run(story())


def test_writers_at_followers_go_on_after_kill_9_of_the_leader_and_no_acknowledged_write_is_lost() -> None:
    """Their connections stay; what was under way may be of unknown outcome, and waits or is told so."""

    async def story() -> None:
        async with TcpCluster(3, redis_port=0) as cluster, AsyncExitStack() as stack:
            leader, term = leader_of(cluster)
            addresses = redis_addresses(cluster)
            del addresses[leader]
            counters = []
            tasks = []
            for name, address in addresses.items():
                for number in range(3):
                    counters.append(Counter(f"{name}:{number}"))
                    client = await stack.enter_async_context(redis_client(address))
                    tasks.append(asyncio.create_task(counters[-1].run(client)))

            def have_done(count: int) -> bool:
                for task in tasks:
                    assert not task.done(), task
                return all(counter.acknowledged >= count for counter in counters)

            await eventually(lambda: have_done(20))
            kill_9([cluster.pids[leader]])
            await leader_after(cluster, term)
            goal = 20 + max(counter.acknowledged for counter in counters)
            await eventually(lambda: have_done(goal))
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for address in addresses.values():
                async with redis_client(address) as client:
                    for counter in counters:
                        value = await client.ask("GET", counter.key)
                        assert isinstance(value, bytes)
                        assert counter.acknowledged <= int(value) <= counter.sent
            for counter in counters:
                # One write was under way; before the next leader is there, none is refused but for want of one.
                assert all(error.startswith(("UNKNOWN ", "CLUSTERDOWN ")) for error in counter.errors)
                assert sum(error.startswith("UNKNOWN ") for error in counter.errors) <= 1

    run(story())


@pytest.mark.parametrize("kind", ["memory", "tcp"])
def test_a_node_that_comes_back_or_is_new_serves_redis_clients_too(kind: str) -> None:
    async def story() -> None:
        async with make(kind, 3, redis_port=0) as cluster:
            await cluster.kill_node("n2")
            await cluster.start_node("n2")
            added, _ = await cluster.add()
            addresses = {member.server_id: member.redis for member in cluster.members}
            assert len(set(addresses.values())) == 4
            for name in ("n2", added):
                async with redis_client(addresses[name]) as client:
                    assert await client.ask("SET", name, "v") == b"OK"
            await cluster.remove(added)
            with pytest.raises(OSError, match="Connect call failed"):
                async with redis_client(addresses[added]):
                    pass

    run(story())


@pytest.mark.parametrize("kind", ["memory", "tcp"])
def test_a_cluster_in_a_program_opens_no_port_for_redis_clients_unless_told_to(kind: str) -> None:
    async def story() -> None:
        async with make(kind, 3) as cluster:
            assert [member.redis for member in cluster.members] == [""] * 3

    run(story())


@pytest.mark.parametrize("kind", ["memory", "tcp"])
def test_a_port_that_was_chosen_and_is_taken_is_an_error(kind: str) -> None:
    async def story() -> None:
        with socket.socket() as stranger:
            stranger.bind((HOST, 0))
            stranger.listen()
            port = stranger.getsockname()[1]
            with pytest.raises(SettingError, match=f"port {port}, which n1 needs for Redis clients, is in use by pid"):
                await make(kind, 3, redis_port=port).__aenter__()

    run(story())


# --- tf-raft start ---


def test_start_tells_the_ports_and_redis_clients_use_them(tmp_path: Path) -> None:
    environ = Site(tmp_path).environ
    with subprocess.Popen(
        [sys.executable, "-m", "tfraft", "start"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith("data ")
        words = process.stderr.readline().split()
        assert words[:3] == ["redis", "redis-cli", "-p"]
        ports = [words[3], *words[4:6]]
        assert words[6:] == ["for", "n2,", "n3)"]

        async def story() -> None:
            for port in (text.strip("(,") for text in ports):
                async with redis_client(f"{HOST}:{port}") as client:
                    assert await client.ask("SET", "port", port) == b"OK"

        asyncio.run(story())
        out, _ = process.communicate("GET port\n")
        assert out.strip() == ports[-1].strip("(,")
        assert process.returncode == 0


def test_start_opens_no_port_where_it_is_told_off(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tfraft", "start", "--resp-port", "off"],
        input="SET a 1\n",
        capture_output=True,
        env=Site(tmp_path).environ,
        text=True,
        check=False,
    )
    assert (done.stdout, "redis" in done.stderr, done.returncode) == ("OK\n", False, 0)


# --- tf-raft serve ---


def redis_address(server: Server) -> str:
    """Where the server has said that Redis clients reach it."""
    line = " serves Redis clients at "
    wait_until(lambda: server.says(line), "the server to tell its port")
    told = next(one["msg"] for one in server.lines if line in one["msg"])
    return str(told.partition(line)[2].split()[0].removesuffix(":"))


def test_servers_by_themselves_serve_redis_clients_where_they_say_or_are_told(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        chosen = site.address("redis of n1")
        servers = [site.serve("n1", "--bootstrap", "--resp-listen", chosen)]
        servers += [site.join("n2", "n1"), site.join("n3", "n1")]
        wait_until(lambda: site.voters("n1") == ["n1", "n2", "n3"], "all to vote")
        addresses = [redis_address(server) for server in servers]
        assert addresses[0] == chosen

        async def story() -> None:
            for address in addresses:
                async with redis_client(address) as client:
                    assert await client.ask("SET", "address", address) == b"OK"
            for address in addresses:
                async with redis_client(address) as client:
                    assert await client.ask("GET", "address") == addresses[-1].encode()

        asyncio.run(story())


def test_a_server_that_is_told_off_has_no_port_for_redis_clients(tmp_path: Path) -> None:
    with Site(tmp_path) as site:
        server = site.serve("n1", "--bootstrap", "--resp-listen", "off")
        wait_until(lambda: server.says("serves at"), "the server to serve")
        assert not server.says("Redis")


def test_a_port_for_redis_clients_that_is_taken_is_told(tmp_path: Path) -> None:
    with Site(tmp_path) as site, socket.socket() as stranger:
        stranger.bind((HOST, 0))
        stranger.listen()
        address = f"{HOST}:{stranger.getsockname()[1]}"
        server = site.serve("n1", "--bootstrap", "--resp-listen", address)
        assert server.exit_code() == 2
        assert server.last_words == f"cannot listen on {address}: Address already in use"
