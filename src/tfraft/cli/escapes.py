"""Bytes as text that is safe to print: nothing in a value may move the cursor, ring the bell or turn the line round."""

import unicodedata

# Joiners are invisible, too, but harmless, and Persian, Hindi and family emoji are misspelt without them.
_JOINERS = "\u200c\u200d"
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN_ENDS = frozenset("\"'")


class _Escapes(dict[int, str]):
    """For `str.translate`: each character as it is shown; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        character = chr(code)
        self[code] = shown_as = character if _is_printable(character) else _hexadecimal(character)
        return shown_as


def _is_printable(character: str) -> bool:
    """Whether a terminal shows the character and does nothing else; format characters such as U+202E do more."""
    return character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _hexadecimal(character: str) -> str:
    """The bytes of `character`; one that stands for a byte which is no UTF-8 is that byte."""
    errors = "surrogateescape" if "\udc80" <= character <= "\udcff" else "surrogatepass"
    return _SHORT.get(character) or "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", errors))


_ESCAPES = _Escapes()
_QUOTED_ESCAPES = _Escapes({ord("\\"): "\\\\", ord('"'): '\\"'})


def shown(data: bytes) -> str:
    """`data` as text on one line, without quotes: for messages. Several values may look the same."""
    return data.decode("utf-8", "surrogateescape").translate(_ESCAPES)


def safe(text: str) -> str:
    """`text` on one line, with whatever would not show replaced by an escape."""
    return text.translate(_ESCAPES)


def quoted(data: bytes) -> str:
    """`data` in double quotes; typed at the prompt, it is the same value again."""
    return f'"{data.decode("utf-8", "surrogateescape").translate(_QUOTED_ESCAPES)}"'


def as_word(data: bytes) -> str:
    """`data` as one would type it: bare if it may stand so, in quotes otherwise."""
    text = shown(data)
    bare = bool(text) and not any(character.isspace() or character in _PLAIN_ENDS for character in text)
    return text if bare and text.encode() == data else quoted(data)
