"""Who a request comes from, as keys and tokens tell it; and why somebody is not let in."""

from __future__ import annotations

import msgspec

from oxl.identity.scopes import Role
from oxl.kernel.problem import Problem

CHALLENGE = (("WWW-Authenticate", 'Bearer realm="oxl"'),)


class Who(msgspec.Struct, frozen=True, kw_only=True):
    """One who was recognised. `parties` narrow what is seen to what is theirs; none: the whole tenant.

    rate: requests a second, where theirs differs from what the settings say.
    """

    tenant: str
    name: str  # key:<id>, or of a token <issuer>#<subject>
    role: Role
    scopes: tuple[str, ...] | None = None
    parties: tuple[str, ...] = ()
    rate: int | None = None


def refused(why: str) -> Problem:
    """The answer to credentials that do not hold. It never says more than what their holder could know."""
    told = (("WWW-Authenticate", f'Bearer realm="oxl", error="invalid_token", error_description="{why}"'),)
    return Problem(401, "notAuthenticated", f"the credentials do not hold: {why}", told)


def missing() -> Problem:
    """The answer to a request without credentials."""
    text = "send an API key or an access token: Authorization: Bearer …"
    return Problem(401, "notAuthenticated", text, CHALLENGE)


def locked_role(role: Role, parties: tuple[str, ...]) -> bool:
    """Whether somebody of a role has no parties and so could be shown nothing: every subscriber names one at least."""
    return role == "subscriber" and not parties
