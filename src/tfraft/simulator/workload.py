"""What clients ask for: a few keys that all of them fight over, and values that are never used twice."""

from typing import Final

from tfraft.core.requests import ClientQuery, ClientRequest, Consistency
from tfraft.record import record
from tfraft.simulator.chance import Draw, pick
from tfraft.store import codec, replies

STRINGS: Final = (b"a", b"b", b"c")
FIELDS: Final = ((b"h", b"x"), (b"h", b"y"))
MEMBERS: Final = ((b"s", b"p"), (b"s", b"q"))
KEYS: Final = (*((key,) for key in STRINGS), *FIELDS, *MEMBERS)
"""A key, a hash and a field, or a set and a member."""

READ_OF: Final = {b"a": "GET", b"b": "GET", b"c": "GET", b"h": "HGET", b"s": "SHAS"}
WRITE_OF: Final = {b"a": "SET", b"b": "SET", b"c": "SET", b"h": "HSET", b"s": "SSET"}
DELETE_OF: Final = {b"a": "DEL", b"b": "DEL", b"c": "DEL", b"h": "HDEL", b"s": "SDEL"}


CONSISTENCIES: Final = (
    Consistency.LINEARIZABLE,
    Consistency.LINEARIZABLE,
    Consistency.LINEARIZABLE,
    Consistency.LEASE,
    Consistency.FOLLOWER,
    Consistency.FOLLOWER,
    Consistency.STALE,
)
"""What reads may miss: the more often, the more likely."""
MAX_STALENESS_S: Final = (0.0, 0.05, 0.5, 3.0)


@record
class Wish:
    """One operation that a client wants: on which key, by which command, with which value, or missing how much."""

    key: tuple[bytes, ...]
    name: str
    value: bytes | None
    consistency: Consistency = Consistency.LINEARIZABLE
    max_staleness_s: float = 0.0

    @property
    def is_read(self) -> bool:
        """Whether it changes nothing."""
        return self.name in ("GET", "HGET", "SHAS")

    @property
    def is_stale(self) -> bool:
        """Whether it may miss what others were told before, so that the history says nothing of it."""
        return self.consistency is Consistency.STALE

    def request(self) -> ClientRequest | ClientQuery:
        """It as a node wants it."""
        if self.is_read:
            return ClientQuery(self.command(), self.consistency, self.max_staleness_s)
        return ClientRequest(self.command())

    def command(self) -> bytes:
        """It as the state machine wants it."""
        takes_value = self.name in ("SET", "HSET")
        args = [self.name.encode(), *self.key, *([self.value] if takes_value and self.value is not None else [])]
        return codec.encode(args)


def read_of(key: tuple[bytes, ...]) -> Wish:
    """The wish to read what is under `key`."""
    return Wish(key, READ_OF[key[0]], None)


def write_of(key: tuple[bytes, ...], value: bytes) -> Wish:
    """The wish to write `value` there; a member of a set has no value but itself."""
    return Wish(key, WRITE_OF[key[0]], value)


def draw_wish(draw: Draw, value: bytes) -> Wish:
    """A wish by chance: half are reads, one in ten removes something."""
    key = pick(draw, KEYS)
    kind = draw()
    if kind < 0.5:
        return any_read_of(draw, key)
    return write_of(key, value) if kind < 0.9 else Wish(key, DELETE_OF[key[0]], None)


def draw_read(draw: Draw, value: bytes) -> Wish:
    """A wish of a client that only reads."""
    return any_read_of(draw, pick(draw, KEYS))


def any_read_of(draw: Draw, key: tuple[bytes, ...]) -> Wish:
    """The wish to read what is under `key`, of any consistency."""
    return Wish(key, READ_OF[key[0]], None, pick(draw, CONSISTENCIES), pick(draw, MAX_STALENESS_S))


def result_of(response: bytes) -> object:
    """What a response says, in the words of the models: text of the store, a value, a number or a truth."""
    reply = replies.parse(response)
    return reply.text if isinstance(reply, replies.Simple) else reply
