"""A client without asyncio, of three processes that talk over TCP; the one that leads is killed meanwhile.

python examples/client_sync.py
"""

import asyncio

from tfraft import TcpCluster, connect


def use(addresses: str) -> None:
    """Use the cluster at these addresses, "host:port,host:port"; one that answers is enough."""
    with connect(addresses) as client:
        client.set("greeting", "hello world")
        client.hset("user", mapping={"name": "Ada", "born": 1815})
        print(client.get("greeting"), client.hgetall("user"))

        with client.pipeline() as pipeline:  # Many commands on their way at a time.
            visits = [pipeline.incr("visits") for _ in range(100)]
        print("visits:", visits[-1].result)

        with client.transaction(watch=["visits"]) as transaction:  # All or nothing, and nobody in between.
            transaction.set("before", client.get("visits") or 0)
            transaction.set("visits", 0)
        print("before:", client.get("before"), "now:", client.get("visits"))


if __name__ == "__main__":

    async def main() -> None:
        """Lend a cluster."""
        async with TcpCluster(3) as cluster:
            addresses = ",".join(member.address for member in cluster.members)
            await asyncio.to_thread(use, addresses)
            assert cluster.leader is not None
            await cluster.kill_node(cluster.leader[0])
            await asyncio.to_thread(use, addresses)

    asyncio.run(main())
