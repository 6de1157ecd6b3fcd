"""The figures of a load as text, as JSON and as a page: the same numbers everywhere."""

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cli.load.fake_redis import FakeRedis
from tests.cli.load.test_load import load, small
from tfraft.cli.load.charts import Axis, round_step
from tfraft.cli.load.figures import document_of
from tfraft.cli.load.page import page_of
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.run import LoadResult
from tfraft.cli.load.tally import Tally, width_for
from tfraft.cli.load.text import bar, bound, duration, lines_of
from tfraft.cli.style import Style

_PLAN = LoadPlan(("127.0.0.1:7379",), clients=2, reads=0.5, duration_s=2.0)


@pytest.fixture
def result() -> LoadResult:
    """Two seconds: 100 writes of 1 ms and 10 reads of 20 ms in the first, then nothing but errors."""
    tally = Tally(0.5)
    tally.start(100.0)
    for _ in range(100):
        tally.at(100.2).writes.record(1000)
    for _ in range(10):
        tally.at(100.7).reads.record(20_000)
    tally.answered(110)
    tally.missing = 4
    tally.fail("CLUSTERDOWN", 101.6, 3)
    tally.fail("\x1b[31m<b>", 101.6, 1)
    return LoadResult(_PLAN, tally, 0.0, 2.1, interrupted=True, losses=2, not_sent=5, keys_left=7)


def test_json_has_the_figures_and_their_course(result: LoadResult) -> None:
    document = document_of(result)
    assert (document["requests"], document["requests_per_s"], document["elapsed_s"]) == (114, 52.4, 2.1)
    assert document["errors"] == {"CLUSTERDOWN": 3, "\x1b[31m<b>": 1}
    assert document["writes"] == {
        "answered": 100,
        "per_s": 47.6,
        "mean_ms": 1.0,
        "p50_ms": 1.0,
        "p90_ms": 1.0,
        "p99_ms": 1.0,
        "p99.9_ms": 1.0,
        "max_ms": 1.0,
    }
    assert (document["reads"]["answered"], document["reads"]["missing"], document["reads"]["p99_ms"]) == (10, 4, 20.0)
    assert [document[key] for key in ("interrupted", "lost_connections", "not_sent", "keys_left")] == [True, 2, 5, 7]
    steps = [(step["from_ms"], step["to_ms"], step["writes"], step["reads"]) for step in document["histogram"]]
    assert steps == [(1.0, 2.0, 100, 0), (2.0, 5.0, 0, 0), (5.0, 10.0, 0, 0), (10.0, 20.0, 0, 10)]
    course = [(moment["at_s"], moment["writes"]["answered"], moment["errors"]) for moment in document["over_time"]]
    assert course == [(0.0, 100, 0), (0.5, 0, 0), (1.0, 0, 0), (1.5, 0, 4)]


def test_the_course_adds_up_to_the_whole() -> None:
    with FakeRedis() as fake:
        document = document_of(load(small(fake, reads=0.5)))
    for kind in ("reads", "writes"):
        whole = document[kind]["answered"]
        assert whole == sum(moment[kind]["answered"] for moment in document["over_time"])
        assert whole == sum(step[kind] for step in document["histogram"])
    assert sum(moment["seconds"] for moment in document["over_time"]) == pytest.approx(document["elapsed_s"], abs=1e-4)


def test_the_text_says_all_that_matters_and_does_nothing_to_the_terminal(result: LoadResult) -> None:
    text = "\n".join(lines_of(result, Style(False)))
    assert "\x1b" not in text
    for expected in (
        "110 answered in 2.10 s: 52/s, 4 failed",
        "  CLUSTERDOWN  3",
        "  \\x1b[31m<b>  1",
        "interrupted: these are the figures so far",
        "connections lost, and made again: 2",
        "4 reads found no value (--fill writes every key first)",
        "5 requests were due and could not be sent",
        "7 keys are left that begin with bench:",
    ):
        assert expected in text
    assert re.search(r"^reads +10 +5( +20.0 ms){5}$", text, re.MULTILINE)
    assert re.search(r"^writes +100 +48( +1.00 ms){5}$", text, re.MULTILINE)


def test_colours_add_nothing_but_colours(result: LoadResult) -> None:
    coloured = "\n".join(lines_of(result, Style(True)))
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9]+m", "", coloured) == "\n".join(lines_of(result, Style(False)))


def test_the_page_is_well_formed_and_needs_nothing_from_elsewhere(result: LoadResult) -> None:
    page = page_of(result)
    root = ElementTree.fromstring(page)
    assert not re.search(r"(?i)https?:|url\(|@import|src=|href=|<script|<link|<iframe", page)
    assert "prefers-color-scheme: dark" in page
    titles = [figure.findtext("figcaption") for figure in root.iter("figure")]
    assert titles == ["requests per second", "time of writes", "time of reads", "requests by their time"]
    cells = [cell.text for cell in root.iter("td")]
    assert cells[:3] == ["reads", "10", "5"]
    assert cells[8:11] == ["writes", "100", "48"]
    assert "CLUSTERDOWN 3" in page


def test_everything_in_the_page_lies_within_its_chart(result: LoadResult) -> None:
    for at, value in places(ElementTree.fromstring(page_of(result))):
        assert 0 <= at <= 800
        assert 0 <= value <= 260


def places(root: ElementTree.Element) -> Iterator[tuple[float, float]]:
    """Where something is drawn."""
    for line in root.iter("polyline"):
        for point in line.attrib["points"].split():
            at, value = map(float, point.split(","))
            yield at, value
    for rect in root.iter("rect"):
        left, top, width, height = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        yield left, top
        yield left + width, top + height


def test_a_load_without_any_answer_has_reports_as_well() -> None:
    tally = Tally(0.1)
    tally.start(0.0)
    nothing = LoadResult(_PLAN, tally, 0.0, 0.001, interrupted=True, losses=0, not_sent=0)
    document = document_of(nothing)
    assert (document["requests"], document["histogram"], document["writes"]["p50_ms"]) == (0, [], None)
    assert "0 answered in 0.00 s: 0/s, none failed" in "\n".join(lines_of(nothing, Style(False)))
    ElementTree.fromstring(page_of(nothing))


@pytest.mark.parametrize(
    ("us", "shown", "as_bound"),
    [
        (0, "0 µs", "0 µs"),
        (200, "200 µs", "200 µs"),
        (1000, "1.00 ms", "1 ms"),
        (12_345, "12.3 ms", "12.345 ms"),
        (2_500_000, "2.50 s", "2.5 s"),
        (1_000_000_000, "1,000 s", "1000 s"),
    ],
)
def test_a_time_has_the_unit_that_suits_it(us: int, shown: str, as_bound: str) -> None:
    assert (duration(us), bound(us)) == (shown, as_bound)


def test_what_is_not_nothing_shows_in_a_bar() -> None:
    assert bar(0).strip() == ""
    assert bar(1e-9).strip() == "▏"
    assert bar(0.5) == "█" * 20 + " " * 20
    assert bar(1.0) == "█" * 40


@given(st.floats(0.05, 86_400))
def test_the_course_of_a_load_has_at_most_120_points(duration_s: float) -> None:
    assert duration_s / width_for(duration_s) <= 120


@given(st.floats(1e-3, 1e9))
def test_a_step_is_round_and_not_too_small(least: float) -> None:
    step = round_step(least)
    assert least * (1 - 1e-9) <= step <= least * 2.5000001
    assert f"{step:e}"[0] in "125"


@given(st.floats(0.5, 1e6), st.floats(1.5, 1e4), st.booleans())
def test_ticks_lie_on_their_axis_in_order(lowest: float, factor: float, is_log: bool) -> None:
    axis = Axis(lowest, lowest * factor, 220, 12, is_log)
    ticks = axis.ticks()
    assert ticks == sorted(ticks)
    assert all(12 <= axis.place(tick) <= 220 for tick in ticks)
    assert len(ticks) <= 13
