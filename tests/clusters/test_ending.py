"""When a process that runs a node is to end."""

import asyncio
import os
import signal
import subprocess
import sys

import pytest

from tests.adapters.network.recorder import DEADLINE_S
from tests.clusters.lab import run
from tfraft.clusters.ending import Ending
from tfraft.errors import StorageFailed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_good_order(number: signal.Signals) -> None:
    async def main() -> None:
        ending = Ending()
        os.kill(os.getpid(), number)
        await ending.wanted()

    run(main())


def test_the_first_cause_counts() -> None:
    async def main() -> None:
        ending = Ending()
        ending.fail(StorageFailed("full"))
        ending.now()
        ending.fail(StorageFailed("again"))
        with pytest.raises(StorageFailed, match="full"):
            await ending.wanted()

    run(main())


def test_what_goes_on_beside_is_given_up_at_the_end_and_ends_it_where_it_fails() -> None:
    async def for_ever(cancelled: list[bool]) -> None:
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.append(True)

    async def fail() -> None:
        raise StorageFailed("beside")

    async def main() -> None:
        ending, cancelled = Ending(), list[bool]()
        ending.also(for_ever(cancelled))
        await asyncio.sleep(0)
        ending.also(fail())
        with pytest.raises(StorageFailed, match="beside"):
            await ending.wanted()
        assert cancelled == [True]

    run(main())


def test_work_that_must_be_done_first_is_given_up_where_the_end_is_wanted() -> None:
    async def give() -> int:
        return 7

    async def for_ever() -> int:
        await asyncio.get_running_loop().create_future()
        return 0

    async def fail() -> int:
        raise StorageFailed("first")

    async def main() -> None:
        ending = Ending()
        assert await ending.unless_wanted(give()) == 7
        with pytest.raises(StorageFailed, match="first"):
            await ending.unless_wanted(fail())
        asyncio.get_running_loop().call_soon(ending.now)
        assert await ending.unless_wanted(for_ever()) is None

    run(main())


@pytest.mark.process
def test_who_presses_ctrl_c_twice_does_not_wait() -> None:
    program = (
        "import asyncio, os, signal\n"
        "from tfraft.clusters.ending import Ending\n"
        "async def main():\n"
        "    ending = Ending()\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    await ending.wanted()\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    await asyncio.sleep(0.01)\n"
        "    print('still here', flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    await asyncio.get_running_loop().create_future()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_S)
    assert (done.stdout, done.stderr, done.returncode) == ("still here\n", "", -signal.SIGINT)


@pytest.mark.process
def test_a_process_that_does_not_stop_in_time_is_ended_with_a_word() -> None:
    program = (
        "import asyncio, logging, threading\n"
        "from tfraft.clusters.ending import Ending\n"
        "async def main():\n"
        "    Ending().limit(0.05)\n"
        "    await asyncio.to_thread(threading.Event().wait)\n"
        "logging.basicConfig()\n"
        "asyncio.run(main())\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_S)
    assert done.returncode == 1
    assert "it has not stopped in good order in time, and is ended" in done.stderr
