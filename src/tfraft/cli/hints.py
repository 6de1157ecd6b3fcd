"""What is still to be typed, in grey behind the cursor: `SET greeting` is followed by `value`."""

from collections.abc import Mapping

from prompt_toolkit.application import get_app
from prompt_toolkit.layout.processors import Processor, Transformation, TransformationInput

from tfraft.cli.tokens import BLANKS, split
from tfraft.errors import CommandError


def still_to_type(text: str, usages: Mapping[str, str]) -> str:
    """The part of the usage that follows on `text`, with a blank before it where one is missing; empty if none."""
    try:
        words = split(text)
    except CommandError:
        return ""  # Within quotes nobody looks for the next argument.
    usage = usages.get(words[0].decode("ascii", "replace").upper()) if words else None
    if usage is None:
        return ""
    rest = " ".join(_arguments(usage)[len(words) - 1 :])
    return rest if text[-1] in BLANKS or not rest else f" {rest}"


def _arguments(usage: str) -> list[str]:
    """The arguments of a usage: its words, where what stands in brackets is one."""
    arguments: list[str] = []
    for word in usage.split()[1:]:
        if arguments and arguments[-1].startswith("[") and not arguments[-1].endswith("]"):
            arguments[-1] += f" {word}"
        else:
            arguments.append(word)
    return arguments


class UsageHint(Processor):
    """Shows the hint behind the line while it is being typed."""

    def __init__(self, usages: Mapping[str, str]) -> None:
        self._usages = usages

    def apply_transformation(self, transformation_input: TransformationInput) -> Transformation:
        document = transformation_input.document
        at_end = transformation_input.lineno == document.line_count - 1 and document.is_cursor_at_the_end
        if not at_end or get_app().is_done:
            return Transformation(transformation_input.fragments)
        hint = still_to_type(document.text, self._usages)
        return Transformation([*transformation_input.fragments, ("class:hint", hint)])
