"""A running server: moves bytes and time between `core` and the adapters, and decides nothing."""
