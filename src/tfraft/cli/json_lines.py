"""Answers for a program: one JSON object on one line for each line that asks.

    {"ok": true, "value": …}                            the store's answer; null is a missing value
    {"ok": true, "value_base64": …}                     the same where a string in it is no UTF-8: all of them in base64
    {"ok": true, "value": [{…}, …], "text": "…"}        a verb that shows a table, a row to an object
    {"ok": true, "value": "…"}                          a verb that says what it did
    {"ok": false, "error": "…", "outcome": "…"}         refused or error: nothing was changed; unknown: it may be

Other keys may come; these stay.
"""

import json
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from tfraft.cli.outputs import Failure, Table
from tfraft.store.replies import ErrorReply, Reply, Simple

Document = dict[str, Any]


def document_of(reply: Reply) -> Document:
    """The object that stands for `reply`."""
    try:
        return {"ok": True, "value": _value(reply, bytes.decode)}
    except UnicodeDecodeError:
        return {"ok": True, "value_base64": _value(reply, lambda data: b64encode(data).decode())}


def _value(reply: Reply, text_of: Callable[[bytes], str]) -> Any:
    match reply:
        case Simple(text):
            return text
        case ErrorReply(code, message):
            return f"{code} {message}"
        case bytes():
            return text_of(reply)
        case list():
            return [_value(member, text_of) for member in reply]
        case _:
            return reply


class JsonOutput:
    """The `Output` of `--json`. `write` takes one line without its end."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._document: Document = {}
        self._sentences: list[str] = []

    def reply(self, reply: Reply, took_s: float) -> None:
        self._document = document_of(reply)

    def say(self, sentence: str) -> None:
        self._sentences.append(sentence)

    def table(self, table: Table) -> None:
        rows = [dict(zip(table.columns, row.cells, strict=True)) for row in table.rows]
        self._document = {"ok": True, "value": rows}

    def story(self, line: str) -> None:
        pass

    def hint(self, sentence: str) -> None:
        pass

    def fail(self, failure: Failure) -> None:
        self._document = {"ok": False, "error": failure.text, "outcome": failure.outcome.value}

    def end(self) -> None:
        """Write the object; afterwards the next answer may begin."""
        text = "\n".join(self._sentences)
        if not self._document:
            self._document = {"ok": True, "value": text}
        elif text:
            self._document["text"] = text
        self._write(json.dumps(self._document))
        self._document = {}
        self._sentences = []
