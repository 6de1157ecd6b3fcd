"""Any redis-py code works unchanged, at any node. Needs `pip install redis`.

python examples/redis_py.py
"""

import asyncio

import redis

from tfraft import TcpCluster


def use(address: str) -> None:
    """Use the node at this address, whether it leads or not."""
    host, _, port = address.rpartition(":")
    with redis.Redis(host, int(port)) as client:
        client.set("greeting", "hello world")
        client.hset("user", mapping={"name": "Ada", "born": 1815})
        print(client.get("greeting"), client.hgetall("user"))
        with client.pipeline() as pipeline:  # MULTI and EXEC: all or nothing.
            pipeline.incr("visits").incr("visits")
            print(pipeline.execute())


if __name__ == "__main__":

    async def main() -> None:
        """Lend a cluster."""
        async with TcpCluster(3, redis_port=0) as cluster:
            for member in cluster.members:
                await asyncio.to_thread(use, member.redis)

    asyncio.run(main())
