"""Figures for Prometheus: of requests, and at each scrape of what waits in the database. No tenant, no id is a label.

With several server processes PROMETHEUS_MULTIPROC_DIR, which `oxl serve` sets, adds their figures up.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from functools import lru_cache

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector

from oxl.db.database import Tenant
from oxl.db.queries import load
from oxl.values import id_floor

q = load("oxl.operations", "operations.sql")
CONTENT_TYPE = CONTENT_TYPE_LATEST
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
_METHODS = ("GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS")
_RECENT = timedelta(hours=1)
REGISTRY = CollectorRegistry()
DURATION = Histogram(
    "http_server_request_duration_seconds", "Requests by route, method and status.", ("route", "method", "status"),
    buckets=_BUCKETS, registry=REGISTRY,
)  # fmt: skip
ACTIVE = Gauge(
    "http_server_active_requests", "Requests being answered.", registry=REGISTRY, multiprocess_mode="livesum"
)
REFUSED = Counter(
    "oxl_requests_refused_total", "Requests that were refused, by status.", ("status",), registry=REGISTRY
)


@lru_cache(4096)
def duration(route: str, method: str, status: int) -> Histogram:
    """Where the time of such a request is counted; labels are looked up once."""
    return DURATION.labels(route, method if method in _METHODS else "other", str(status))


async def text(tenants: Sequence[Tenant]) -> bytes:
    """All figures as Prometheus reads them; those of the database are summed over tenants."""
    shown = CollectorRegistry()
    waiting = Gauge("oxl_outbox_undelivered", "Events that wait for another try at a listener.", registry=shown)
    dead = Gauge("oxl_dead_letters", "Events that were given up.", registry=shown)
    events = Gauge("oxl_events", "Events of the last hour by type, told or not.", ("type",), registry=shown)
    for tenant in tenants:
        async with tenant.connection() as conn:
            row = await conn.fetchrow(q.waiting)
            told = await conn.fetch(q.events_by_type, id_floor(tenant.clock.now() - _RECENT))
        waiting.inc(row["waiting"] if row else 0)
        dead.inc(row["dead"] if row else 0)
        for each in told:
            events.labels(each["event_type"]).inc(each["number"])
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        together = CollectorRegistry()
        MultiProcessCollector(together)
        return generate_latest(together) + generate_latest(shown)
    return generate_latest(REGISTRY) + generate_latest(shown)
