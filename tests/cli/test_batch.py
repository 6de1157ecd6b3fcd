"""A pipe: one line in, one answer out, in order."""

import asyncio
import io
import json
import os
import select
from pathlib import Path

import pytest

from tests.cli.fake_cluster import FakeCluster
from tfraft.cli.batch import BatchStreams, run_batch
from tfraft.cli.exits import ExitCode
from tfraft.cli.session import Session
from tfraft.cli.stdin import MAX_LINE_BYTES, lines
from tfraft.cli.verb import Context
from tfraft.cli.verbs.table import VERBS
from tfraft.cli.watcher import Watcher


def run(
    script: bytes,
    path: Path,
    *,
    as_json: bool = False,
    stdout: io.BytesIO | None = None,
    max_line_bytes: int = MAX_LINE_BYTES,
) -> tuple[int, bytes, str]:
    """Exit code, standard output and standard error of a script that stands in a file."""
    (path / "script").write_bytes(script)
    stdout = stdout or io.BytesIO()
    told: list[str] = []

    async def run() -> ExitCode:
        cluster, watcher = FakeCluster(), Watcher()
        cluster.observe(watcher.on_event)
        streams = BatchStreams(stdout, told.append, as_json=as_json)
        session = Session(Context(cluster, streams.output, watcher, VERBS, 10.0))
        with (path / "script").open("rb") as file:
            return await run_batch(session, streams, lines(file.fileno(), max_line_bytes))

    return asyncio.run(run()), stdout.getvalue(), "".join(f"{line}\n" for line in told)


def test_each_line_has_its_raw_answer_in_order(tmp_path: Path) -> None:
    script = b"SET a 1\n\n# a comment\nGET a\nGET b\nHSET h f:http://x\nHGET h f\nSSET s x\nSHAS s x\nSET e ''\nGET e\n"
    assert run(script, tmp_path) == (ExitCode.OK, b"OK\n1\n(nil)\n1\nhttp://x\n1\ntrue\nOK\n\n", "")


def test_a_failed_line_is_told_with_its_number_and_the_rest_goes_on(tmp_path: Path) -> None:
    script = b"SET a 1\n\nBAD\nGET\nGET a\n"
    assert run(script, tmp_path) == (
        ExitCode.COMMAND_FAILED,
        b"OK\n1\n",
        "error line 3: unknown command BAD. HELP lists all commands.\n"
        "error line 4: GET command requires a key argument, not 0. Usage: GET key\n",
    )


def test_exit_ends_the_script(tmp_path: Path) -> None:
    assert run(b"SET a 1\nEXIT\nGET a\n", tmp_path) == (ExitCode.OK, b"OK\n", "")
    assert run(b"BAD\nEXIT\n", tmp_path)[0] == ExitCode.COMMAND_FAILED


def test_a_last_line_without_an_end_and_lines_of_windows_count(tmp_path: Path) -> None:
    assert run(b"SET a 1\r\nGET a\r\nGET a", tmp_path) == (ExitCode.OK, b"OK\n1\n1\n", "")


def test_an_empty_script_is_a_success(tmp_path: Path) -> None:
    assert run(b"", tmp_path) == (ExitCode.OK, b"", "")


def test_bytes_that_are_no_text_go_through_unchanged(tmp_path: Path) -> None:
    assert run(b'SET a \xff\xfe\nGET a\nSET b "\\x00\\x80"\nGET b\n', tmp_path)[1] == b"OK\n\xff\xfe\nOK\n\x00\x80\n"


def test_json_gives_one_object_a_line_also_for_what_fails(tmp_path: Path) -> None:
    code, stdout, stderr = run(b"SET a 1\nGET b\nBAD\nSTATUS\nKILL n1\nGET a", tmp_path, as_json=True)
    documents = [json.loads(line) for line in stdout.splitlines()]
    assert (code, stderr) == (ExitCode.COMMAND_FAILED, "")
    assert documents[:3] == [
        {"ok": True, "value": "OK"},
        {"ok": True, "value": None},
        {"ok": False, "error": "unknown command BAD. HELP lists all commands.", "outcome": "error"},
    ]
    assert [row["node"] for row in documents[3]["value"]] == ["n1", "n2", "n3"]
    assert documents[4:] == [
        {"ok": True, "value": "n1 killed. 2 of 3 left: still a quorum."},
        {"ok": True, "value": "1"},
    ]


class ClosedPipe(io.BytesIO):
    def flush(self) -> None:
        raise BrokenPipeError


def test_a_reader_that_left_ends_the_script(tmp_path: Path) -> None:
    with pytest.raises(BrokenPipeError):
        run(b"SET a 1\n" * 10, tmp_path, stdout=ClosedPipe())


def gathered(data: bytes, max_line_bytes: int) -> list[str | None]:
    """The lines of `data` as they come through a pipe."""

    async def gather() -> list[str | None]:
        read_end, write_end = os.pipe()
        try:
            os.write(write_end, data)
            os.close(write_end)
            return [line async for line in lines(read_end, max_line_bytes)]
        finally:
            os.close(read_end)

    return asyncio.run(gather())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", []),
        (b"a\nb", ["a", "b"]),
        (b"a\n\nb\n", ["a", "", "b"]),
        (b"12345\n123456\n1\n", ["12345", None, "1"]),
        (b"1\n123456", ["1", None]),
        (b"\xff\n", ["\udcff"]),
    ],
)
def test_a_line_that_is_too_long_is_not_kept(data: bytes, found: list[str | None]) -> None:
    assert gathered(data, max_line_bytes=5) == found


def test_a_terminal_that_is_gone_is_at_its_end() -> None:
    async def gather() -> list[str | None]:
        return [line async for line in lines(-1)]

    assert asyncio.run(gather()) == []


@pytest.mark.parametrize(
    ("pieces", "found"),
    [
        ([b"SET a", b" 1\nGE", b"T a\n"], ["SET a 1", "GET a"]),
        ([b"12345678", b"9\n1\n"], [None, "1"]),
    ],
)
def test_a_line_may_come_in_many_pieces(pieces: list[bytes], found: list[str | None]) -> None:
    async def gather() -> list[str | None]:
        read_end, write_end = os.pipe()
        gathered: list[str | None] = []

        async def read() -> None:
            gathered.extend([line async for line in lines(read_end, max_line_bytes=7)])

        reading = asyncio.create_task(read())
        for piece in pieces:
            os.write(write_end, piece)
            async with asyncio.timeout(10):
                while True:
                    await asyncio.sleep(0.001)
                    if not select.select([read_end], [], [], 0)[0]:
                        break
        os.close(write_end)
        await reading
        os.close(read_end)
        return gathered

    assert asyncio.run(gather()) == found


def test_a_line_that_is_too_long_fails_and_the_next_is_answered(tmp_path: Path) -> None:
    code, stdout, stderr = run(b"SET a 12345678901\nDBSIZE\n", tmp_path, max_line_bytes=10)
    assert (code, stdout) == (ExitCode.COMMAND_FAILED, b"0\n")
    assert stderr.startswith("error line 1: a line may have at most ")
