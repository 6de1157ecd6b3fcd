"""A batch of requests from a server that does not lead: each is handed in like one that came by itself."""

from collections.abc import Callable
from functools import partial

from tfraft.core.requests import Answer, AnswerStatus, ClientBatch, ClientCall
from tfraft.ports import OnAnswer


def request_all(batch: ClientBatch, request: Callable[[ClientCall, OnAnswer], None], on_answer: OnAnswer) -> None:
    """Hand in the requests of `batch` in order; `on_answer` gets the answer to the batch once each has its own."""
    gathered = Gathered(len(batch.requests), on_answer)
    for row, one in enumerate(batch.requests):
        request(one, partial(gathered.take, row))


class Gathered:
    """The answers to a batch so far, which come in any order."""

    __slots__ = ("_answers", "_missing", "_on_answer")

    def __init__(self, size: int, on_answer: OnAnswer) -> None:
        self._answers = [Answer(AnswerStatus.TIMEOUT)] * size
        self._missing = size
        self._on_answer = on_answer
        self._end_if_all_are_there()

    def take(self, row: int, answer: Answer) -> None:
        """The answer to the request in this row."""
        self._answers[row] = answer
        self._missing -= 1
        self._end_if_all_are_there()

    def _end_if_all_are_there(self) -> None:
        if not self._missing:
            self._on_answer(Answer(AnswerStatus.OK, answers=tuple(self._answers)))
