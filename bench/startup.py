"""How long until `tf-raft start` has given its first answer, through a pipe?

    python -m bench.startup [times]

Goal: 1.5 s.
"""

import subprocess
import sys
from time import perf_counter

from bench.tables import show, summary

STARTS = [["memory", "3"], ["memory", "15"], ["tcp", "3"], ["tcp", "15"]]


def seconds_to_first_answer(arguments: list[str]) -> tuple[float, float]:
    """From the start to the first answer, and from there to the end of the program."""
    command = [sys.executable, "-m", "tfraft", "start", *arguments]
    began = perf_counter()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as program:
        assert program.stdin is not None
        assert program.stdout is not None
        program.stdin.write(b"SET k v\n")
        program.stdin.flush()
        answer = program.stdout.readline()
        answered = perf_counter()
        program.stdin.close()
        program.wait()
    assert answer == b"OK\n", answer
    return answered - began, perf_counter() - answered


def main(times: int) -> None:
    """Measure each way to start, and print a table."""
    rows = []
    for arguments in STARTS:
        first_s, end_s = zip(*(seconds_to_first_answer(arguments) for _ in range(times)), strict=True)
        rows.append([f"start {' '.join(arguments)}", *summary(first_s, " s"), *summary(end_s, " s")[:1]])
    columns = ["", "first answer", "90 %", "most", "then to stop"]
    show(f"tf-raft start, {times} times, median", columns, rows)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
