"""What an operator reads of who did what: an entry for each write, and for each request that was not let through."""

from __future__ import annotations

from msgspec import UNSET

from oxl.apis.standard import Entity, Instant, Text
from oxl.kernel.declare import Field, Resource


class AuditRecord(Entity):
    """Who did what to which resource, and what came of it. It never changes; `oxl audit verify` proves that."""

    caller: Text = UNSET
    operation: Text = UNSET
    resourceId: Text = UNSET  # noqa: N815 - as in eventRecord
    outcome: Text = UNSET
    traceId: Text = UNSET  # noqa: N815
    creationDate: Instant = UNSET  # noqa: N815


AUDIT_RECORD = Resource(
    name="auditRecord",
    type="AuditRecord",
    shape=AuditRecord,
    view="operator_audit",
    askable={
        "caller": Field("caller"),
        "operation": Field("operation"),
        "resourceId": Field("resource_id"),
        "outcome": Field("outcome"),
        "traceId": Field("trace"),
        "creationDate": Field("at", "instant"),
    },
)
