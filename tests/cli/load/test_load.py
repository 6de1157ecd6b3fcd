"""A load against a server that counts: what the figures say is what the server has seen."""

import asyncio
from collections.abc import Callable

import pytest

from tests.cli.load.fake_redis import DROP, SILENCE, FakeRedis, closed_port
from tfraft.cli.load.plan import LoadPlan
from tfraft.cli.load.progress import NoProgress
from tfraft.cli.load.run import Interrupts, LoadResult, run_load
from tfraft.errors import CommandError, Unavailable


def load(plan: LoadPlan, until: Callable[[], bool] = lambda: False, *, interrupting: int = 1) -> LoadResult:
    """Run the load; once `until` holds, the user interrupts it, so many times."""

    async def story() -> LoadResult:
        interrupts = Interrupts()
        task = asyncio.create_task(run_load(plan, NoProgress(), interrupts))
        async with asyncio.timeout(60):
            while not task.done() and not until():  # noqa: ASYNC110 -- what is waited for is in another thread
                await asyncio.sleep(0.01)
            for _ in range(interrupting):
                interrupts.one_more()
            await task
        return task.result()

    return asyncio.run(story())


def small(*fakes: FakeRedis, **changes: object) -> LoadPlan:
    settings: dict[str, object] = {"clients": 4, "pipeline": 3, "keys": 50, "duration_s": 0.2}
    return LoadPlan(tuple(fake.address for fake in fakes), **(settings | changes))  # type: ignore[arg-type]


def test_every_request_that_the_server_saw_is_counted_once_and_the_keys_are_gone() -> None:
    with FakeRedis() as fake:
        fake.values[b"mine"] = b"1"
        result = load(small(fake, reads=0.5))
        tally = result.tally
        assert (tally.reads().count, tally.writes().count) == (fake.seen["GET"], fake.seen["SET"])
        assert min(fake.seen["GET"], fake.seen["SET"]) > 0
        assert tally.requests == tally.successes == fake.seen["GET"] + fake.seen["SET"]
        assert fake.values == {b"mine": b"1"}
        assert (result.keys_left, tally.errors.total(), result.losses) == (0, 0, 0)


def test_keys_may_be_left_and_are_of_the_size_and_number_that_were_asked_for() -> None:
    with FakeRedis() as fake:
        result = load(small(fake, keep=True, key_size=16, value_size=33))
        assert result.keys_left == len(fake.values) > 0
        assert {(key[:6], len(key), len(value)) for key, value in fake.values.items()} == {(b"bench:", 16, 33)}


def test_reads_of_keys_that_nobody_wrote_are_missing_and_with_fill_none_is() -> None:
    with FakeRedis() as fake:
        bare = load(small(fake, reads=1.0))
        assert bare.tally.missing == bare.tally.reads().count > 0
        filled = load(small(fake, reads=1.0, fill=True, keys=1234))
        assert filled.tally.missing == 0
        assert fake.seen["SET"] == 1234
        assert fake.values == {}


def test_errors_are_counted_by_word_and_the_load_goes_on() -> None:
    def every_third(words: list[bytes]) -> bytes | None:
        if words[0] == b"SET" and fake.seen["SET"] % 3 == 0:
            return b"-CLUSTERDOWN No Raft leader\r\n" if fake.seen["SET"] % 2 else b"-UNKNOWN outcome: who knows\r\n"
        return None

    with FakeRedis(every_third) as fake:
        result = load(small(fake))
        assert set(result.tally.errors) == {"CLUSTERDOWN", "UNKNOWN"}
        assert result.tally.errors.total() == fake.seen["SET"] // 3
        assert result.tally.requests == fake.seen["SET"]
        assert fake.values == {}


def test_requests_of_a_connection_that_ends_are_lost_and_the_client_comes_back() -> None:
    def every_tenth(words: list[bytes]) -> bytes | None:
        return DROP if words[0] == b"SET" and fake.seen["SET"] % 10 == 0 else None

    with FakeRedis(every_tenth) as fake:
        result = load(small(fake, pipeline=1, duration_s=3600), until=lambda: fake.seen["SET"] > 100)
        assert result.interrupted
        assert result.tally.errors["LOST"] == fake.seen["SET"] // 10 == result.losses
        assert result.tally.writes().count == fake.seen["SET"] - fake.seen["SET"] // 10


def test_where_a_server_ends_its_clients_go_to_another() -> None:
    with FakeRedis() as one, FakeRedis() as other:
        seen_when_one_ended: list[int] = []

        def many_more() -> bool:
            if not seen_when_one_ended and one.seen["SET"] > 100:
                seen_when_one_ended.append(other.seen["PING"])
                one.stop()
            return bool(seen_when_one_ended) and other.seen["PING"] >= seen_when_one_ended[0] + 2

        result = load(small(one, other, duration_s=3600), until=many_more)
        assert result.losses == 2, "half of four clients"
        assert result.tally.writes().count + result.tally.errors["LOST"] >= one.seen["SET"] + other.seen["SET"]
        assert set(result.tally.errors) <= {"LOST"}


def test_an_address_where_nobody_listens_is_told_and_passed_by(capsys: pytest.CaptureFixture[str]) -> None:
    dead = closed_port()
    with FakeRedis() as fake:
        result = load(LoadPlan((dead, fake.address), clients=2, duration_s=0.1))
        assert result.tally.successes == fake.seen["SET"] > 0
    assert capsys.readouterr().err == f"nobody listens at {dead}: it goes on without\n"


def test_requests_without_an_answer_are_told_when_patience_ends() -> None:
    def silent(words: list[bytes]) -> bytes | None:
        return SILENCE if words[0] == b"SET" else None

    with FakeRedis(silent) as fake:
        result = load(small(fake, duration_s=3600), until=lambda: fake.seen["SET"] == 12, interrupting=2)
        assert result.tally.errors == {"UNANSWERED": 12}
        assert result.tally.successes == 0


def test_an_answer_that_is_not_the_redis_protocol_ends_the_connection() -> None:
    def garbled(words: list[bytes]) -> bytes | None:
        return b"what?\r\n" if words[0] == b"SET" and fake.seen["SET"] == 50 else None

    with FakeRedis(garbled) as fake:
        result = load(small(fake, pipeline=1, duration_s=3600), until=lambda: fake.seen["SET"] > 100)
        assert result.tally.errors["NOT_REDIS"] == 1
        assert result.losses == 1


def test_at_a_rate_of_its_own_as_many_requests_are_due_as_time_has_passed() -> None:
    with FakeRedis() as fake:
        result = load(small(fake, rate=200.0, duration_s=0.5))
        due = result.tally.requests + result.not_sent
        assert 98 <= due <= 200 * result.elapsed_s + 1
        assert result.tally.requests == fake.seen["SET"] > 0


def test_each_connection_says_how_it_wants_to_read() -> None:
    asked: set[bytes] = set()

    def listen(words: list[bytes]) -> bytes | None:
        if words[0] == b"READMODE":
            asked.add(b" ".join(words))
        return None

    with FakeRedis(listen) as fake:
        load(small(fake, reads=1.0, read_mode="stale:2.5"))
        assert asked == {b"READMODE stale 2.5"}
        assert fake.seen["READMODE"] == 5, "four clients, and the one that looks whether it can be"


def test_a_server_that_refuses_to_be_greeted_is_told() -> None:
    def refuse(words: list[bytes]) -> bytes | None:
        return b"-NOAUTH Authentication required.\r\n" if words[0] == b"PING" else None

    with FakeRedis(refuse) as fake, pytest.raises(CommandError) as refusal:
        load(small(fake))
    assert str(refusal.value) == f"{fake.address} refuses PING: NOAUTH Authentication required."


@pytest.mark.parametrize("answer", [b"HTTP/1.1 400 Bad Request\r\n\r\n", DROP])
def test_a_server_of_another_kind_is_told(answer: bytes) -> None:
    with FakeRedis(lambda words: answer) as fake, pytest.raises(Unavailable) as refusal:
        load(small(fake))
    what = "ends the connection without an answer" if answer is DROP else "answers, but not in the Redis protocol"
    assert str(refusal.value) == f"{fake.address} {what}"


def test_keys_that_cannot_be_removed_are_told() -> None:
    def no_more(words: list[bytes]) -> bytes | None:
        return b"-CLUSTERDOWN No Raft leader\r\n" if words[0] == b"DEL" else None

    with FakeRedis(no_more) as fake:
        result = load(small(fake), until=lambda: fake.seen["DEL"] > 1, interrupting=2)
        assert result.keys_left == len(fake.values) > 0
