"""The table of the commands that a connection answers itself."""

from typing import Final

from tfraft.resp.command import ConnectionCommand
from tfraft.resp.commands import (
    basics,
    client,
    cluster,
    config,
    hello,
    info,
    reading,
    replication,
    sessions,
    transactions,
)
from tfraft.resp.commands.docs import container_over

_ALL = (
    *basics.COMMANDS,
    *hello.COMMANDS,
    *client.COMMANDS,
    *config.COMMANDS,
    *info.COMMANDS,
    *replication.COMMANDS,
    *cluster.COMMANDS,
    *reading.COMMANDS,
    *sessions.COMMANDS,
    *transactions.COMMANDS,
)

CONNECTION_COMMANDS: Final[dict[bytes, ConnectionCommand]] = {}
for _command in (*_ALL, container_over(CONNECTION_COMMANDS)):
    CONNECTION_COMMANDS[_command.name.encode()] = _command
