"""No process of a node outlives the program that started it, however that ends."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.process.lab import children_of, is_alive, wait_until_gone

pytestmark = pytest.mark.process

PROGRAM = """
import asyncio
from tfraft import TcpCluster

async def main():
    async with TcpCluster(3) as cluster:
        print(*cluster.pids.values(), flush=True)
        {then}

asyncio.run(main())
"""
FOR_EVER = "await asyncio.Event().wait()"


@contextmanager
def started(command: list[str], tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """A program that runs, with pipes; its temporary directories are made in `tmp_path`."""
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environment,
        # As under a shell: a group of its own, to which Ctrl-C goes.
        start_new_session=True,
    ) as program:
        try:
            yield program
        finally:
            program.kill()


def nodes_of(program: "subprocess.Popen[str]") -> list[int]:
    """The processes of the nodes, once the program has printed them."""
    assert program.stdout is not None
    pids = [int(pid) for pid in program.stdout.readline().split()]
    assert len(pids) == 3
    assert all(map(is_alive, pids))
    return pids


@pytest.mark.parametrize("then", ["raise ValueError", "import sys; sys.exit(3)"])
def test_no_node_is_left_when_the_program_comes_to_its_end(then: str, tmp_path: Path) -> None:
    with started([sys.executable, "-c", PROGRAM.format(then=then)], tmp_path) as program:
        assert program.stdout is not None
        pids = [int(pid) for pid in program.stdout.readline().split()]
        program.wait()
        wait_until_gone(pids)
    assert list(tmp_path.glob("tf-raft-*")) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_node_is_left_when_a_signal_ends_the_program(number: signal.Signals, tmp_path: Path) -> None:
    """Whatever the program can still do: its end closes the pipes on which the nodes wait."""
    with started([sys.executable, "-c", PROGRAM.format(then=FOR_EVER)], tmp_path) as program:
        pids = nodes_of(program)
        program.send_signal(number)
        program.wait()
        wait_until_gone(pids)


INHERIT = """
        import os, subprocess
        for file in os.listdir("/proc/self/fd"):
            if os.path.exists(f"/proc/self/fd/{file}"):
                os.set_inheritable(int(file), True)
        print(subprocess.Popen(["sleep", "600"], close_fds=False).pid, flush=True)
        await asyncio.Event().wait()
"""


def test_no_node_is_left_when_another_process_holds_the_pipes_open(tmp_path: Path) -> None:
    with started([sys.executable, "-c", PROGRAM.format(then=INHERIT)], tmp_path) as program:
        pids = nodes_of(program)
        assert program.stdout is not None
        heir = int(program.stdout.readline())
        try:
            program.kill()
            program.wait()
            wait_until_gone(pids)
            assert is_alive(heir)
        finally:
            os.kill(heir, signal.SIGKILL)


def test_ctrl_c_at_the_terminal_does_not_reach_the_nodes_by_themselves(tmp_path: Path) -> None:
    """It goes to all processes of the terminal's group; the nodes are in sessions of their own."""
    with started([sys.executable, "-c", PROGRAM.format(then=FOR_EVER)], tmp_path) as program:
        pids = nodes_of(program)
        assert {os.getsid(pid) for pid in pids}.isdisjoint({program.pid})
        assert len({os.getpgid(pid) for pid in pids}) == 3


@pytest.mark.parametrize("end", ["EXIT", "end of input", signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_node_is_left_when_the_prompt_ends(end: str | signal.Signals, tmp_path: Path) -> None:
    with started([sys.executable, "-m", "tfraft", "start", "rpc", "3"], tmp_path) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write("SET k v\n")
        program.stdin.flush()
        assert program.stdout.readline() == "OK\n"
        pids = children_of(program.pid)
        assert len(pids) == 3
        match end:
            case signal.Signals():
                program.send_signal(end)
            case "EXIT":
                program.stdin.write("EXIT\n")
                program.stdin.flush()
            case _:
                program.stdin.close()
        program.wait()
        wait_until_gone(pids)
    if end is not signal.SIGKILL:
        assert list(tmp_path.glob("tf-raft-*")) == []
