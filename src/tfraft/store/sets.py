"""The commands on a SET."""

from tfraft.store import set_algebra, set_members, set_wholes

COMMANDS = (*set_members.COMMANDS, *set_algebra.COMMANDS, *set_wholes.COMMANDS)
