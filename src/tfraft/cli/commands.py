"""The commands `serve` and `prompt`, and one for each verb that makes sense from afar, made from the table of verbs."""

import asyncio
import os
from collections.abc import Sequence
from inspect import Parameter, Signature
from typing import Annotated, Final

import typer

from tfraft.cli.settings import checked_timeout
from tfraft.cli.verb import Verb
from tfraft.cli.verbs.table import VERBS
from tfraft.clusters.addresses import addresses_in
from tfraft.clusters.settings import SETTINGS, Setting

NEEDS_OUR_PROCESSES: Final = frozenset({"START", "STOP", "RESTART", "KILL", "PARTITION", "HEAL", "SLOW"})
"""Verbs for the clusters of `start`: nodes that run by themselves are not ours to end, nor is their network."""

NEEDS_A_SESSION: Final = frozenset({"VERBOSE", "CONSISTENCY", "HELP", "EXIT", "QUIT"})
"""Verbs that change or end a session: one command has none."""

Connect = Annotated[
    str,
    typer.Option(
        "--connect", metavar="HOST:PORT,…", envvar="TFRAFT_CONNECT", help="Any servers of the cluster; one is enough."
    ),
]
Timeout = Annotated[
    float, typer.Option("--timeout", metavar="S", envvar="TFRAFT_TIMEOUT", help="Wait this long for an answer.")
]
Yes = Annotated[bool, typer.Option("-y", "--yes", envvar="TFRAFT_YES", help="Ask nothing before KILL and REMOVE.")]
AsJson = Annotated[
    bool, typer.Option("--json", envvar="TFRAFT_JSON", help="Give each answer as one JSON object on a line.")
]

_HERE = str(SETTINGS["listen"].default)

_SERVE_EXAMPLES = """
\b
Examples:
  tf-raft serve --id n1 --data-dir ./n1 --bootstrap
  tf-raft serve --id n2 --data-dir ./n2 --listen 127.0.0.1:7002 --join 127.0.0.1:7001
  tf-raft serve --config n3.toml

\b
Each option is also a key in the file of --config (--data-dir is data_dir there) and a variable (TFRAFT_DATA_DIR).
An option counts more than a variable, and that more than the file.

\b
Exit codes:
  0 stopped by a signal, or removed from its cluster    1 the disk failed    2 wrong settings, or refused by the cluster
  7 the data cannot be used
"""

VERB_EXITS = """
\b
Exit codes:
  0 done    2 wrong arguments    3 nobody answers    4 it failed    5 (status) there is no leader
"""


def remote_verbs() -> list[Verb]:
    """The verbs that are commands, too."""
    return [verb for name, verb in VERBS.items() if name not in NEEDS_OUR_PROCESSES | NEEDS_A_SESSION]


def add_commands(app: typer.Typer) -> None:
    """Add them all to `app`."""
    _add_serve(app)
    app.command(name="prompt")(prompt_command)
    for verb in remote_verbs():
        if verb.name != "LOG":  # It looks into files, too: see `upkeep`.
            _add_verb(app, verb)


# --- serve ---


def _add_serve(app: typer.Typer) -> None:
    def serve_command(**options: object) -> int:
        """Run one server by itself, on this machine; others join it, or it joins them.

        What it has to say goes to standard error, for a person on a terminal and as JSON otherwise."""
        from tfraft.cli.serve import serve

        config = options.pop("config")
        assert config is None or isinstance(config, str), "a file is named by a text"
        return serve(options, os.environ, config=config, other_variables=_variables_of(app))

    config = Annotated[str | None, typer.Option("--config", metavar="FILE", help="Read settings from this TOML file.")]
    parameters = [Parameter("config", Parameter.KEYWORD_ONLY, default=None, annotation=config)]
    parameters += [_parameter(setting) for setting in SETTINGS.values()]
    serve_command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    app.command(name="serve", epilog=_SERVE_EXAMPLES)(serve_command)


def _parameter(setting: Setting) -> Parameter:
    """The option for a setting: a text as it was typed, so that one place checks what comes from anywhere."""
    default = f"  [default: {setting.default_text}]" if setting.default_text else ""
    help_ = f"{setting.about.help}{default}"
    if setting.is_switch:
        both = f"{setting.option}/--no-{setting.option.removeprefix('--')}"
        annotation: object = Annotated[bool | None, typer.Option(both, help=help_)]
    else:
        annotation = Annotated[str | None, typer.Option(setting.option, metavar=setting.about.form, help=help_)]
    return Parameter(setting.key, Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _variables_of(app: typer.Typer) -> set[str]:
    """The variables of all other commands: who sets one for `start` may still serve."""
    command = typer.main.get_group(app)
    parameters = (parameter for one in command.commands.values() for parameter in one.params)
    return {parameter.envvar for parameter in parameters if isinstance(parameter.envvar, str)}


# --- prompt, and the verbs ---


def prompt_command(
    connect: Connect = _HERE, as_json: AsJson = False, timeout_s: Timeout = 10.0, yes: Yes = False
) -> int:
    """Open a prompt at a cluster that runs by itself; or answer the lines of a pipe, one by one."""
    addresses = addresses_in(connect)
    timeout_s = checked_timeout(timeout_s)
    from tfraft.cli.connected import prompt
    from tfraft.cli.front import FrontSettings

    return asyncio.run(prompt(addresses, FrontSettings(as_json, yes, timeout_s)))


def _add_verb(app: typer.Typer, verb: Verb) -> None:
    arguments = " ".join(verb.usage.split()[1:])

    def verb_command(connect: str, as_json: bool, timeout_s: float, words: Sequence[str] | None = None) -> int:
        addresses = addresses_in(connect)
        timeout_s = checked_timeout(timeout_s)
        from tfraft.cli.connected import command
        from tfraft.cli.front import FrontSettings

        return asyncio.run(command(verb.name, words or (), addresses, FrontSettings(as_json, timeout_s=timeout_s)))

    parameters = [
        Parameter("connect", Parameter.KEYWORD_ONLY, default=_HERE, annotation=Connect),
        Parameter("as_json", Parameter.KEYWORD_ONLY, default=False, annotation=AsJson),
        Parameter("timeout_s", Parameter.KEYWORD_ONLY, default=10.0, annotation=Timeout),
    ]
    if arguments:
        words = Annotated[list[str] | None, typer.Argument(metavar=arguments)]
        parameters.append(Parameter("words", Parameter.KEYWORD_ONLY, default=None, annotation=words))
    verb_command.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    app.command(name=verb.name.lower(), help=verb.summary, epilog=VERB_EXITS)(verb_command)
