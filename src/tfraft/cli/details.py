"""What a command has done, on standard output: sentences for a person, or one JSON object for a program.

{"ok": true, "value": {…}, "text": "…"}     the same form as that of a verb (see `json_lines`)
"""

import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from tfraft.cli.escapes import safe


def tell(value: Mapping[str, Any], sentences: Sequence[str], *, as_json: bool, ok: bool = True) -> None:
    """Tell what was done, or found: the facts as `value`, and the `sentences` for a person."""
    if as_json:
        write_line(json.dumps({"ok": ok, "value": value, "text": "\n".join(sentences)}))
    else:
        for sentence in sentences:
            write_line(safe(sentence))


def write_line(line: str) -> None:
    """Write a line to standard output at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
