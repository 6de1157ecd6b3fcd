"""`prompt --connect`, and the verbs as commands: a cluster that runs by itself, used from any terminal."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version

from tfraft.cli import banner
from tfraft.cli.escapes import as_word, safe
from tfraft.cli.exits import ExitCode
from tfraft.cli.front import FrontSettings, in_front_of, until_done
from tfraft.cli.json_lines import JsonOutput
from tfraft.cli.outputs import Failure, Output
from tfraft.cli.plain import PlainOutput
from tfraft.cli.session import Result, Session
from tfraft.cli.signals import Signals
from tfraft.cli.streams import tell_beside
from tfraft.cli.style import Style, wants_colour
from tfraft.cli.terminal import TerminalOutput
from tfraft.cli.verb import Context
from tfraft.cli.verbs.table import VERBS
from tfraft.cli.watcher import Watcher
from tfraft.clusters.cluster import Cluster
from tfraft.clusters.remote import RemoteCluster
from tfraft.errors import CommandError


class RemoteWords:
    """What is told at a cluster that was there before us and stays when we leave."""

    def greeting(self, cluster: Cluster, watcher: Watcher, started_s: float) -> Sequence[str]:
        members = " · ".join(f"{member.server_id} {safe(member.address)}" for member in cluster.members)
        leader = cluster.leader
        leads = f"{leader[0]} leads term {leader[1]}" if leader else "no leader now: STATUS shows how each node stands"
        return [f"tf-raft {version('tf-raft')} — {members}", leads, banner.HINT + "\n"]

    def beside(self, cluster: Cluster) -> Sequence[str]:
        return []

    def farewell(self, cluster: Cluster, running: int, took_s: float) -> str:
        return ""


async def prompt(addresses: Sequence[str], settings: FrontSettings) -> ExitCode:
    """Answer lines at the cluster behind `addresses`, on a terminal or from a pipe, until the user has done."""

    async def work(signals: Signals) -> ExitCode:
        return await in_front_of(RemoteCluster(addresses), RemoteWords(), settings, signals)

    return await until_done(work)


async def command(name: str, args: Sequence[str], addresses: Sequence[str], settings: FrontSettings) -> ExitCode:
    """Run one verb at the cluster behind `addresses`, as if it were typed at its prompt; the exit code.

    A failure is one line on standard error, or with JSON the answer on standard output. A STATUS that has found no
    leader gives UNHEALTHY. Raises CommandError, before anybody is asked, for arguments that the verb does not take."""
    verb = VERBS[name]
    if not verb.takes(len(args)):
        raise CommandError(f"{name} takes other arguments. Usage: {verb.usage}   (such as {verb.example})")
    words = [os.fsencode(arg) for arg in args]

    async def work(signals: Signals) -> ExitCode:
        async with RemoteCluster(addresses) as cluster:
            watcher = Watcher()
            cluster.observe(watcher.on_event)
            answers: list[bytes] = []
            output = _output(settings, answers.append)
            session = Session(Context(cluster, output, watcher, VERBS, settings.timeout_s))
            result = await session.answer(" ".join([name, *map(as_word, words)]))
            # Only now: within the session an answer that cannot be written would be a verb that has failed.
            _write(b"".join(answers))
            if result is Result.FAILED:
                return ExitCode.COMMAND_FAILED
            return ExitCode.UNHEALTHY if name == "STATUS" and cluster.leader is None else ExitCode.OK

    return await until_done(work)


class CommandOutput(TerminalOutput):
    """The `Output` of one command at a terminal: what fails goes to standard error, as with every program."""

    def fail(self, failure: Failure) -> None:
        _tell_failure(safe(failure.text))


def _output(settings: FrontSettings, gather: Callable[[bytes], None]) -> Output:
    """Where the answer goes: to a terminal at once, because a verb may tell a story; else to `gather`."""
    if settings.as_json:
        return JsonOutput(lambda line: gather(f"{line}\n".encode()))
    if sys.stdout.isatty():
        return CommandOutput(lambda text: _write(text.encode()), Style(wants_colour(sys.stdout, os.environ)))
    return PlainOutput(gather, _tell_failure, escape=False)


def _tell_failure(text: str) -> None:
    tell_beside(f"error: {text}")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
