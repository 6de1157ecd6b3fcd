"""A command as bytes, encoded once at the edge: the same go to disk, over the wire and to `Store.apply`.

The form is a MessagePack array of binary strings, the name of the command first. Its first byte is therefore
one of 0x90-0x9f, 0xdc and 0xdd, which leaves all others to whatever may be wrapped around a command one day.
"""

import msgspec

from tfraft.errors import CommandError

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[bytes])


def encode(args: list[bytes]) -> bytes:
    """The command as bytes, from its name and its arguments; `decode` gives them back."""
    assert args, "a command has a name"
    return _ENCODER.encode(args)


def decode(command: bytes) -> list[bytes]:
    """The name and the arguments. Raises CommandError where `command` is not what `encode` makes."""
    try:
        args = _DECODER.decode(command)
    except msgspec.MsgspecError as error:
        raise CommandError(f"the bytes are not a command: {error}") from error
    if not args:
        raise CommandError("the bytes are not a command: it has no name")
    return args
