"""The other side of the network's ports, for its tests: a handler that records, and ways to wait for it."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from tfraft.core.messages import Message, RequestVote
from tfraft.core.requests import Answer, NodeRequest
from tfraft.ports import OnAnswer, OnReply

T = TypeVar("T")

DEADLINE_S = 30.0
"""Far more than anything here takes: a test that reaches it has failed."""


def vote(term: int = 1) -> RequestVote:
    """A message of this term, where it matters only which one arrives."""
    return RequestVote(term, "n1", 0, 0)


class Recorder:
    """A Handler that keeps what arrives, and answers requests by `answer`, or not at all where that is None."""

    def __init__(self, answer: Callable[[NodeRequest], Answer] | None = None) -> None:
        self.messages: list[Message] = []
        self.on_replies: list[OnReply | None] = []
        self.requests: list[NodeRequest] = []
        self.on_answers: list[OnAnswer] = []
        self._answer = answer
        self._changed = asyncio.Event()

    def receive(self, message: Message, on_reply: OnReply | None = None) -> None:
        self.messages.append(message)
        self.on_replies.append(on_reply)
        self._changed.set()

    def request(self, request: NodeRequest, on_answer: OnAnswer) -> None:
        self.requests.append(request)
        self.on_answers.append(on_answer)
        if self._answer is not None:
            on_answer(self._answer(request))
        self._changed.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Return once `condition` holds; it is looked at whenever something arrives."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():
                self._changed.clear()
                await self._changed.wait()


async def eventually(condition: Callable[[], object], meanwhile: Callable[[], object] = lambda: None) -> None:
    """Return once `condition` holds; between two looks at it call `meanwhile`."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():
            meanwhile()
            await asyncio.sleep(0.01)


def run(story: Coroutine[Any, Any, T], loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None) -> T:
    """The result of `story`, run to its end on a loop of its own. Fails if anything goes wrong behind its back."""
    mishaps: list[dict[str, Any]] = []

    def note(_: asyncio.AbstractEventLoop, mishap: dict[str, Any]) -> None:
        # gRPC hears of the end of a call a moment later; if that call's loop is closed by then, the next one is told.
        if str(mishap.get("exception")) != "Event loop is closed":
            mishaps.append(mishap)

    async def watched() -> T:
        asyncio.get_running_loop().set_exception_handler(note)
        async with asyncio.timeout(2 * DEADLINE_S):
            result = await story
        # gRPC needs a few turns more to hear the end of a call that was cancelled.
        await eventually(lambda: asyncio.all_tasks() == {asyncio.current_task()})
        return result

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        result = runner.run(watched())
    assert not mishaps, mishaps
    return result
