"""Another state machine than the key-value store: an account that all nodes keep alike.

python examples/own_state_machine.py
"""

import asyncio
from collections.abc import Iterable, Iterator

from tfraft import MemoryCluster


class Account:
    """A balance that never falls below zero. Deterministic and total, as `tfraft.StateMachine` asks for."""

    def __init__(self) -> None:
        self.balance = 0

    def apply(self, command: bytes) -> bytes:
        """Add a number, which may be negative; refuse what is no number and what is not covered."""
        try:
            amount = int(command)
        except ValueError:
            return b"not a number"
        if self.balance + amount < 0:
            return b"not covered"
        self.balance += amount
        return b"%d" % self.balance

    def query(self, query: bytes) -> bytes:
        """The balance."""
        return b"%d" % self.balance

    def snapshot(self) -> Iterator[bytes]:
        """The balance as bytes: one piece is enough."""
        yield b"%d" % self.balance

    def restore(self, pieces: Iterable[bytes]) -> None:
        """Take over a balance."""
        self.balance = int(b"".join(pieces))


async def main() -> None:
    """Pay in, pay out, and try to pay out more than there is."""
    async with MemoryCluster(3, machine=Account) as cluster:
        for amount in (b"100", b"-30", b"-80"):
            print(amount.decode(), "→", (await cluster.client.apply(amount)).decode())
        print("balance:", (await cluster.client.query(b"")).decode())


if __name__ == "__main__":
    asyncio.run(main())
