"""A client for asyncio, of three processes that talk over TCP; many tasks use it at the same time.

python examples/client_async.py
"""

import asyncio

from tfraft import Consistency, OutcomeUnknown, TcpCluster, Unavailable, aconnect
from tfraft.client.transaction import AsyncTransaction


async def use(addresses: str) -> None:
    """Use the cluster at these addresses, "host:port,host:port"; one that answers is enough."""
    async with await aconnect(addresses, timeout_s=5.0) as client:
        await client.mset({"apples": 3, "pears": 4})

        async def buy(order: AsyncTransaction) -> None:
            order.set("apples", int(await client.get("apples") or 0) - 1)

        # Two at once: whoever comes second decides again, on what is there then.
        await asyncio.gather(*(client.transact(buy, watch=["apples"]) for _ in range(2)))
        print("apples:", await client.get("apples"))

        anywhere = client.reading(Consistency.FOLLOWER)  # As fresh, and any server answers.
        print("pears:", await anywhere.get("pears"))
        try:
            await client.with_timeout(2.0).sadd("colours", "red", "green")
        except Unavailable:
            print("it was not executed, and never will be")
        except OutcomeUnknown:
            print("it may have been executed")
        print("colours:", sorted(await client.smembers("colours")))


if __name__ == "__main__":

    async def main() -> None:
        """Lend a cluster."""
        async with TcpCluster(3) as cluster:
            await use(",".join(member.address for member in cluster.members))

    asyncio.run(main())
