"""Transcripts: histories as text, a command a line, and below each, indented, what it changed.

A server shows as its role, its term with its vote, and its log: `2:x` is the command x of term 2, `2:-` a no-op,
`2:{a,b}` a configuration, with learners `2:{a,b;c}`, joint `2:{a,b<a,c}`: to a and b, from a and c; `(7)` stands for
the entries through index 7, which are compacted away; `|` stands after what the server knows to be committed, `~`
after an entry that is not on its disk.
Letters show when they are sent, answers when they are given. A line that begins with `#` is a comment.
"""

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import assert_never

from tests.raftlab import Done, Lab, Letter, Outcome, Read
from tests.servers import PRE_VOTE, log
from tfraft.core.base import NO_BASE, Base
from tfraft.core.configuration import Configuration
from tfraft.core.effects import Saved
from tfraft.core.entry import Entry, EntryKind
from tfraft.core.messages import (
    AppendEntries,
    AppendEntriesReply,
    InstallSnapshot,
    InstallSnapshotReply,
    Message,
    PreVote,
    PreVoteReply,
    ReadIndex,
    ReadIndexReply,
    RequestVote,
    RequestVoteReply,
    TimeoutNow,
)
from tfraft.core.requests import Consistency

INDENT = "    "


class Transcript:
    """Executes commands in a laboratory, and tells what each has changed."""

    def __init__(self) -> None:
        self.config = PRE_VOTE
        self.disks: dict[str, Saved] = {}
        self.lab = Lab("")
        self.held: list[Letter] = []
        self.shown: dict[str, str] = {}
        self.told: set[str] = set()

    def run(self, text: str) -> str:
        """`text` with the output of its commands as it is now."""
        lines: list[str] = []
        for line in text.splitlines():
            if line.startswith(INDENT):
                continue
            lines.append(line)
            if line and not line.startswith("#"):
                lines.extend(INDENT + output for output in self.execute(line))
        return "\n".join(lines) + "\n"

    def execute(self, line: str) -> Iterator[str]:
        """Do what `line` says; the servers, letters and answers that are new since."""
        letters_before = Counter(self.lab.letters)
        word, *arguments = line.split()
        COMMANDS[word](self, *arguments)
        yield from self.changed_servers()
        for letter in (Counter(self.lab.letters) - letters_before).elements():
            yield f"{letter.sender} -> {letter.receiver}  {message_text(letter.message)}"
        for token in sorted(self.lab.outcomes.keys() - self.told):
            self.told.add(token)
            yield f"{token}: {outcome_text(self.lab.outcomes[token])}"

    def changed_servers(self) -> Iterator[str]:
        """The lines of the servers that do not look as they did."""
        for name in sorted(self.lab.machines):
            text = self.server_text(name)
            if self.shown.get(name) != text:
                self.shown[name] = text
                yield text

    def server_text(self, name: str) -> str:
        """One server in one line."""
        machine = self.lab.machines[name]
        if machine.raft is None:
            disk = machine.disk
            rows = [*base_text(disk.base.index), *map(entry_text, disk.entries)]
            return line_of(name, "down", disk.current_term, disk.voted_for, rows)
        state = machine.raft.state
        rows = base_text(state.log.base_index)
        rows += ["|"] if state.commit_index == state.log.base_index else []
        for index in range(state.log.base_index + 1, state.log.last_index + 1):
            rows.append(entry_text(state.log.entry(index)) + ("" if index <= state.durable_index else "~"))
            if index == state.commit_index:
                rows.append("|")
        return line_of(name, state.role.value, state.current_term, state.voted_for, rows)

    # --- Commands: setting the stage ---

    def disk(self, name: str, _term: str, term: str, _log: str, *terms: str) -> None:
        """`disk a term 3 log 1 1 2`: what a server finds when the cluster starts."""
        self.disks[name] = Saved(int(term), None, NO_BASE, log(*map(int, terms)))

    def cluster(self, *names: str) -> None:
        """`cluster a b c + d`: voters, and after a plus those who know no cluster yet."""
        voters, _, strangers = "".join(names).partition("+")
        base = Base(configuration=Configuration.of(voters))
        disks = {
            name: dataclasses.replace(disk, base=base if name in voters else NO_BASE)
            for name, disk in self.disks.items()
        }
        self.lab = Lab(voters, strangers, config=self.config, disks=disks)

    def batch(self, entries: str) -> None:
        """`batch 1`: the most entries that one message carries."""
        self.config = dataclasses.replace(self.config, max_batch_entries=int(entries))

    def keep(self, entries: str) -> None:
        """`keep 0`: how many entries stay in the log behind a snapshot."""
        self.config = dataclasses.replace(self.config, keep_entries=int(entries))

    def pieces(self, size_bytes: str) -> None:
        """`pieces 100`: how many bytes of a snapshot one message carries."""
        self.config = dataclasses.replace(self.config, snapshot_piece_bytes=int(size_bytes))

    def partition(self, *words: str) -> None:
        """`partition a | b c`: no letter passes the bar."""
        self.lab.partition(*" ".join(words).split("|"))

    # --- Commands: letters ---

    def chosen(self, link: str) -> list[Letter]:
        """The letters of `a->b`, of `a->`, of `->b`; all of them where nothing is given."""
        sender, _, receiver = link.partition("->")
        return self.lab.between(sender, receiver)

    def deliver(self, link: str = "", count: str = "") -> None:
        """`deliver a->b` those letters; `deliver a->b 1` the oldest; `deliver` all, until none is left."""
        if link:
            letters = self.chosen(link)
            self.lab.deliver(*letters[: int(count) if count else len(letters)])
        else:
            self.lab.deliver_all()

    def drop(self, link: str = "") -> None:
        """They are lost."""
        self.lab.drop(*self.chosen(link))

    def hold(self, link: str) -> None:
        """They are late: out of the way until `release`."""
        self.held.extend(self.chosen(link))
        self.lab.drop(*self.chosen(link))

    def copy(self, link: str) -> None:
        """A second copy of them is late: it comes with `release`."""
        self.held.extend(self.chosen(link))

    def release(self) -> None:
        """What was held or copied is on its way again, the youngest first."""
        self.lab.letters.extend(reversed(self.held))
        self.held.clear()

    # --- Commands: time, disks, clients ---

    def stand(self, name: str) -> None:
        """A server times out, and gets its PreVotes through: it is a candidate now, if a majority would vote for it."""
        self.lab.time_out(name)
        for kind in (PreVote, PreVoteReply):
            letters = self.lab.between(name) if kind is PreVote else self.lab.between(receiver=name)
            self.lab.deliver(*(letter for letter in letters if isinstance(letter.message, kind)))

    def tick(self, seconds: str) -> None:
        """Time passes, and everybody sees it; letters wait."""
        self.lab.now += float(seconds)
        for name in self.lab.running:
            self.lab.tick(name)

    def wait(self, seconds: str) -> None:
        """Time passes, and nobody looks."""
        self.lab.now += float(seconds)

    def show(self) -> None:
        """Every server, changed or not."""
        self.shown.clear()

    def slow(self, name: str) -> None:
        """What this server saves takes until `save`."""
        self.lab.machines[name].slow_disk = True

    def fast(self, name: str) -> None:
        """What this server saves is saved at once."""
        self.lab.machines[name].slow_disk = False


def line_of(name: str, role: str, term: int, voted_for: str | None, log_entries: Iterable[str]) -> str:
    """A server in one line."""
    vote = f", votes {voted_for}" if voted_for else ""
    return f"{name}  {role:9}  term {term}{vote}  log {' '.join(log_entries)}".rstrip()


def base_text(base_index: int) -> list[str]:
    """What stands for the entries that are compacted away."""
    return [f"({base_index})"] if base_index else []


def configuration_text(configuration: Configuration) -> str:
    """The members, as short as can be."""
    voters, old, learners = (
        ",".join(server for server, _ in members)
        for members in (configuration.voters, configuration.old_voters, configuration.learners)
    )
    return "{" + voters + (f"<{old}" if old else "") + (f";{learners}" if learners else "") + "}"


def entry_text(entry: Entry) -> str:
    """One entry in one word."""
    match entry.kind:
        case EntryKind.NO_OP:
            return f"{entry.term}:-"
        case EntryKind.CONFIGURATION:
            return f"{entry.term}:{configuration_text(Configuration.decode(entry.data))}"
        case _:
            return f"{entry.term}:{entry.data.decode().partition('@')[0]}"


def message_text(message: Message) -> str:
    """One message in a few words; a place in the log is index@term."""
    match message:
        case PreVote():
            return f"PreVote, term {message.term}, last {message.last_log_index}@{message.last_log_term}"
        case PreVoteReply():
            return f"{'would vote' if message.vote_granted else 'would not vote'}, term {message.term}"
        case RequestVote():
            return f"RequestVote, term {message.term}, last {message.last_log_index}@{message.last_log_term}"
        case RequestVoteReply():
            return f"{'vote' if message.vote_granted else 'no vote'}, term {message.term}"
        case AppendEntries():
            entries = " ".join(map(entry_text, message.entries)) or "nothing"
            request = f"AppendEntries, term {message.term}, after {message.prev_log_index}@{message.prev_log_term}"
            return f"{request}: {entries}, commit {message.leader_commit}{round_text(message.read_round)}"
        case AppendEntriesReply():
            conflict = f"go on at {message.conflict_index}"
            if message.conflict_term:
                conflict = f"conflict {message.conflict_index}@{message.conflict_term}"
            outcome = f"equal through {message.match_index}" if message.success else f"not equal, {conflict}"
            return f"{outcome}, term {message.term}{round_text(message.read_round)}"
        case TimeoutNow():
            return f"TimeoutNow, term {message.term}"
        case InstallSnapshot():
            place = f"{message.snapshot.base.index}@{message.snapshot.base.term}"
            end = message.offset + message.size_bytes
            piece = f"bytes {message.offset} to {end} of {message.snapshot.size_bytes}"
            return f"InstallSnapshot, term {message.term}, of {place}: {piece}"
        case InstallSnapshotReply():
            return f"has {message.offset} bytes of the snapshot at {message.last_index}, term {message.term}"
        case ReadIndex():
            return f"ReadIndex, term {message.term}"
        case ReadIndexReply():
            return f"read at {message.read_index}, term {message.term}"
        case _:
            assert_never(message)


def round_text(read_round: int) -> str:
    """The round of heartbeats, if there was one yet."""
    return f", round {read_round}" if read_round else ""


def outcome_text(outcome: Outcome) -> str:
    """What who asked was told."""
    match outcome:
        case Done():
            return f"done at {outcome.index}"
        case Read():
            return f"read at {outcome.read_index}"
        case _:
            hint = f", the leader is {outcome.leader_hint}" if outcome.leader_hint else ""
            return f"{outcome.status.name}{hint}" + (f": {outcome.reason}" if outcome.reason else "")


COMMANDS: dict[str, Callable[..., object]] = {
    "add": lambda script, name, server, token="": script.lab.add_server(name, server, token),
    "ask": lambda script, name, token: script.lab.query(name, token, Consistency.FOLLOWER),
    "batch": Transcript.batch,
    "change": lambda script, name, voters, token="": script.lab.change_servers(name, voters, token),
    "cluster": Transcript.cluster,
    "copy": Transcript.copy,
    "crash": lambda script, name: script.lab.crash(name),
    "deliver": Transcript.deliver,
    "disk": Transcript.disk,
    "drop": Transcript.drop,
    "elect": lambda script, name: script.lab.elect(name),
    "fast": Transcript.fast,
    "heal": lambda script: script.lab.heal(),
    "heartbeat": lambda script, name: script.lab.heartbeat(name),
    "hold": Transcript.hold,
    "keep": Transcript.keep,
    "learn": lambda script, name, server, token="": script.lab.add_learner(name, server, token),
    "partition": Transcript.partition,
    "pieces": Transcript.pieces,
    "propose": lambda script, name, command: script.lab.propose(name, command),
    "query": lambda script, name, token: script.lab.query(name, token),
    "release": Transcript.release,
    "remove": lambda script, name, server, token="": script.lab.remove_server(name, server, token),
    "restart": lambda script, name: script.lab.restart(name),
    "run": lambda script, seconds: script.lab.run(float(seconds)),
    "save": lambda script, name: script.lab.save(name),
    "show": Transcript.show,
    "slow": Transcript.slow,
    "snapshot": lambda script, name: script.lab.take_snapshot(name),
    "stand": Transcript.stand,
    "tick": Transcript.tick,
    "transfer": lambda script, name, target="": script.lab.transfer(name, target),
    "wait": Transcript.wait,
    "write": lambda script, name: script.lab.write_pieces(name),
    "timeout": lambda script, name: script.lab.time_out(name),
}
