"""The client's side of a session (§6.3): numbers for its requests, and which of them have been answered."""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
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

    def has_room(self, count: int) -> bool:
        """Whether so many further requests need not wait for the lowest that is not answered."""
        if not self._unanswered:
            return True
        return self._sequence_num + count - next(iter(self._unanswered)) <= MOST_UNANSWERED

    @contextmanager
    def requests(self, commands: Sequence[bytes]) -> Iterator[list[ClientRequest]]:
        """Requests for `commands`, which may be sent any number of times inside the block, and never after it."""
        first = self._sequence_num + 1
        self._sequence_num += len(commands)
        numbers = range(first, self._sequence_num + 1)
        self._unanswered.update(dict.fromkeys(numbers))
        lowest = next(iter(self._unanswered))
        try:
            yield [
                ClientRequest(command, self.client_id, number, lowest)
                for command, number in zip(commands, numbers, strict=True)
            ]
        finally:
            for number in numbers:
                del self._unanswered[number]
