"""Three processes that talk over TCP, all killed at the same moment; what they had acknowledged is still there.

python examples/processes.py
"""

import asyncio
from tempfile import TemporaryDirectory

from tfraft import NodeState, TcpCluster


async def main(directory: str) -> None:
    """Write, kill -9 all nodes, start them again, and read what was written."""
    async with TcpCluster(3, data=directory) as cluster:
        for member in cluster.members:
            print(member.server_id, "listens at", member.address)
        await cluster.set("greeting", "hello world")
        await asyncio.gather(*(cluster.kill_node(member.server_id) for member in cluster.members))
        print("killed:", all(member.state is NodeState.KILLED for member in cluster.members))
        await asyncio.gather(*(cluster.start_node(member.server_id) for member in cluster.members))
        print("greeting:", await cluster.get("greeting"))
    async with TcpCluster(data=directory) as cluster:
        print("greeting, another day:", await cluster.get("greeting"))


if __name__ == "__main__":
    with TemporaryDirectory() as path:
        asyncio.run(main(path))
