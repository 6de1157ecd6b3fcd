"""The commands that a connection answers itself, each family in a file."""
