"""Who asks, in the words that all halls share: `identity` says it of a request, the kernel keeps to it.

Without a sight a caller sees everything of the tenant; with one only what is of its parties and accounts.
"""

from __future__ import annotations

from typing import Literal, NamedTuple


class Owner(NamedTuple):
    """Whose a resource is: the column of its view, and of `one`, that holds an account's id, or a party's.

    shown: the boolean column that says whether its owner sees it at all, where that is not always so.
    """

    column: str
    kind: Literal["account", "party", "everyone"] = "account"
    shown: str = ""


EVERYONE = Owner("", "everyone")


class Sight(NamedTuple):
    """What a caller sees who does not see everything: what is of these parties and accounts."""

    party: tuple[str, ...]
    account: tuple[str, ...]


class Caller(NamedTuple):
    """On whose behalf a request comes; `trace` is the id of the trace that it belongs to, `correlation` the same where
    the client has told of it: its events carry it.
    """

    name: str = ""
    sight: Sight | None = None
    trace: str = ""
    correlation: str = ""


NOBODY = Caller()
