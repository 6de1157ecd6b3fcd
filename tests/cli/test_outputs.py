"""The three forms of an answer: for a person, for a pipe, for a program."""

import json
from typing import Any

import pytest

from tfraft.cli.json_lines import JsonOutput, document_of
from tfraft.cli.outputs import Failure, Outcome, Row, Table
from tfraft.cli.plain import PlainOutput, raw
from tfraft.cli.style import Style, wants_colour
from tfraft.cli.terminal import TerminalOutput, typed
from tfraft.errors import CommandError, NotLeader, OutcomeUnknown, Refused, SettingError, Unavailable
from tfraft.store.replies import ErrorReply, Reply, Simple

TABLE = Table(("node", "term", "leads", "why"), [Row(("n1", 1, True, None)), Row(("n2", 12, False, "a\x1b[2J"))], "why")


@pytest.mark.parametrize(
    ("reply", "person", "pipe", "program"),
    [
        (Simple("OK"), "OK", [b"OK"], {"value": "OK"}),
        (2, "(integer) 2", [b"2"], {"value": 2}),
        (-1, "(integer) -1", [b"-1"], {"value": -1}),
        (True, "true", [b"true"], {"value": True}),
        (False, "false", [b"false"], {"value": False}),
        (None, "(nil)", [b"(nil)"], {"value": None}),
        (b"", '""', [b""], {"value": ""}),
        (b"2", '"2"', [b"2"], {"value": "2"}),
        (b"hello world", '"hello world"', [b"hello world"], {"value": "hello world"}),
        (b"\xff\x00", r'"\xff\x00"', [b"\xff\x00"], {"value_base64": "/wA="}),
        ([], "(empty list)", [], {"value": []}),
        ([b"a", b""], '1) "a"\n2) ""', [b"a", b""], {"value": ["a", ""]}),
        ([b"a", b"\xff"], '1) "a"\n2) "\\xff"', [b"a", b"\xff"], {"value_base64": ["YQ==", "/w=="]}),
        (
            [[1, [b"a"]], None],
            '1) 1) (integer) 1\n   2) 1) "a"\n2) (nil)',
            [b"1", b"a", b"(nil)"],
            {"value": [[1, ["a"]], None]},
        ),
        ([ErrorReply("ERR", "x")], "1) (error) ERR x", [b"ERR x"], {"value": ["ERR x"]}),
    ],
)
def test_every_reply_has_its_form(reply: Reply, person: str, pipe: list[bytes], program: dict[str, Any]) -> None:
    assert typed(reply) == person
    assert raw(reply) == pipe
    assert document_of(reply) == {"ok": True, **program}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (OutcomeUnknown("no answer"), Failure(Outcome.UNKNOWN, "UNKNOWN outcome: no answer")),
        (Refused("no quorum"), Failure(Outcome.REFUSED, "no quorum")),
        (NotLeader("n2"), Failure(Outcome.REFUSED, "not the leader; try n2")),
        (Unavailable("no answer"), Failure(Outcome.REFUSED, "no answer")),
        (CommandError("what?"), Failure(Outcome.ERROR, "what?")),
        (SettingError("n1 runs already"), Failure(Outcome.ERROR, "n1 runs already")),
    ],
)
def test_the_class_of_an_error_says_whether_the_request_may_still_take_effect(
    error: Exception, failure: Failure
) -> None:
    assert Failure.of(error) == failure


def in_terminal(colour: bool) -> tuple[TerminalOutput, list[str]]:
    shown: list[str] = []
    return TerminalOutput(shown.append, Style(colour)), shown


def test_a_short_answer_has_the_time_it_took_behind_it() -> None:
    output, shown = in_terminal(colour=False)
    output.reply(Simple("OK"), 0.0014)
    output.reply(b"x" * 100, 0.0014)
    assert shown == ["OK" + " " * 46 + "1.4 ms\n", f'"{"x" * 100}"\n']


def test_colours_are_used_only_where_they_are_wanted() -> None:
    output, shown = in_terminal(colour=True)
    output.fail(Failure(Outcome.ERROR, "no"))
    output.story("n2 leads")
    output.hint("")
    assert shown == ["\x1b[31m(error)\x1b[0m no\n", "\x1b[36mn2 leads\x1b[0m\n", "\n"]
    output, shown = in_terminal(colour=False)
    output.fail(Failure(Outcome.ERROR, "no"))
    output.table(TABLE)
    assert "\x1b" not in "".join(shown)


def test_a_value_cannot_write_into_the_terminal() -> None:
    output, shown = in_terminal(colour=False)
    output.reply(b"\x1b]0;owned\x07", 0)
    output.fail(Failure(Outcome.ERROR, "\x1b[2J"))
    output.say("\x1b[2J")
    output.table(TABLE)
    assert "\x1b" not in "".join(shown)


def test_a_table_is_aligned_and_numbers_stand_to_the_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    output, shown = in_terminal(colour=False)
    output.table(TABLE)
    assert "".join(shown).splitlines() == [
        " node  term  leads  why",
        " n1       1    yes  –",
        r" n2      12     no  a\x1b[2J",
    ]


def test_a_narrow_terminal_breaks_the_long_column(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    output, shown = in_terminal(colour=False)
    output.table(Table(("usage", "what"), [Row(("SET key value " * 2, "word " * 20))], "what"))
    drawn = "".join(shown).splitlines()
    assert drawn[1].startswith(" SET key value SET key value")
    assert len(drawn) > 3
    assert max(map(len, drawn)) <= 60


def plain(escape: bool = False) -> tuple[PlainOutput, list[bytes], list[str]]:
    written: list[bytes] = []
    failures: list[str] = []
    return PlainOutput(written.append, failures.append, escape=escape), written, failures


def test_a_pipe_gets_the_bytes_of_a_value_as_they_are() -> None:
    output, written, _ = plain()
    output.reply(b"\xff\x1b[2J", 0)
    assert written == [b"\xff\x1b[2J\n"]


def test_a_pipe_that_ends_at_a_terminal_gets_them_escaped() -> None:
    output, written, _ = plain(escape=True)
    output.reply(b"\xff\x1b[2J", 0)
    assert written == [rb"\xff\x1b[2J" + b"\n"]


def test_a_pipe_gets_tables_with_tabs_sentences_and_no_stories() -> None:
    output, written, failures = plain()
    output.table(TABLE)
    output.say("healthy")
    output.story("n2 leads")
    output.hint("try this")
    output.fail(Failure(Outcome.ERROR, "no\nway"))
    output.end()
    assert b"".join(written).decode().splitlines() == [
        "node\tterm\tleads\twhy",
        "n1\t1\tyes\t–",
        "n2\t12\tno\ta\\x1b[2J",
        "healthy",
    ]
    assert failures == [r"no\nway"]


def json_lines(*steps: str) -> list[Any]:
    """The objects that the named methods lead to."""
    written: list[str] = []
    output = JsonOutput(written.append)
    calls = {
        "reply": lambda: output.reply(b"v", 0),
        "say": lambda: output.say("done"),
        "table": lambda: output.table(TABLE),
        "story": lambda: output.story("n2 leads"),
        "hint": lambda: output.hint("try this"),
        "fail": lambda: output.fail(Failure(Outcome.UNKNOWN, "who knows")),
        "end": output.end,
    }
    for step in steps:
        calls[step]()
    return [json.loads(line) for line in written]


ROWS = [
    {"node": "n1", "term": 1, "leads": True, "why": None},
    {"node": "n2", "term": 12, "leads": False, "why": "a\x1b[2J"},
]


@pytest.mark.parametrize(
    ("steps", "documents"),
    [
        (["reply", "hint", "end"], [{"ok": True, "value": "v"}]),
        (["say", "story", "end"], [{"ok": True, "value": "done"}]),
        (["say", "say", "end"], [{"ok": True, "value": "done\ndone"}]),
        (["table", "say", "end"], [{"ok": True, "value": ROWS, "text": "done"}]),
        (["fail", "end"], [{"ok": False, "error": "who knows", "outcome": "unknown"}]),
        (["say", "fail", "end"], [{"ok": False, "error": "who knows", "outcome": "unknown", "text": "done"}]),
        (["say", "end", "reply", "end"], [{"ok": True, "value": "done"}, {"ok": True, "value": "v"}]),
        (["end"], [{"ok": True, "value": ""}]),
    ],
)
def test_a_program_gets_one_object_for_each_line(steps: list[str], documents: list[Any]) -> None:
    assert json_lines(*steps) == documents


class Stream:
    """A stream that is a terminal or not."""

    def __init__(self, terminal: bool) -> None:
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal


@pytest.mark.parametrize(
    ("terminal", "environ", "wanted"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
        (False, {"FORCE_COLOR": "1"}, True),
        (True, {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
    ],
)
def test_the_environment_decides_on_colours(terminal: bool, environ: dict[str, str], wanted: bool) -> None:
    assert wants_colour(Stream(terminal), environ) is wanted
