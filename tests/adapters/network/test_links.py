"""Links that break on purpose: what is lost, what is late, and in which order."""

import asyncio

import pytest

from tests.adapters.network.recorder import eventually, run
from tfraft.adapters.network.links import Links
from tfraft.core.configuration import ServerId
from tfraft.core.messages import Message, RequestVote
from tfraft.core.requests import Answer, AnswerStatus, ClientQuery, NodeRequest

ANSWER = Answer(AnswerStatus.OK, b"answer")
QUERY = ClientQuery(b"GET k")
AGES_S = 3_600.0


class Line:
    """A PeerConnection that keeps what goes through it."""

    def __init__(self, server_id: ServerId, address: str) -> None:
        self.to = (server_id, address)
        self.sent: list[int] = []
        self.time_outs_s: list[float] = []
        self.closed = 0

    def send(self, message: Message) -> None:
        self.sent.append(message.term)

    async def request(self, request: NodeRequest, timeout_s: float) -> Answer:
        self.time_outs_s.append(timeout_s)
        return ANSWER

    async def close(self) -> None:
        self.closed += 1


class Lines:
    """Links over lines: one to each server that was connected."""

    def __init__(self, *servers: ServerId) -> None:
        self.made: dict[ServerId, Line] = {}
        self.links = Links()
        connect = self.links.wrap(self._connect)
        self.peers = {server: connect(server, f"at {server}") for server in servers}

    def _connect(self, server_id: ServerId, address: str) -> Line:
        self.made[server_id] = Line(server_id, address)
        return self.made[server_id]

    def send(self, server_id: ServerId, *numbers: int) -> None:
        for number in numbers:
            self.peers[server_id].send(RequestVote(number, "n1", 0, 0))


def test_whole_links_hand_everything_on_at_once() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.send("n2", 1, 2)
        assert lines.made["n2"].to == ("n2", "at n2")
        assert lines.made["n2"].sent == [1, 2]
        assert await lines.peers["n2"].request(QUERY, 5.0) == ANSWER
        assert lines.made["n2"].time_outs_s == [5.0]
        await lines.peers["n2"].close()
        assert lines.made["n2"].closed == 1

    run(story())


def test_block_replaces_what_was_blocked_before() -> None:
    async def story() -> None:
        lines = Lines("n2", "n3")
        lines.links.block(["n2"])
        lines.send("n2", 1)
        lines.send("n3", 1)
        lines.links.block(["n3"])
        lines.send("n2", 2)
        lines.send("n3", 2)
        assert lines.made["n2"].sent == [2]
        assert lines.made["n3"].sent == [1]

    run(story())


def test_faults_hold_for_connections_that_are_made_later() -> None:
    """A node that is added or restarted behind a partition stays behind it."""

    async def story() -> None:
        lines = Lines()
        lines.links.block(["n2"])
        lines.links.delay({}, default_s=AGES_S)
        lines.peers["n2"] = lines.links.wrap(lines._connect)("n2", "")
        lines.peers["n3"] = lines.links.wrap(lines._connect)("n3", "")
        lines.send("n2", 1)
        lines.send("n3", 1)
        lines.links.delay({})
        assert lines.made["n2"].sent == []
        assert lines.made["n3"].sent == [1]

    run(story())


def test_a_delay_holds_for_its_server_and_the_default_for_all_others() -> None:
    async def story() -> None:
        lines = Lines("n2", "n3")
        lines.links.delay({"n2": AGES_S}, default_s=0.001)
        lines.send("n2", 1)
        lines.send("n3", 1)
        assert lines.made["n3"].sent == []
        await eventually(lambda: lines.made["n3"].sent)
        assert lines.made["n2"].sent == []
        await lines.peers["n2"].close()

    run(story())


def test_no_message_overtakes_another_when_the_delay_changes() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": AGES_S})
        lines.send("n2", 1, 2)
        lines.links.delay({"n2": 0.02})
        lines.send("n2", 3)
        assert lines.made["n2"].sent == []
        await eventually(lambda: len(lines.made["n2"].sent) == 3)
        lines.links.delay({"n2": AGES_S})
        lines.send("n2", 4)
        lines.links.delay({})
        lines.send("n2", 5)
        assert lines.made["n2"].sent == [1, 2, 3, 4, 5]

    run(story())


def test_clear_sends_what_waits_and_makes_all_links_whole() -> None:
    async def story() -> None:
        lines = Lines("n2", "n3")
        lines.links.block(["n3"])
        lines.links.delay({}, default_s=AGES_S)
        lines.send("n2", 1, 2)
        lines.send("n3", 1)
        lines.links.clear()
        lines.send("n2", 3)
        lines.send("n3", 2)
        assert lines.made["n2"].sent == [1, 2, 3]
        assert lines.made["n3"].sent == [2]

    run(story())


def test_a_message_on_its_way_is_lost_when_the_link_is_cut() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": AGES_S})
        lines.send("n2", 1)
        lines.links.block(["n2"])
        lines.links.clear()
        lines.send("n2", 2)
        assert lines.made["n2"].sent == [2]

    run(story())


def test_a_request_over_a_delayed_link_has_less_time_left() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": 0.01})
        assert await lines.peers["n2"].request(QUERY, 5.0) == ANSWER
        assert lines.made["n2"].time_outs_s == [pytest.approx(4.99)]

    run(story())


@pytest.mark.parametrize("delay_s", [0.01, AGES_S])
def test_a_request_that_would_arrive_after_its_time_out_never_arrives(delay_s: float) -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": delay_s})
        assert await lines.peers["n2"].request(QUERY, 0.01) == Answer(AnswerStatus.NOT_LEADER)
        assert lines.made["n2"].time_outs_s == []

    run(story())


def test_a_request_on_its_way_is_lost_when_the_link_is_cut() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": 0.05})
        asked = asyncio.create_task(lines.peers["n2"].request(QUERY, 5.0))
        await asyncio.sleep(0)
        lines.links.block(["n2"])
        assert await asked == Answer(AnswerStatus.NOT_LEADER)
        assert lines.made["n2"].time_outs_s == []

    run(story())


def test_a_closed_link_sends_nothing_that_still_waits() -> None:
    async def story() -> None:
        lines = Lines("n2")
        lines.links.delay({"n2": AGES_S})
        lines.send("n2", 1)
        await lines.peers["n2"].close()
        lines.links.clear()
        assert lines.made["n2"].sent == []
        assert lines.made["n2"].closed == 1

    run(story())
