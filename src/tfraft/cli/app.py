"""The command `tf-raft` and its arguments, and how every end of it becomes one line and an exit code."""

import asyncio
import logging
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from tfraft.cli import places
from tfraft.cli.bench import add_bench
from tfraft.cli.commands import add_commands
from tfraft.cli.escapes import safe
from tfraft.cli.exits import ExitCode, exit_code_of
from tfraft.cli.settings import (
    StartSettings,
    checked_network,
    checked_nodes,
    checked_redis_port,
    checked_state,
    checked_timeout,
)
from tfraft.cli.streams import forget_unwritten, require_open, tell_beside
from tfraft.cli.upkeep import add_upkeep
from tfraft.clusters.redis_ports import ANY_REDIS_PORT
from tfraft.errors import SettingError, TfRaftError

logger = logging.getLogger(__name__)

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def run(argv: Sequence[str] | None) -> int:
    """Run the command line, that of this process where it is None; its exit code. Raises nothing, and leaves nothing
    for Python to fail at when it exits."""
    places.log_to_file()
    code = _code_of(sys.argv[1:] if argv is None else list(argv))
    forget_unwritten()
    return code


def _code_of(args: list[str]) -> int:
    try:
        # Not `app()`: where nobody reads standard output any more it ends the process by itself, with code 1.
        command = typer.main.get_group(app)
        with command.make_context("tf-raft", list(args)) as context:
            code = command.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        return _failed(_usage_error(error, args), ExitCode.USAGE)
    except TfRaftError as error:
        return _failed(str(error), exit_code_of(error))
    except BrokenPipeError:
        return ExitCode.PIPE_CLOSED
    except OSError as error:
        logger.exception("the system refused")
        return _failed(error.strerror or str(error), ExitCode.INTERNAL)
    except Exception as error:
        logger.exception("the program could not go on")
        return _failed(f"internal: {error!r} (details in {places.log_file()})", ExitCode.INTERNAL)
    return int(code or ExitCode.OK)


def _failed(text: str, code: ExitCode) -> ExitCode:
    tell_beside(f"error: {safe(text)}")
    return code


def _usage_error(error: typer.TyperException, args: Sequence[str]) -> str:
    """A sentence of the argument parser in the form of ours: on one line, with what was meant as a question."""
    message = " ".join(error.format_message().split())
    if options := re.search(r" \(Possible options: ([^)]*)\)", message):
        message = f"{message[: options.start()]}. Did you mean {options[1].replace(', ', ' or ')}?"
    message = message.replace("', '", "' or '")
    command = f"tf-raft {args[0]}" if args and args[0] in typer.main.get_group(app).commands else "tf-raft"
    return f"{message[:1].lower()}{message[1:]}   ({command} --help)"


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"tf-raft {version('tf-raft')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def tf_raft(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """TF-RAFT: Distributed KV Store for educational fun!

    A cluster of Raft servers that keep one key-value store alike, with a prompt to use it, to break it and to look
    inside.

    \b
    tf-raft start                          three nodes in this process
    tf-raft start TCP 5                    five processes
    tf-raft start TCP 5 --data ./demo      the same, kept over a restart
    echo 'GET a' | tf-raft start           a script instead of a person
    tf-raft serve --id n1 --data-dir ./n1 --bootstrap      one node by itself; others join it, from anywhere
    tf-raft prompt --connect 127.0.0.1:7001                a prompt at such a cluster
    tf-raft bench 127.0.0.1:7379                           how much it bears
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
    elif context.invoked_subcommand != "serve":  # It gives no answers: what it has to say goes beside.
        require_open(sys.stdout)


_START_EXAMPLES = """
\b
Examples:
  tf-raft start                                  three nodes in this process; nothing is kept
  tf-raft start TCP 5                            five processes on 127.0.0.1
  tf-raft start RPC 5                            five that talk gRPC to each other
  tf-raft start memory 3 --data ./demo           kept in ./demo; the same line goes on from there
  printf 'SET a 1\\nGET a\\n' | tf-raft start      answers OK and 1
  printf 'GET b\\n' | tf-raft start               answers (nil): there is no b; an empty value is an empty line
  printf 'GET a\\n' | tf-raft start --json        answers {"ok": true, "value": null}

\b
Exit codes:
  0 all went well    2 wrong arguments    4 a command of a script failed    7 the data cannot be used
"""


@app.command(name="start", epilog=_START_EXAMPLES)
def start_command(
    network: Annotated[
        str | None,
        typer.Argument(metavar="memory|TCP|RPC", envvar="TFRAFT_NETWORK", help="In this process, or a process each."),
    ] = None,
    nodes: Annotated[
        str | None, typer.Argument(metavar="N", envvar="TFRAFT_NODES", help="How many nodes, from 3 to 15.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", envvar="TFRAFT_DATA", help="Keep the data in this directory.")
    ] = None,
    state: Annotated[
        str | None,
        typer.Option("--state", metavar="memory|json|wal", envvar="TFRAFT_STATE", help="How a node keeps its state."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", envvar="TFRAFT_FRESH", help="Begin anew: remove what is in the data directory.")
    ] = False,
    allow_small: Annotated[
        bool, typer.Option("--allow-small", envvar="TFRAFT_ALLOW_SMALL", help="Allow 1 or 2 nodes.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", envvar="TFRAFT_JSON", help="Give each answer as one JSON object on a line.")
    ] = False,
    timeout_s: Annotated[
        float, typer.Option("--timeout", metavar="S", envvar="TFRAFT_TIMEOUT", help="Wait this long for an answer.")
    ] = 10.0,
    resp_port: Annotated[
        str | None,
        typer.Option(
            "--resp-port",
            metavar="PORT|off",
            envvar="TFRAFT_RESP_PORT",
            help="Redis clients reach n1 at this port, n2 at the next.  [default: free ones from 7379 on]",
        ),
    ] = None,
    yes: Annotated[
        bool, typer.Option("-y", "--yes", envvar="TFRAFT_YES", help="Ask nothing before KILL and REMOVE.")
    ] = False,
) -> int:
    """Start a cluster, with a prompt on a terminal; or answer the lines of a pipe, one by one.

    Without arguments: three nodes in this process. HELP at the prompt lists what can be typed there.
    """
    if data == "":
        raise SettingError("--data needs a directory   (--data ./demo)")
    settings = StartSettings(
        network=None if network is None else checked_network(network, nodes),
        nodes=None if nodes is None else checked_nodes(nodes, allow_small=allow_small),
        data=None if data is None else Path(data),
        state=None if state is None else checked_state(state),
        fresh=fresh,
        as_json=as_json,
        yes=yes,
        timeout_s=checked_timeout(timeout_s),
        redis_port=ANY_REDIS_PORT if resp_port is None else checked_redis_port(resp_port),
    )
    from tfraft.cli.start import start

    return asyncio.run(start(settings))


add_commands(app)
add_upkeep(app)
add_bench(app)
