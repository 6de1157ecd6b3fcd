"""A load as a command: on the fastest loop there is, with its progress beside and its figures as the answer."""

import asyncio
import os
import resource
import sys
from pathlib import Path
from typing import Final

from tfraft.cli.details import tell, write_line
from tfraft.cli.exits import ExitCode
from tfraft.cli.front import until_done
from tfraft.cli.load.figures import document_of
from tfraft.cli.load.page import page_of
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.progress import progress_beside
from tfraft.cli.load.run import Interrupts, LoadResult, run_load
from tfraft.cli.load.text import lines_of
from tfraft.cli.signals import Signals
from tfraft.cli.streams import tell_beside
from tfraft.cli.style import Style, wants_colour
from tfraft.errors import CommandError, SettingError

_OTHER_FILES: Final = 64


def bench(plan: LoadPlan, page: Path | None, *, as_json: bool) -> ExitCode:
    """Run the load and tell its figures, also to the file `page`; the exit code. Raises Unavailable, SettingError."""
    _allow_files(plan.clients + _OTHER_FILES)
    results: list[LoadResult] = []

    async def work(signals: Signals) -> ExitCode:
        interrupts = Interrupts()
        with progress_beside() as progress, signals.interrupt_calls(interrupts.one_more):
            results.append(await run_load(plan, progress, interrupts))
        return _code_of(results[0])

    with asyncio.Runner(loop_factory=_new_loop) as runner:
        try:
            code = runner.run(until_done(work))
        except CommandError as refusal:
            tell_beside(f"error: {refusal}")
            return ExitCode.COMMAND_FAILED
    for result in results:
        _tell(result, page, as_json=as_json)
    return code


def _tell(result: LoadResult, page: Path | None, *, as_json: bool) -> None:
    if as_json:
        has_worked = result.tally.successes > 0
        tell(document_of(result), lines_of(result, Style(False)), as_json=True, ok=has_worked)
    else:
        for line in lines_of(result, Style(wants_colour(sys.stdout, os.environ))):
            write_line(line)
    if page is not None:
        page.write_text(page_of(result), encoding="utf-8")


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        from uvloop import new_event_loop
    except ImportError:  # There is none for every platform.
        return asyncio.new_event_loop()
    return new_event_loop()


def _code_of(result: LoadResult) -> ExitCode:
    if result.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if result.tally.successes else ExitCode.COMMAND_FAILED


def _allow_files(count: int) -> None:
    """See that so many files may be open. Raises SettingError where the system does not allow it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY not in (soft, hard) and count > hard:
        raise SettingError(
            f"the system allows {hard} open files, and these clients need {count}: take fewer, or ulimit -n"
        )
    if soft != resource.RLIM_INFINITY and count > soft:
        resource.setrlimit(resource.RLIMIT_NOFILE, (count, hard))
