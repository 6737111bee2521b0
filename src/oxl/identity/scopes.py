"""Which operations a caller may ask for, pure: scopes as they are granted, roles as the most that a scope can give.

A scope is `<api>[.<resource>]:<verb>`. The API by its name (`prepay_balance`) or number (`TMF654`), `tmf` for all that
have a number, `*` for all. Verbs: read, create, patch, delete, hub; write is the middle three, `*` all five.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple, get_args

Role = Literal["operator", "partner", "subscriber"]
Verb = Literal["read", "create", "patch", "delete", "hub"]
ROLES: tuple[Role, ...] = get_args(Role)
WRITE = ("create", "patch", "delete")
_FORM = re.compile(
    r"(\*|[A-Za-z][A-Za-z0-9_]{0,39})(?:\.([A-Za-z][A-Za-z0-9]{0,59}))?:(\*|read|create|patch|delete|hub|write)"
)

# What a role can have at most. Only operators correct balances by hand, open buckets and look after an installation.
CEILING: dict[Role, tuple[str, ...]] = {
    "operator": ("*:*",),
    "partner": ("tmf:*",),
    "subscriber": ("tmf:read", "tmf:write"),
}
# What none of the role has, whatever it is granted.
CLOSED: dict[Role, tuple[str, ...]] = {
    "operator": (),
    "partner": ("TMF654.adjustBalance:write", "TMF654.bucket:write", "TMF678.customerBill:write"),
    "subscriber": (
        "TMF635:write",
        "TMF654.adjustBalance:write",
        "TMF654.bucket:write",
        "TMF654.chargingRequest:write",
        "TMF654.reserveBalance:write",
        "TMF678.customerBill:write",
    ),
}
# What a role has when nothing is said of scopes.
DEFAULT: dict[Role, tuple[str, ...]] = {
    "operator": ("*:*",),
    "partner": ("tmf:*",),
    "subscriber": ("tmf:read", "TMF677.queryUsageConsumption:create", "TMF680.queryProductRecommendation:create"),
}


class Operation(NamedTuple):
    """What is asked for: a verb on a resource of an API; the resource of a hub is called hub."""

    api: str
    number: str
    resource: str
    verb: Verb

    @property
    def text(self) -> str:
        """The narrowest scope that allows it."""
        return f"{self.number or self.api}.{self.resource}:{self.verb}"


def is_scope(text: str) -> bool:
    """Whether a text has the form of a scope."""
    return _FORM.fullmatch(text) is not None


def covers(scope: str, asked: Operation) -> bool:
    """Whether a scope allows an operation; a text of another form allows nothing."""
    match = _FORM.fullmatch(scope)
    if match is None:
        return False
    api, resource, verb = match.groups()
    apis = {"*", asked.api.lower()} | ({"tmf", asked.number.lower()} if asked.number else set())
    verbs = {"*", asked.verb} | ({"write"} if asked.verb in WRITE else set())
    return api.lower() in apis and resource in (None, asked.resource) and verb in verbs


def allows(role: Role, scopes: Sequence[str] | None, asked: Operation) -> bool:
    """Whether a caller of that role and those scopes (None: nothing was said of them) may ask for an operation."""
    granted = DEFAULT[role] if scopes is None else scopes
    return (
        any(covers(scope, asked) for scope in CEILING[role])
        and not any(covers(scope, asked) for scope in CLOSED[role])
        and any(covers(scope, asked) for scope in granted)
    )
