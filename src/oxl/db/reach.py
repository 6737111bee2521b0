"""What a connection to a tenant is made of: whose password, which schemas, how much patience. Pure."""

from __future__ import annotations

import hashlib
import hmac
import re

VERSION = 8  # letters of the hash of views and functions that name their schema
# A statement whose client is gone ends within a second: it would hold up whoever builds an index, and nobody waits.
SESSION = {"jit": "off", "client_connection_check_interval": "1000"}


def code_schema(schema: str, version: str) -> str:
    """The schema of a version's views and functions; no tenant's name has a `$`."""
    return f"{schema}${version}"


def addresses_of(cells: str) -> list[str]:
    """The addresses in the setting `cells`, which blanks separate, or commas where a file has a list of them."""
    return [url for url in re.split(r"[\s,]+(?=postgres(?:ql)?:)", cells.strip()) if url]


def limits_of(seconds: int) -> dict[str, str]:
    """The settings of a session whose statements take so long at most, and half of that to wait for a lock."""
    if not seconds:
        return {}
    limits = {"statement_timeout": seconds, "lock_timeout": seconds / 2, "idle_in_transaction_session_timeout": seconds}
    return {name: str(round(limit * 1000)) for name, limit in limits.items()}


def patience_of(seconds: int) -> dict[str, float]:
    """How long to wait for a server that has said nothing: longer than it may take, since it would say so itself."""
    return {"command_timeout": seconds + 1.0, "timeout": seconds + 1.0} if seconds else {}


def role_password(secret: str, role: str) -> str:
    """The password of a tenant's role: derived, so that every process of this installation knows it."""
    return hmac.new(secret.encode(), role.encode(), hashlib.sha256).hexdigest()
