"""How the prompt looks: the leader and the term before the line, the roles of all nodes below it."""

import os
import sys

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.styles import Style

from tfraft.cli.verb import Context
from tfraft.clusters.cluster import Member, NodeState

# Consecutive terms look different; the number is there, too, for those who see no colours.
_TERM_COLOURS = ("ansigreen", "ansiyellow", "ansicyan", "ansimagenta", "ansiblue", "ansired")

STYLE = Style.from_dict(
    {
        "no-leader": "ansired bold",
        "hint": "ansibrightblack",
        "bottom-toolbar": "noreverse ansibrightblack",
        "bottom-toolbar.leader": "bold",
        "bottom-toolbar.down": "ansired",
        **{f"term{number}": f"{colour} bold" for number, colour in enumerate(_TERM_COLOURS)},
    }
)


class TerminalWithoutQuestions(Vt100_Output):
    """The terminal of this process, never asked where its cursor is.

    A terminal that does not answer would get a warning on its screen and no toolbar. Unasked, the toolbar stands right
    below the line, which also reads better."""

    @classmethod
    def of_this_process(cls) -> "TerminalWithoutQuestions":
        """The terminal at standard output."""
        output = cls.from_pty(sys.stdout, term=os.environ.get("TERM"))
        assert isinstance(output, cls)
        return output

    @property
    def responds_to_cpr(self) -> bool:
        """Whether to ask: no."""
        return False

    def get_rows_below_cursor_position(self) -> int:
        """As many as the line needs; any number above 0 has the toolbar drawn."""
        return 1


def message(context: Context) -> StyleAndTextTuples:
    """What stands before the line: `n2★ t1> `, in one style, so that it reaches the terminal in one piece.

    A blank at the end is written only if it has a colour."""
    leader = context.cluster.leader
    if leader is None:
        return [("class:no-leader", "no leader> ")]
    server_id, term = leader
    return [(f"class:term{term % len(_TERM_COLOURS)}", f"{server_id}★ t{term}> ")]


def toolbar(context: Context) -> StyleAndTextTuples:
    """What stands below the line: each node with its role or why it has none."""
    fragments: StyleAndTextTuples = []
    for member in context.cluster.members:
        if fragments:
            fragments.append(("", " · "))
        fragments.append(_node(context, member))
    if context.groups:
        fragments.append(("class:bottom-toolbar.down", " · network cut: HEAL mends it"))
    return fragments


def _node(context: Context, member: Member) -> tuple[str, str]:
    leader = context.cluster.leader
    if member.state is not NodeState.RUNNING:
        return ("class:bottom-toolbar.down", f"{member.server_id} {member.state.value}")
    if leader is not None and leader[0] == member.server_id:
        return ("class:bottom-toolbar.leader", f"{member.server_id} ★ leader")
    role = context.watcher.roles.get(member.server_id, "")
    # A node that was cut off may not know yet that another one leads.
    return ("", f"{member.server_id} {'old leader' if role == 'leader' and leader else role}".rstrip())
