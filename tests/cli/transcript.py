"""Type lines, read what is shown: the prompt's session with a terminal's output that is a string."""

import asyncio
import re

from tests.cli.fake_cluster import FakeCluster
from tfraft.cli.session import Result, Session
from tfraft.cli.style import Style
from tfraft.cli.terminal import TerminalOutput
from tfraft.cli.verb import Context
from tfraft.cli.verbs.table import VERBS
from tfraft.cli.watcher import Watcher

_TIMES = re.compile(r" +[0-9.]+ ms$", re.MULTILINE)


def lines(shown: str) -> list[str]:
    """The lines with runs of blanks as one, since columns may move."""
    return [" ".join(line.split()) for line in shown.splitlines()]


class Shell:
    """A user at `cluster`; `type` gives what the terminal shows, without the time that a command took."""

    def __init__(self, cluster: FakeCluster, *, interactive: bool = True, timeout_s: float = 10.0) -> None:
        self.cluster = cluster
        self.results: list[Result] = []
        self.wrote = asyncio.Event()
        self._shown: list[str] = []
        watcher = Watcher()
        cluster.observe(watcher.on_event)
        output = TerminalOutput(self.write, Style(False))
        self.context = Context(cluster, output, watcher, VERBS, timeout_s)
        self.session = Session(self.context, interactive=interactive)

    async def answer(self, line: str) -> str:
        """What the terminal shows after this line."""
        self.results.append(await self.session.answer(line))
        return self.shown()

    def type(self, *lines: str) -> str:
        """What the terminal shows after the last of these lines."""
        return asyncio.run(self._type(lines))

    def shown(self) -> str:
        """What has been shown since the last time."""
        text = "".join(self._shown)
        self._shown.clear()
        self.wrote.clear()
        return _TIMES.sub("", text).removesuffix("\n")

    def write(self, text: str) -> None:
        """Take what goes to the terminal."""
        self._shown.append(text)
        self.wrote.set()

    async def _type(self, lines: tuple[str, ...]) -> str:
        shown = ""
        for line in lines:
            shown = await self.answer(line)
        return shown
