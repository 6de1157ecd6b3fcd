"""connect and aconnect: a client of a cluster that runs by itself, from the address of any of its nodes."""

from contextlib import AsyncExitStack

from tfraft.client.asynchronous import AsyncClient
from tfraft.client.background import Background
from tfraft.client.blocking import Client
from tfraft.client.settings import CallSettings
from tfraft.clusters.addresses import addresses_in
from tfraft.clusters.remote import RemoteCluster


async def aconnect(addresses: str, *, timeout_s: float = 10.0) -> AsyncClient:
    """A client of the cluster behind `addresses`, "host:port,host:port", of which one that answers is enough.

    It follows the leadership and the members as they change. A call on it takes at most `timeout_s`. Raises
    `SettingError` for what is no address, and `Unavailable` where nobody answers."""
    settings = CallSettings(timeout_s)
    async with AsyncExitStack() as stack:
        cluster = await stack.enter_async_context(RemoteCluster(addresses_in(addresses)))
        return AsyncClient(cluster.client, settings, stack.pop_all().aclose)


def connect(addresses: str, *, timeout_s: float = 10.0) -> Client:
    """The same for programs without asyncio: the calls of this client wait for their results, in any thread."""
    background = Background()
    try:
        return Client(background.run(lambda: aconnect(addresses, timeout_s=timeout_s)), background)
    except BaseException:
        background.close()
        raise
