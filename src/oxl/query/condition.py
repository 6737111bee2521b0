"""The tree that filters become: bound to a resource by `filter` and `jsonpath`, rendered by `select`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec


class Condition(msgspec.Struct, frozen=True):
    """all, any or not of its parts, or a leaf that tests a column or the document.

    kind of a leaf: text, number, boolean, instant (a column by an operator against any of the values; instants are
    half-open spans); path (a lax JSON path that must find something, which an index may answer); exact (a strict one,
    which none may); instants (the instants that a JSON path finds, by an operator against spans); never.
    """

    kind: str
    column: str = ""
    op: str = "eq"
    values: tuple[Any, ...] = ()
    path: str = ""
    href: str = ""  # the collection's address, where the document must have its href
    parts: tuple[Condition, ...] = ()


NEVER = Condition("never")
ALWAYS = Condition("all")


def every(parts: Sequence[Condition]) -> Condition:
    """A condition that holds where all do."""
    return parts[0] if len(parts) == 1 else Condition("all", parts=tuple(parts))


def some(parts: Sequence[Condition]) -> Condition:
    """A condition that holds where any does."""
    return parts[0] if len(parts) == 1 else Condition("any", parts=tuple(parts))


def negated(part: Condition) -> Condition:
    """A condition that holds wherever the other does not, as where there is nothing to be tested."""
    return Condition("not", parts=(part,))
