"""Which ids and addresses the network over gRPC can carry, asked before anybody depends on them. No I/O here."""

import re

from tfraft.core.configuration import MAX_NAME_BYTES, name_fault

__all__ = ["MAX_NAME_BYTES", "address_fault", "name_fault"]

_ADDRESS = re.compile(r"(\[[0-9A-Fa-f:.]+(%\w+)?\]|[^\s:/?#@\[\]]+):([0-9]{1,5})", re.ASCII)


def address_fault(address: str) -> str:
    """Why nobody can be reached at `address`, as a sentence; empty where it is a host and a port."""
    if fault := name_fault("an address", address):
        return fault
    found = _ADDRESS.fullmatch(address)
    if found is None or not 1 <= int(found[3]) <= 65_535:
        return f"an address is host:port, with a port from 1 to 65535, not {address!r}"
    return ""
