"""`python -m tfraft.simulator`: progress, rare states, and for a failure the seed, the property and the replay."""

from pathlib import Path

import pytest

from tests.simulator import aviary  # noqa: F401  # it brings the canaries
from tests.simulator.canary import singing
from tfraft.simulator.__main__ import main

SHORT = ["--minutes", "0.2", "--workers", "1"]


def test_a_campaign_that_holds_says_what_it_ran_and_exits_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1..10", *SHORT]) == 0
    output = capsys.readouterr().out
    assert "seed 10: 10 seeds, " in output
    assert "a follower drops entries" in output
    assert output.rstrip().endswith("0 failures")


def test_a_failure_names_the_seed_the_property_and_the_command_to_replay_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with singing("replies_do_not_wait_for_the_save"):
        assert main(["--seeds", "3..3", "--nodes", "3", *SHORT]) == 1
    output = capsys.readouterr().out
    assert "seed 3 FAILS at " in output
    assert "a vote leaves before it is durable" in output
    assert "replay: python -m tfraft.simulator --seeds 3..3 --nodes 3 --minutes 0.2 --trace seed-3.trace" in output
    assert output.rstrip().endswith("FAILS: seeds 3")


def test_several_workers_give_the_same_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--seeds", "1..4", *SHORT]) == 0
    one = capsys.readouterr().out
    assert main(["--seeds", "1..4", "--minutes", "0.2", "--workers", "2"]) == 0
    assert capsys.readouterr().out == one


def test_the_trace_of_one_seed_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "seed.trace"
    assert main(["--seeds", "5", "--trace", str(path), *SHORT]) == 0
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "0.000000 s1 start 0/0/0"
    assert len(lines) > 500
    assert any(" turn " in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--seeds", "x"], "expected A..B, such as 1..200, not 'x'"),
        (["--seeds", "9..7"], "'9..7' holds no seed"),
        (["--seeds", "1..3", "--trace", "t"], "--trace takes the events of one seed"),
        (["--seeds", "1", "--nodes", "0"], "expected a whole number above 0, not '0'"),
        ([], "--seeds"),
    ],
)
def test_arguments_that_make_no_sense_are_refused(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    assert end.value.code == 2
    assert complaint in capsys.readouterr().err
