"""Addresses as people write them: `host:port`, with an IPv6 address in brackets."""

import ipaddress
import re
from typing import Final

from tfraft.errors import SettingError

_HOST = r"(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9][A-Za-z0-9._-]{0,252})"
_PORT = r"(?:[1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])"

ADDRESS_PATTERN: Final = rf"{_HOST}:{_PORT}"
ADDRESS_FORM: Final = "host:port with a port from 1 to 65535, such as 10.0.0.1:7001 or [::1]:7001"


def addresses_in(text: str) -> tuple[str, ...]:
    """The addresses in `host:port,host:port`, each once. Raises SettingError, which shows the one that is none."""
    found = [part.strip() for part in text.split(",")]
    for one in found:
        if not re.fullmatch(ADDRESS_PATTERN, one):
            raise SettingError(f"{one[:200]!r} is no address: {ADDRESS_FORM} is one")
    return tuple(dict.fromkeys(found))


def host_of(address: str) -> str:
    """The host in an address, without the brackets of IPv6."""
    return address.rpartition(":")[0].strip("[]")


def port_of(address: str) -> int:
    """The port in an address."""
    return int(address.rpartition(":")[2])


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches `host`; a name other than localhost may be anything."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_everywhere(host: str) -> bool:
    """Whether `host` stands for all addresses of this machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
