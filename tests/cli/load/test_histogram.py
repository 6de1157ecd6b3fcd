"""The histogram agrees with a sorted list, to one part in 128."""

from hypothesis import given
from hypothesis import strategies as st

from tfraft.cli.load.histogram import Histogram, bounds_around, bucket_of, lowest_of

TIMES = st.integers(0, 10**11) | st.integers(0, 600)


def histogram_of(times: list[int]) -> Histogram:
    histogram = Histogram()
    for us in times:
        histogram.record(us)
    return histogram


@given(st.lists(TIMES, min_size=1, max_size=300), st.integers(1, 1000))
def test_a_percentile_is_that_of_a_sorted_list_to_one_part_in_128(times: list[int], thousandths: int) -> None:
    exact = sorted(times)[max(1, -(-len(times) * thousandths // 1000)) - 1]
    found = histogram_of(times).percentile(thousandths)
    assert found is not None
    assert exact <= found <= exact + exact // 128


@given(st.lists(TIMES, max_size=100))
def test_count_mean_and_longest_are_exact(times: list[int]) -> None:
    histogram = histogram_of(times)
    assert histogram.count == len(times)
    assert histogram.longest_us == max(times, default=0)
    assert histogram.mean_us == (sum(times) / len(times) if times else None)


@given(st.lists(TIMES, max_size=50), st.lists(TIMES, max_size=50), st.integers(1, 1000))
def test_two_added_are_one_of_both(first: list[int], second: list[int], thousandths: int) -> None:
    together = histogram_of(first)
    together.add(histogram_of(second))
    both = histogram_of(first + second)
    assert together.percentile(thousandths) == both.percentile(thousandths)
    assert (together.count, together.total_us, together.longest_us) == (both.count, both.total_us, both.longest_us)


@given(TIMES)
def test_a_value_is_in_its_bucket_and_not_in_the_next(us: int) -> None:
    bucket = bucket_of(us)
    assert lowest_of(bucket) <= us < lowest_of(bucket + 1)
    assert histogram_of([us]).shortest_us == lowest_of(bucket)


@given(st.lists(TIMES, min_size=1, max_size=100))
def test_each_value_is_between_two_bounds(times: list[int]) -> None:
    histogram = histogram_of(times)
    bounds = bounds_around(histogram.shortest_us, histogram.longest_us)
    assert bounds == sorted(set(bounds))
    assert bounds[0] <= min(times)
    assert max(times) < bounds[-1]
    assert sum(histogram.counts_between(bounds)) == len(times)


def test_without_values_there_is_no_percentile() -> None:
    assert Histogram().percentile(500) is None
    assert Histogram().mean_us is None
    assert bounds_around(0, 0) == [0, 1]
    assert bounds_around(150, 1000) == [100, 200, 500, 1000, 2000]
