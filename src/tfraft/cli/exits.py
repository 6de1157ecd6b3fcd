"""How the program ends: its exit codes, and which error gives which."""

from enum import IntEnum

from tfraft.errors import CommandError, DataError, Refused, SettingError, Unavailable


class ExitCode(IntEnum):
    """0 is success; a signal gives 128 and its number, as in every shell."""

    OK = 0
    INTERNAL = 1
    USAGE = 2
    NO_CLUSTER = 3
    COMMAND_FAILED = 4
    UNHEALTHY = 5
    DATA_REFUSED = 7
    HANGUP = 129
    INTERRUPTED = 130
    PIPE_CLOSED = 141
    TERMINATED = 143


def exit_code_of(error: Exception) -> ExitCode:
    """The code of a program that ends by `error`."""
    match error:
        case SettingError() | CommandError():
            return ExitCode.USAGE
        case DataError():
            return ExitCode.DATA_REFUSED
        case Refused() | Unavailable():
            return ExitCode.NO_CLUSTER
        case _:
            return ExitCode.INTERNAL
