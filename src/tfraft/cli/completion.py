"""TAB: commands and verbs first, then what fits: known keys, names of nodes, words such as `on` and `off`."""

import re
from collections.abc import Iterable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from tfraft.cli.escapes import as_word, quoted
from tfraft.cli.keys import KnownKeys
from tfraft.cli.tokens import split, word_at_end
from tfraft.cli.verb import Context, Verb
from tfraft.store import COMMANDS


class LineCompleter(Completer):
    """Completes from what is known already; asking for more keys goes on in the background."""

    def __init__(self, context: Context, keys: KnownKeys) -> None:
        self._context = context
        self._keys = keys

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        text = document.text_before_cursor
        word = word_at_end(text)
        before = split(text[: len(text) - len(word)])
        if not before:
            yield from self._names(word)
            return
        name = before[0].decode("ascii", "replace").upper()
        if name in self._context.verbs:
            yield from self._verb_arguments(self._context.verbs[name], word, before[1:])
        else:
            self._keys.refresh()
            yield from self._known_keys(name, word, len(before))

    def _names(self, word: str) -> Iterator[Completion]:
        summaries = {command.name: command.summary for command in COMMANDS.values()}
        summaries.update((verb.name, verb.summary) for verb in self._context.verbs.values())
        for name, summary in summaries.items():
            if name.startswith(word.upper()):
                yield Completion(name, -len(word), display_meta=summary)

    def _verb_arguments(self, verb: Verb, word: str, before: list[bytes]) -> Iterator[Completion]:
        if verb.name == "HELP":
            yield from self._names(word)
            return
        told = {one.decode(errors="replace").lower() for one in before}
        if not told.intersection(map(str.lower, verb.words)):
            yield from (Completion(one, -len(word)) for one in verb.words if one.lower().startswith(word.lower()))
        if verb.takes_nodes:
            node = re.split(r"[,|]", word)[-1]
            yield from _starting_with(node, (member.server_id for member in self._context.cluster.members))

    def _known_keys(self, name: str, word: str, position: int) -> Iterator[Completion]:
        command = COMMANDS.get(name.encode())
        if command is not None and position in command.key_positions(position + 1):
            form = quoted if word.startswith('"') else as_word
            yield from _starting_with(word, map(form, self._keys))


def _starting_with(word: str, candidates: Iterable[str]) -> Iterator[Completion]:
    return (Completion(candidate, -len(word)) for candidate in candidates if candidate.startswith(word))
