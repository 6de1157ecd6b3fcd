"""COMMAND: all commands, of connections and of the store, as clients and their prompts want to know them."""

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Final

from tfraft.record import record
from tfraft.resp.caller import Caller
from tfraft.resp.command import ConnectionCommand, Run, container, find
from tfraft.resp.for_store import check
from tfraft.resp.resp2 import NIL_ARRAY
from tfraft.store import replies
from tfraft.store.command import Command
from tfraft.store.commands import COMMANDS as STORE_COMMANDS
from tfraft.store.glob import compile_glob

OwnCommands = Mapping[bytes, ConnectionCommand]

_NO_KEYS: Final = b"-ERR The command has no key arguments\r\n"
_INVALID: Final = b"-ERR Invalid command specified\r\n"
_INVALID_COUNT: Final = b"-ERR Invalid number of arguments specified for command\r\n"
_GROUPS: Final = {"key": "generic"}


@record
class Entry:
    """What is told of one command; its name is in small letters, with a bar before a second word."""

    name: str
    arity: int
    flags: tuple[str, ...]
    keys: tuple[int, int, int]
    categories: tuple[str, ...]
    summary: str
    group: str
    usage: str
    members: "tuple[Entry, ...]" = ()


def container_over(own: OwnCommands) -> ConnectionCommand:
    """The command COMMAND, which tells of the commands in `own`, as they are when it is called, and of the store's."""

    @cache  # Made when it is first asked for, since the table is not complete before.
    def entries() -> dict[str, Entry]:
        return _entries(own)

    def all_(caller: Caller, args: list[bytes]) -> bytes:
        return replies.array([_info(entry) for entry in entries().values()])

    def count(caller: Caller, args: list[bytes]) -> bytes:
        return replies.integer(len(entries()))

    def info(caller: Caller, args: list[bytes]) -> bytes:
        found = [_find(entries(), word) for word in args[2:]] or list(entries().values())
        nil = NIL_ARRAY if caller.in_resp2 else replies.NIL
        return replies.array([nil if entry is None else _info(entry) for entry in found])

    def docs(caller: Caller, args: list[bytes]) -> bytes:
        found = [_find(entries(), word) for word in args[2:]] or list(entries().values())
        return _map([(entry.name, _docs(entry)) for entry in found if entry is not None])

    def list_(caller: Caller, args: list[bytes]) -> bytes:
        return _list(entries(), args[2:])

    def getkeys(caller: Caller, args: list[bytes]) -> bytes:
        return _getkeys(own, args[2:])

    described: tuple[tuple[str, str, Run, int, int | None], ...] = (
        ("COUNT", "How many commands there are.", count, 0, 0),
        ("INFO", "How commands are called.", info, 0, None),
        ("DOCS", "What commands do.", docs, 0, None),
        ("LIST", "The names of all commands.", list_, 0, None),
        ("GETKEYS", "The keys in a command.", getkeys, 2, None),
    )
    members = tuple(
        ConnectionCommand(f"COMMAND|{name}", f"COMMAND {name}", summary, "server", run, least, most)
        for name, summary, run, least, most in described
    )
    return container("COMMAND", "About all commands.", "server", members, all_)


def _getkeys(own: OwnCommands, words: list[bytes]) -> bytes:
    found = find(own, words)
    if found is not None:
        keys = words[1:] if found.has_keys else []
    else:
        command = check(words)
        if isinstance(command, bytes):
            return _INVALID if command.startswith(b"-ERR unknown") else _INVALID_COUNT
        keys = [words[position] for position in command.key_positions(len(words))]
    return replies.array([replies.bulk(key) for key in keys]) if keys else _NO_KEYS


def _entries(own: OwnCommands) -> dict[str, Entry]:
    entries = [*map(_entry_of_own, own.values()), *_entries_of_store(STORE_COMMANDS.values())]
    return {entry.name: entry for entry in sorted(entries, key=lambda entry: entry.name)}


def _entry_of_own(command: ConnectionCommand) -> Entry:
    members = tuple(map(_entry_of_own, command.subcommands.values()))
    flags, keys = ("noscript", "loading", "stale", "fast"), (1, -1, 1) if command.has_keys else (0, 0, 0)
    name, categories = command.name.lower(), ("@fast", "@" + command.group)
    return Entry(name, command.arity, flags, keys, categories, command.summary, command.group, command.usage, members)


def _entries_of_store(commands: Iterable[Command]) -> list[Entry]:
    entries: list[Entry] = []
    families: dict[str, list[Entry]] = {}
    for command in commands:
        entry = _entry_of_store(command)
        first, bar, _ = entry.name.partition("|")
        if bar:
            families.setdefault(first, []).append(entry)
        else:
            entries.append(entry)
    for first, members in families.items():
        summary = f"About {members[0].group} commands."
        entries.append(Entry(first, -2, (), (0, 0, 0), ("@slow",), summary, members[0].group, first, tuple(members)))
    return entries


def _entry_of_store(command: Command) -> Entry:
    words = command.min_args + 1
    arity = words if command.max_args == command.min_args else -words
    group = _GROUPS.get(command.group, command.group)
    keys = (0, 0, 0) if command.keys is None else (command.keys.first, command.keys.last, command.keys.step)
    kind = ("write", "@write") if command.writes else ("readonly", "@read")
    name, categories = (
        command.name.lower().replace(" ", "|"),
        (kind[1], "@" + ("keyspace" if group == "generic" else group)),
    )
    return Entry(name, arity, (kind[0],), keys, categories, command.summary, group, command.usage)


def _find(entries: dict[str, Entry], word: bytes) -> Entry | None:
    name = word.decode(errors="replace").lower()
    entry = entries.get(name.partition("|")[0])
    if entry is None or "|" not in name:
        return entry
    return next((member for member in entry.members if member.name == name), None)


def _list(entries: dict[str, Entry], options: list[bytes]) -> bytes:
    names = [name for entry in entries.values() for name in (entry.name, *(member.name for member in entry.members))]
    if not options:
        return replies.array([_text(name) for name in entries])
    if len(options) != 3 or options[0].upper() != b"FILTERBY":
        return replies.SYNTAX_ERROR
    match options[1].upper():
        case b"PATTERN":
            glob = compile_glob(options[2].lower())
            return replies.array([_text(name) for name in names if glob.matches(name.encode())])
        case b"ACLCAT":
            category = "@" + options[2].decode(errors="replace").lower()
            return replies.array([_text(entry.name) for entry in entries.values() if category in entry.categories])
        case b"MODULE":
            return replies.array([])
        case _:
            return replies.SYNTAX_ERROR


def _info(entry: Entry) -> bytes:
    first, last, step = entry.keys
    return replies.array(
        [
            _text(entry.name),
            replies.integer(entry.arity),
            _set(entry.flags),
            *(replies.integer(first), replies.integer(last), replies.integer(step)),
            _set(entry.categories),
            *(_set(()), _set(())),  # No hints, and no more about the keys than stands above.
            replies.array([_info(member) for member in entry.members]),
        ]
    )


def _docs(entry: Entry) -> bytes:
    fields = [("summary", _text(entry.summary)), ("since", _text("1.0.0")), ("group", _text(entry.group))]
    words = entry.usage.replace("…", "...").split()[1 + ("|" in entry.name) :]
    if words:
        described = [_map([("name", _text(word)), ("type", _text("string"))]) for word in words]
        fields.append(("arguments", replies.array(described)))
    if entry.members:
        fields.append(("subcommands", _map([(member.name, _docs(member)) for member in entry.members])))
    return _map(fields)


def _text(text: str) -> bytes:
    return replies.bulk(text.encode())


def _set(words: tuple[str, ...]) -> bytes:
    return b"~%d\r\n%b" % (len(words), b"".join(replies.simple(word.encode()) for word in words))


def _map(fields: list[tuple[str, bytes]]) -> bytes:
    return b"%%%d\r\n%b" % (len(fields), b"".join(_text(name) + value for name, value in fields))
