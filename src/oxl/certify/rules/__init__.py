"""The rules of the suite, each registered as its module is read; their order here is the order of a report."""

from __future__ import annotations

from oxl.certify.rule import RULES
from oxl.certify.rules import changing, creating, events, lists, reading, sums

ALL = tuple(
    rule
    for module in (lists, creating, reading, changing, events, sums)
    for rule in RULES
    if rule.ask.__module__ == module.__name__
)
