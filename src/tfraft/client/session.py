"""The client's side of a session (§6.3): numbers for its requests, and which of them have been answered."""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tfraft.core.requests import ClientRequest

MOST_UNANSWERED: Final = 1000
"""The store keeps the responses of some more requests than this, from the lowest on that is not answered."""


class ClientSession:
    """The open session `client_id`. Any number of requests may be under way."""

    def __init__(self, client_id: int) -> None:
        self.client_id = client_id
        self._sequence_num = 0
        # Numbers only grow, so the first of these is the lowest. To find the first of a plain dict takes longer and
        # longer, as the places of those that left before it are passed one by one.
        self._unanswered: OrderedDict[int, None] = OrderedDict()

    @property
    def is_full(self) -> bool:
        """Whether a further request would have to wait for the lowest that is not answered."""
        return bool(self._unanswered) and self._sequence_num - next(iter(self._unanswered)) >= MOST_UNANSWERED

    @contextmanager
    def request(self, command: bytes) -> Iterator[ClientRequest]:
        """A request for `command`, which may be sent any number of times inside the block, and never after it."""
        self._sequence_num += 1
        number = self._sequence_num
        self._unanswered[number] = None
        try:
            yield ClientRequest(command, self.client_id, number, next(iter(self._unanswered)))
        finally:
            del self._unanswered[number]
