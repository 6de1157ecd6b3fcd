"""Where the fields of a message lie in its bytes: read from the record itself, so that none is ever forgotten.

The fields of a record within the record stand in its place, with a path such as `snapshot.base.index`. No I/O here.
"""

from collections.abc import Callable, Iterator
from operator import attrgetter, itemgetter
from struct import Struct
from typing import Any, Final, get_type_hints

from tfraft.adapters.network.wire_entries import MalformedMessage, columns, unpack_configuration, unpack_entries
from tfraft.core.configuration import Configuration
from tfraft.core.entry import Entries
from tfraft.core.messages import Message

_NUMBERS: Final[dict[type, str]] = {int: "Q", bool: "B", float: "d"}
"""The types of fixed size, and how `struct` writes them."""


class Layout:
    """The layout of the messages of one record, which begin with `first_byte`; `make` takes its fields in order."""

    def __init__(self, first_byte: int, record: type[Message], make: Callable[..., Message]) -> None:
        fields = dict(_fields_of(record))
        numbers = [path for path, form in fields.items() if form in _NUMBERS]
        texts = [path for path, form in fields.items() if form in _TEXTS]
        entries = [path for path, form in fields.items() if form is Entries]
        self._first_byte = first_byte
        self._make = make
        self._header = Struct("<B" + "".join(_NUMBERS[fields[path]] for path in numbers) + "I" * len(texts))
        # Every message has two numbers or texts at least, and `attrgetter` of two paths gives a tuple.
        self._get = attrgetter(*numbers, *texts)
        self._get_entries = attrgetter(entries[0]) if entries else None
        self._first_text = len(numbers)
        self._texts = [(path, *_TEXTS[fields[path]]) for path in texts]
        self._flags = [place for place, path in enumerate(numbers) if fields[path] is bool]
        self._in_order = itemgetter(*map([*numbers, *texts, *entries].index, fields))

    def write(self, message: Message) -> bytes:
        """The bytes of `message`."""
        values = self._get(message)
        texts = [write(value) for value, (_, write, _) in zip(values[self._first_text :], self._texts, strict=True)]
        header = self._header.pack(self._first_byte, *values[: self._first_text], *map(len, texts))
        entries = columns(self._get_entries(message)) if self._get_entries else ()
        return b"".join((header, *texts, *entries))

    def read(self, data: bytes) -> Message:
        """The message of these bytes. Raises `MalformedMessage`."""
        end = self._header.size
        if len(data) < end:
            raise MalformedMessage(f"a message of this kind has a header of {end} bytes, not {len(data)}")
        _, *found = self._header.unpack_from(data)
        for place in self._flags:
            found[place] = _flag(found[place])
        for place, (path, _, read) in enumerate(self._texts, self._first_text):
            start, end = end, end + found[place]
            if len(data) < end:
                raise MalformedMessage(f"{path} has {found[place]} bytes, but only {len(data) - start} follow")
            found[place] = read(data[start:end])
        if self._get_entries:
            found.append(unpack_entries(data, end))
        elif len(data) != end:
            raise MalformedMessage(f"{len(data) - end} bytes after the end of the message")
        return self._make(*self._in_order(found))


def _fields_of(record: type, within: str = "") -> Iterator[tuple[str, type]]:
    """The fields of `record`, and in the place of a record among them its own: each with its path and its type."""
    for name, form in get_type_hints(record).items():
        if form in _NUMBERS or form in _TEXTS or form is Entries:
            yield within + name, form
        else:
            yield from _fields_of(form, f"{within}{name}.")


def _flag(value: int) -> bool:
    if value > 1:
        raise MalformedMessage(f"a flag is 0 or 1, not {value}")
    return value == 1


def _text(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise MalformedMessage(f"a text is not UTF-8: {error}") from None


_TEXTS: Final[dict[type, tuple[Callable[[Any], bytes], Callable[[bytes], Any]]]] = {
    str: (str.encode, _text),
    bytes: (bytes, bytes),
    Configuration: (Configuration.encode, unpack_configuration),
}
"""The types whose length the header tells: how each becomes bytes, and what the bytes become."""
