"""What of the settings decides who is let in, read and checked at start: what would not be safe does not start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from oxl.identity.tenants import hosts_of
from oxl.identity.tokens import ALGORITHMS, Reading, issuers_of
from oxl.settings import Settings


class Rules(NamedTuple):
    """How tokens are read, and the tenants by host name."""

    reading: Reading
    hosts: Mapping[str, str]


def check_settings(settings: Settings, is_local: bool) -> Rules:
    """The rules of the settings; `is_local`: nobody beyond this machine reaches the server.

    ValueError says what is not safe and what to do about it.
    """
    if settings.auth == "dev" and not is_local:
        raise ValueError(
            f"setting auth: dev lets everybody in as an operator, and {settings.host} can be reached by others."
            " Set OXL_AUTH=required (`oxl key create` makes keys; OXL_ISSUERS names who issues tokens),"
            " or listen at 127.0.0.1"
        )
    if bool(settings.tls_cert) != bool(settings.tls_key):
        raise ValueError("settings tls_cert and tls_key: one is of no use without the other")
    if not is_local and not settings.tls_cert and not settings.behind_proxy:
        raise ValueError(
            f"setting tls_cert: at {settings.host} keys and tokens would be sent in the clear."
            " Set OXL_TLS_CERT and OXL_TLS_KEY, or OXL_BEHIND_PROXY=1 where a proxy ends TLS"
        )
    algorithms = tuple(filter(None, (each.strip() for each in settings.algorithms.split(","))))
    if bad := [each for each in algorithms if each not in ALGORITHMS]:
        raise ValueError(f"setting algorithms: {bad[0]!r} is none of {', '.join(ALGORITHMS)}")
    issuers = issuers_of(settings.issuers)
    if issuers and not settings.audience:
        raise ValueError("setting audience: must be set where issuers are, else every token of theirs would do")
    claims = (settings.tenant_claim, settings.role_claim, settings.party_claim)
    return Rules(Reading(issuers, settings.audience, algorithms, *claims), hosts_of(settings.hosts))
