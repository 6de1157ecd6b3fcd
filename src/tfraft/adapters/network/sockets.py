"""Sockets of TCP as servers want them: how to listen, and how soon to notice that the other machine is gone."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Final

from tfraft.errors import SettingError

SILENCE_S: Final = 2
"""A connection that has been silent for so long is asked whether it still stands, and is lost after as long again."""


async def listen(factory: Callable[[], asyncio.BaseProtocol], host: str, port: int) -> tuple[asyncio.Server, int]:
    """A server at `host` and `port`, and its port, where 0 stands for a free one.

    Raises `SettingError` where the address cannot be had."""
    try:
        server = await asyncio.get_running_loop().create_server(factory, host, port)
    except OSError as error:
        # asyncio puts a sentence of its own in place of the system's, and repeats the address in it.
        of_system = error.errno is not None and error.errno > 0
        reason = os.strerror(error.errno or 0) if of_system else error.strerror or str(error)
        raise SettingError(f"cannot listen on {host}:{port}: {reason}") from None
    return server, server.sockets[0].getsockname()[1]


def notice_silence(transport: asyncio.Transport) -> None:
    """Let the system end this connection where the other machine sends no farewell: it lost its power, or the network.

    That is within about twice `SILENCE_S`, whether anything is on its way or not."""
    sock = transport.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (
        ("TCP_KEEPIDLE", SILENCE_S),
        ("TCP_KEEPINTVL", 1),
        ("TCP_KEEPCNT", SILENCE_S),
        ("TCP_USER_TIMEOUT", 2000 * SILENCE_S),
    ):
        if hasattr(socket, name):  # Not every system has all of them.
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
