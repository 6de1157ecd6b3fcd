"""A replicated store inside a program: three nodes on its event loop, one of which is killed.

python examples/embed.py
"""

import asyncio

from tfraft import Event, EventKind, MemoryCluster


def tell(event: Event) -> None:
    """Print who leads."""
    if event.kind is EventKind.LEADER:
        print(f"-- {event.server_id} leads term {event.term}")


async def main() -> None:
    """Write, lose the leader, and read what was written."""
    cluster = MemoryCluster(3)
    cluster.observe(tell)
    async with cluster:
        await cluster.set("greeting", "hello world")
        await cluster.hset("user", {"name": "Ada", "site": "https://a.b/c"})
        await cluster.sset("colours", "red", "green")

        assert cluster.leader is not None
        leader, _ = cluster.leader
        await cluster.kill_node(leader)
        print(f"-- {leader} is killed")

        print("greeting:", await cluster.get("greeting"))
        print("site:", await cluster.hget("user", "site"))
        print("red:", await cluster.shas("colours", "red"))
        await cluster.start_node(leader)


if __name__ == "__main__":
    asyncio.run(main())
