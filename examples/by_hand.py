"""A cluster put together by hand, node by node, as `MemoryCluster` does it inside.

The first node founds a cluster of one. Every further node waits until the leader, told by AddServer, contacts it; so a
node that is still being caught up never starts an election.

    python examples/by_hand.py
"""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from tfraft import (
    IN_PROCESS,
    STORE_CODEC,
    AddServer,
    ClusterClient,
    LocalStateManager,
    MemoryNetwork,
    MemoryServer,
    RaftNode,
    peer_factory,
)


async def main(directory: str) -> None:
    """Start NODE, NODE0 and NODE1, whose states are files in `directory`, and talk to them."""
    network = MemoryNetwork()
    connect = peer_factory("MEMORY", network)

    async def start(name: str, *, leader: bool = False) -> RaftNode:
        server, state = MemoryServer(), LocalStateManager(name, directory, codec=STORE_CODEC)
        network.add(name, server)
        return await RaftNode.create(name, server, state, connect, leader=leader, config=IN_PROCESS)

    async with AsyncExitStack() as nodes:
        await nodes.enter_async_context(await start("NODE", leader=True))
        client = ClusterClient(connect, {"NODE": "NODE", "NODE0": "NODE0", "NODE1": "NODE1"})
        nodes.push_async_callback(client.close)
        for name in ("NODE0", "NODE1"):
            await nodes.enter_async_context(await start(name))
            answer = await client.ask(AddServer(new_server=name, address=name), timeout_s=5.0)
            print(f"AddServer {name}: {answer.status.name}")

        print(await client.execute([b"SET", b"greeting", b"hello world"]))
        print(await client.execute([b"GET", b"greeting"]))


if __name__ == "__main__":
    with TemporaryDirectory() as path:
        asyncio.run(main(path))
        # A majority has the command on disk, in words; `cat` shows it.
        print(*sorted(file.name for file in Path(path).glob("*.json")))
