"""The commands on a STRING."""

from tfraft.store import lcs, string_deadlines, string_groups, string_numbers, string_ranges, string_values

COMMANDS = (
    *string_values.COMMANDS,
    *string_deadlines.COMMANDS,
    *string_groups.COMMANDS,
    *string_numbers.COMMANDS,
    *string_ranges.COMMANDS,
    *lcs.COMMANDS,
)
