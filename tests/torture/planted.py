"""Bugs, to be planted by tests alone."""

def plant(bug: str) -> None:
    raise KeyError(bug)
