"""What one object of the store does when operations reach it one after the other: the measure for a history.

A model is a state at the beginning and a step: the state after an operation and the answer it gives.
"""

from collections.abc import Callable

from tfraft.record import record
from tfraft.simulator.history import Operation

State = bytes | None
"""A string, a field or the membership of a value in a set: what it holds, or None for nothing."""


@record
class Model:
    """How an object behaves.

    `reads` names the operations that change nothing: without an answer they may be left out. `overwrites` names those
    after which the state does not depend on what it was before: one that comes right after another undoes it."""

    step: Callable[[State, str, bytes | None], tuple[State, object]]
    reads: tuple[str, ...]
    overwrites: tuple[str, ...]


def register(state: State, name: str, argument: bytes | None) -> tuple[State, object]:
    """A key that holds a string: SET, GET, and DEL, which tells whether there was one."""
    match name:
        case "SET":
            return argument, "OK"
        case "DEL":
            return None, int(state is not None)
        case _:
            return state, state


def hash_field(state: State, name: str, argument: bytes | None) -> tuple[State, object]:
    """One field of a hash: HSET and HDEL tell whether it was new, or was there."""
    match name:
        case "HSET":
            return argument, int(state is None)
        case "HDEL":
            return None, int(state is not None)
        case _:
            return state, state


def set_member(state: State, name: str, argument: bytes | None) -> tuple[State, object]:
    """One member of a set: in it or not."""
    match name:
        case "SSET":
            return b"in", int(state is None)
        case "SDEL":
            return None, int(state is not None)
        case _:
            return state, state is not None


REGISTER = Model(register, reads=("GET",), overwrites=("SET", "DEL"))
HASH_FIELD = Model(hash_field, reads=("HGET",), overwrites=("HSET", "HDEL"))
SET_MEMBER = Model(set_member, reads=("SHAS",), overwrites=("SSET", "SDEL"))

MODEL_OF = {
    "SET": REGISTER,
    "GET": REGISTER,
    "DEL": REGISTER,
    "HSET": HASH_FIELD,
    "HGET": HASH_FIELD,
    "HDEL": HASH_FIELD,
    "SSET": SET_MEMBER,
    "SHAS": SET_MEMBER,
    "SDEL": SET_MEMBER,
}
"""The model by which an operation is judged, by its name."""


def model_of(operations: list[Operation]) -> Model:
    """The model of one object, of which these are the operations; there is at least one."""
    return MODEL_OF[operations[0].name]
