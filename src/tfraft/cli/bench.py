"""The command `bench`: loads a cluster that runs, over the Redis protocol, and says how it bore it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from tfraft.cli.commands import AsJson
from tfraft.clusters.addresses import addresses_in
from tfraft.errors import SettingError

_EPILOG = """
\b
Examples:
  tf-raft bench 127.0.0.1:7379
  tf-raft bench 10.0.0.1:7379,10.0.0.2:7379 --clients 256 --reads 0.9 --fill --duration 1m --html load.html
  tf-raft bench 127.0.0.1:7379 --rate 5000 --json

\b
It is one process, and takes up to one core. Where it runs on the machine of a node, it takes that core from the node:
the figures are then those of both together.

\b
Each client waits for an answer before it sends again, unless there is a --rate: then requests come at their own pace,
and the time of each counts from when it was due. Ctrl-C ends the load with the figures so far; the keys, which all
begin with bench:, are removed, unless Ctrl-C comes again.

\b
Words for requests that failed are the server's, and these:
  LOST         the connection ended before the answer
  UNANSWERED   there was no answer 10 s after the end
  NOT_REDIS    the answer was not in the Redis protocol

\b
Exit codes:
  0 done, though requests may have failed    2 wrong arguments    3 nobody answers in the Redis protocol
  4 every request failed, or the connection was refused    130 ended by Ctrl-C
"""


def add_bench(app: typer.Typer) -> None:
    """Add it to `app`."""
    app.command(name="bench", epilog=_EPILOG)(bench_command)


def _option(name: str, metavar: str | None, help_: str) -> Any:
    """An option, which may come from a variable, too."""
    variable = name.split("/")[0].strip("-").replace("-", "_").upper()
    return typer.Option(name, metavar=metavar, envvar=f"TFRAFT_BENCH_{variable}", help=help_)


Addresses = Annotated[
    str, typer.Argument(metavar="HOST:PORT[,HOST:PORT…]", envvar="TFRAFT_BENCH_ADDRESSES", help="Redis ports.")
]
Clients = Annotated[int, _option("--clients", "N", "So many connections.")]
Pipeline = Annotated[int, _option("--pipeline", "N", "In flight on each, at most.")]
Keys = Annotated[int, _option("--keys", "N", "So many keys, taken at random.")]
KeySize = Annotated[int | None, _option("--key-size", "BYTES", "How long each key is.")]
ValueSize = Annotated[int, _option("--value-size", "BYTES", "How long values are.")]
Reads = Annotated[float, _option("--reads", "0..1", "The share of reads.")]
ReadMode = Annotated[str | None, _option("--read-mode", "MODE", "linearizable, lease, follower or stale:SECONDS.")]
Duration = Annotated[str, _option("--duration", "TIME", "10s, 500ms, 2m, 1h.")]
Rate = Annotated[float | None, _option("--rate", "N", "So many requests a second, in any case.")]
Fill = Annotated[bool, _option("--fill", None, "Write every key once before the load.")]
Cleanup = Annotated[bool, _option("--cleanup/--keep", None, "Remove its keys afterwards, or leave them.")]
Html = Annotated[str | None, _option("--html", "FILE", "Write a page with charts, too.")]


def bench_command(
    addresses: Addresses,
    clients: Clients = 50,
    pipeline: Pipeline = 1,
    keys: Keys = 100_000,
    key_size: KeySize = None,
    value_size: ValueSize = 100,
    reads: Reads = 0.0,
    read_mode: ReadMode = None,
    duration: Duration = "10s",
    rate: Rate = None,
    fill: Fill = False,
    cleanup: Cleanup = True,
    as_json: AsJson = False,
    html: Html = None,
) -> int:
    """Load a cluster that runs, by way of its Redis ports: requests a second, and how long each took.

    Not only tf-raft: any server that speaks the Redis protocol can be loaded."""
    from tfraft.cli.load.plan import LoadPlan, checked, seconds_in

    plan = LoadPlan(
        addresses=addresses_in(addresses),
        clients=clients,
        pipeline=pipeline,
        keys=keys,
        key_size=key_size,
        value_size=value_size,
        reads=reads,
        read_mode=read_mode,
        duration_s=seconds_in(duration),
        rate=rate,
        fill=fill,
        keep=not cleanup,
    )
    page = None if html is None else _writable(html)
    from tfraft.cli.load.command import bench

    return bench(checked(plan), page, as_json=as_json)


def _writable(name: str) -> Path:
    """The file of this name, which can be written: not known only after the load."""
    try:
        with open(name, "a"):
            return Path(name)
    except OSError as error:
        raise SettingError(f"--html {name} cannot be written: {error.strerror or error}") from None
