"""How gRPC is set up here: the settings of servers and channels, and how to wait for a connection."""

import asyncio
from contextlib import suppress
from typing import Any, Final, TypeAlias

import grpc
from grpc import ChannelConnectivity

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

MAX_MESSAGE_BYTES: Final = 32 * 1024 * 1024
"""No gRPC message is larger: the largest entry (core/config.py) with room to spare."""

_LIMITS: Final = (
    ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
    ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
    # None but plain messages: a small one that unpacks into a large one is UNIMPLEMENTED.
    ("grpc.compression_enabled_algorithms_bitset", 1),
)

SERVER_OPTIONS: Final = (
    *_LIMITS,
    # With it, a second server could share the port, and each would get a part of the connections.
    ("grpc.so_reuseport", 0),
    # Peers ping as often as CHANNEL_OPTIONS say; by default that counts as abuse.
    ("grpc.http2.min_ping_interval_without_data_ms", 500),
    ("grpc.http2.max_ping_strikes", 0),
    # On one connection; further ones wait at the caller. By default there is no end to them.
    ("grpc.max_concurrent_streams", 1_000),
    # A client whose machine is gone must not hold its calls open for ever.
    ("grpc.keepalive_time_ms", 5_000),
    ("grpc.http2.ping_timeout_ms", 5_000),
)

CHANNEL_OPTIONS: Final = (
    *_LIMITS,
    # A node is back within seconds: try again after 100 ms, the least that gRPC does, and at least twice a second.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # How long one attempt to connect may take, in spite of its name.
    ("grpc.min_reconnect_backoff_ms", 2_000),
    # A name may lead to another address after a restart; by default gRPC asks again after 30 s.
    ("grpc.dns_min_time_between_resolutions_ms", 1_000),
    # A machine that is gone sends no farewell: after 2 s of silence ask, and 2 s later the connection is lost. The
    # option that ought to set the latter, keepalive_timeout_ms, has no effect (grpc/grpc#39239).
    ("grpc.keepalive_time_ms", 2_000),
    ("grpc.http2.ping_timeout_ms", 2_000),
    ("grpc.http2.max_pings_without_data", 0),
    # Sending again is for those who know whether that is safe.
    ("grpc.enable_retries", 0),
    ("grpc.service_config_disable_resolution", 1),
    # Servers are reached directly, and each connection stands and falls by itself.
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),
)


class Connection:
    """A gRPC channel to `address`, which connects when somebody asks whether it stands, and ever again after that."""

    def __init__(self, address: str) -> None:
        # What is no Unicode is no address either, which shows when we connect; gRPC would raise here.
        target = address.encode(errors="backslashreplace").decode()
        self.channel = grpc.aio.insecure_channel(target, options=CHANNEL_OPTIONS)
        self._change: asyncio.Task[None] | None = None

    async def stands(self) -> bool:
        """True once it stands; False as soon as an attempt has failed, while it tries on by itself, or if closed."""
        while (state := self.channel.get_state(try_to_connect=True)) is not ChannelConnectivity.READY:
            if state in (ChannelConnectivity.TRANSIENT_FAILURE, ChannelConnectivity.SHUTDOWN):
                return False
            await self._changed(state)
        return True

    async def recovered(self) -> None:
        """Return once the last attempt to connect is no longer a failed one."""
        await self._changed(ChannelConnectivity.TRANSIENT_FAILURE)

    async def close(self) -> None:
        """End it, and all calls on it."""
        await self.channel.close()
        if self._change is not None:
            await asyncio.wait([self._change])

    async def _changed(self, state: ChannelConnectivity) -> None:
        """Return once the state is another than `state`, or may be.

        All who wait share one question to gRPC. It is never withdrawn, because gRPC answers all the same, and an
        answer that finds its event loop closed ends in an error of the next one."""
        if self._change is None or self._change.done():
            self._change = asyncio.create_task(self._watch(state))
        await asyncio.wait([self._change])

    async def _watch(self, state: ChannelConnectivity) -> None:
        with suppress(grpc.aio.UsageError):  # Closed before the question was put: that is a change as well.
            await self.channel.wait_for_state_change(state)


def cancelled_from_outside() -> bool:
    """Whether the current task is being cancelled.

    gRPC raises `CancelledError` also in a task that nobody cancels, when its channel is closed."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
