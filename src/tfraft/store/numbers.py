"""Numbers as Redis reads and writes them: whole numbers of 64 bits, and floats with the 64-bit mantissa of x86-64.

Redis computes with the C type `long double`, which is another one on each kind of machine. Here it is whole-number
arithmetic, so all servers of a cluster agree, and agree with Redis on x86-64 to the last digit.
"""

import re
from decimal import Decimal
from typing import Final, NewType

from tfraft.store import replies

MIN_INTEGER: Final = -(1 << 63)
MAX_INTEGER: Final = (1 << 63) - 1

NOT_AN_INTEGER: Final = replies.error(b"ERR value is not an integer or out of range")
NOT_A_FLOAT: Final = replies.error(b"ERR value is not a valid float")
NOT_FINITE: Final = replies.error(b"ERR increment would produce NaN or Infinity")

LongDouble = NewType("LongDouble", int)
"""A float, in units of 2**-16445: each that the format can hold is a whole number of these."""

_INTEGER: Final = re.compile(rb"0|-?[1-9][0-9]{0,18}")

_UNIT_BITS: Final = 16_445
_MANTISSA_BITS: Final = 64
_INFINITY: Final = 1 << (16_384 + _UNIT_BITS)
_DECIMALS: Final = 17  # written at most

_MAX_FLOAT_BYTES: Final = 5_119  # Redis copies the text into a buffer of 5 KiB.

# What C's strtold takes, but for spaces at the start, which Redis refuses, and NaN.
_FLOAT: Final = re.compile(
    rb"""
    (?P<sign>[+-]?)
    (?: (?P<infinity> inf (?:inity)? )
      | 0x (?=\.?[0-9a-f]) (?P<hex>[0-9a-f]*) (?:\.(?P<hex_fraction>[0-9a-f]*))? (?:p(?P<power_of_2>[+-]?[0-9]+))?
      | (?=\.?[0-9]) (?P<whole>[0-9]*) (?:\.(?P<fraction>[0-9]*))? (?:e(?P<power_of_10>[+-]?[0-9]+))?
    )""",
    re.IGNORECASE | re.VERBOSE,
)

# A number with more than 5,000 digits before or after the point can have a power of as many and still be finite. What
# goes beyond these two is infinite or zero all the same, and must not cost time and memory.
_MAX_POWER_OF_10: Final = 12_000
_MAX_POWER_OF_2: Final = 40_000


def parse_integer(text: bytes) -> int | None:
    """The number, if these are its digits and nothing else: no plus, no space, no zero in front; at most 64 bits."""
    if _INTEGER.fullmatch(text) is None:
        return None
    number = int(text)
    return number if MIN_INTEGER <= number <= MAX_INTEGER else None


def parse_float(text: bytes) -> LongDouble | None:
    """The nearest long double; None where C's strtold would not take the whole text, or it is too large or too small.

    `inf` is a number, if only to be refused by `add_floats`."""
    found = _FLOAT.fullmatch(text) if len(text) <= _MAX_FLOAT_BYTES else None
    magnitude = None if found is None else _magnitude(found)
    if found is None or magnitude is None:
        return None
    return LongDouble(-magnitude if found["sign"] == b"-" else magnitude)


def is_infinite(number: LongDouble) -> bool:
    """Whether the number is positive or negative infinity."""
    return abs(number) == _INFINITY


def add_floats(left: LongDouble, right: LongDouble) -> LongDouble | None:
    """The sum, rounded to a long double; None where it is infinite or not a number."""
    if is_infinite(left) or is_infinite(right):
        return None
    exact = left + right
    magnitude = _nearest_long_double(abs(exact))
    if magnitude >= _INFINITY:
        return None
    return LongDouble(-magnitude if exact < 0 else magnitude)


def format_float(number: LongDouble) -> bytes:
    """At most 17 digits behind the point, none that is a zero at the end, and never an exponent."""
    scaled = _nearest(abs(number) * 10**_DECIMALS, 1 << _UNIT_BITS)
    # Python makes no text of a whole number with more than 4,300 digits, except by way of Decimal, which is exact.
    digits = format(Decimal(scaled), "f").rjust(_DECIMALS + 1, "0")
    text = f"{digits[:-_DECIMALS]}.{digits[-_DECIMALS:]}".rstrip("0").rstrip(".")
    return b"-" + text.encode() if number < 0 and scaled else text.encode()


def _magnitude(found: re.Match[bytes]) -> int | None:
    """The number without its sign, in units; None if it is too large, or would become zero without being it."""
    if found["infinity"] is not None:
        return _INFINITY
    numerator, denominator = _decimal(found) if found["hex"] is None else _hexadecimal(found)
    magnitude = _nearest_long_double(numerator << _UNIT_BITS, denominator)
    return None if magnitude >= _INFINITY or (magnitude == 0 != numerator) else magnitude


def _decimal(found: re.Match[bytes]) -> tuple[int, int]:
    fraction = found["fraction"] or b""
    digits = int(Decimal((found["whole"] + fraction).decode()))  # As in `format_float`, for more than 4,300.
    power = _limited(found["power_of_10"], _MAX_POWER_OF_10) - len(fraction)
    return digits * 10 ** max(power, 0), 10 ** max(-power, 0)


def _hexadecimal(found: re.Match[bytes]) -> tuple[int, int]:
    fraction = found["hex_fraction"] or b""
    power = _limited(found["power_of_2"], _MAX_POWER_OF_2) - 4 * len(fraction)
    return int(found["hex"] + fraction, 16) << max(power, 0), 1 << max(-power, 0)


def _limited(power: bytes | None, limit: int) -> int:
    """The power, none being 0; the limit in its place where it is further from 0."""
    digits = (power or b"").lstrip(b"+-0") or b"0"
    size = limit if len(digits) > len(str(limit)) else min(int(digits), limit)
    return -size if power and power.startswith(b"-") else size


def _nearest_long_double(numerator: int, denominator: int = 1) -> int:
    """The quotient, rounded to 64 significant bits, or to whole units if it is so small."""
    spare_bits = max((numerator // denominator).bit_length() - _MANTISSA_BITS, 0)
    return _nearest(numerator, denominator << spare_bits) << spare_bits


def _nearest(numerator: int, denominator: int) -> int:
    """The quotient, rounded to a whole number; from the middle to the even one, as everywhere in floating point."""
    quotient, rest = divmod(numerator, denominator)
    return quotient + (2 * rest > denominator or (2 * rest == denominator and quotient % 2 == 1))
