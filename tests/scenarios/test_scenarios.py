"""Every transcript in this folder happens as it is written."""

from pathlib import Path

import pytest

from tests.scenarios.transcript import Transcript

SCENARIOS = sorted(Path(__file__).parent.glob("*.txt"))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_the_transcript_happens_as_it_is_written(path: Path, rewrite: bool) -> None:
    """Each command changes what stands below it, and nothing else. `--rewrite` writes the file anew."""
    text = path.read_text(encoding="utf-8")
    happened = Transcript().run(text)
    if rewrite:
        path.write_text(happened, encoding="utf-8")
    else:
        assert happened.splitlines() == text.splitlines()


def test_there_are_transcripts() -> None:
    """A folder that is empty would pass."""
    assert len(SCENARIOS) >= 13


def test_output_that_is_not_what_happens_is_noticed() -> None:
    """A transcript that could not fail would be worthless."""
    told = "cluster a\n    a  leader     term 9  log |\n"
    assert Transcript().run(told) == "cluster a\n    a  follower   term 0  log |\n"


def test_a_command_that_does_not_exist_is_an_error() -> None:
    """A typing mistake must not be a comment."""
    with pytest.raises(KeyError, match="elct"):
        Transcript().run("cluster a b c\nelct a\n")
