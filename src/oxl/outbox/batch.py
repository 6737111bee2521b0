"""The sums of a delivery: which events go in which order, when to try again, what is written down. No I/O here.

Events of one resource make a chain: one is tried after the other has been delivered, or given up. Chains go side by
side. What cannot be delivered now waits behind the subscription's position, and its followers behind it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from oxl.outbox.outbox import Event, Lease, Position, Settlement, Waiting
from oxl.values import new_id

_PASSING = frozenset({408, 425, 429})


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """How fast, how often and how long delivery tries; seconds where nothing else is said."""

    first_retry: float = 1.0
    longest_retry: float = 3600.0
    give_up: timedelta = timedelta(days=3)
    circuit: int = 5  # failures in a row after which a listener is only probed
    lease: float = 30.0  # half of it is for starting calls, so that it has not run out when a batch is settled
    timeout: float = 5.0
    batch: int = 200  # events read for one subscription
    window: int = 1000  # of them that may wait before nothing new is read
    subscriptions: int = 100  # served side by side by one worker
    parallel: int = 8  # calls to one listener
    poll: float = 1.0

    def delay(self, attempt: int) -> timedelta:
        """How long to wait after the n-th failure, give or take a fifth, so that failures do not come back together."""
        plain = min(self.first_retry * 2 ** min(attempt - 1, 30), self.longest_retry)
        return timedelta(seconds=plain * (0.8 + 0.4 * secrets.randbelow(1000) / 1000))


class Call(msgspec.Struct, frozen=True):
    """How a call ended: the HTTP status, or 0 and why there was no answer."""

    status: int
    reason: str
    took_ms: int


def meaning(status: int) -> str:
    """What a status means for an event: delivered, failed (try again), dead (never), gone (and nothing else either)."""
    if 200 <= status < 300:
        return "delivered"
    if status == 410:
        return "gone"
    return "dead" if 400 <= status < 500 and status not in _PASSING else "failed"


class Job(msgspec.Struct):
    """One event on its way to one listener; `place` is its index among the fresh ones, -1 when it waited."""

    event: Event
    place: int
    attempts: int = 0
    since: datetime | None = None
    outcome: str = ""
    call: Call = Call(0, "", 0)


class Chain(msgspec.Struct):
    """The jobs of one resource, in order; `due`: when the first may be tried, where it failed before."""

    jobs: list[Job]
    due: datetime | None = None


class Batch:
    """What one leased subscription is told now, and how that goes."""

    def __init__(
        self, lease: Lease, fresh: Sequence[Event], waiting: Sequence[Waiting], wanted: Callable[[Event], bool]
    ) -> None:
        self.lease = lease
        self.fresh = fresh
        self.failures = lease.failures
        self.failing_since = lease.failing_since
        self.open_until: datetime | None = None
        self.ended: str | None = None
        self.stopped = False
        self.log: list[Job] = []
        self.chains: dict[tuple[str, str], Chain] = {}
        self._waited = {each.event.id for each in waiting}
        for event, attempts, since, due in waiting:
            self._chain(event, due).jobs.append(Job(event, -1, attempts, since))
        for place, event in enumerate(fresh):
            if event.id not in self._waited and wanted(event):
                self._chain(event, None).jobs.append(Job(event, place))

    def _chain(self, event: Event, due: datetime | None) -> Chain:
        return self.chains.setdefault((event.resource, event.resource_id), Chain([], due))

    def due(self, now: datetime) -> list[Chain]:
        """The chains whose first may be tried now."""
        return [chain for chain in self.chains.values() if chain.due is None or chain.due <= now]

    def count(self, job: Job, call: Call, pace: Pace, now: datetime) -> None:
        """Take down how a call for a job ended, and what follows for the listener."""
        probing = self.lease.failures >= pace.circuit
        job.attempts += 1
        job.call, job.outcome = call, meaning(call.status)
        self.log.append(job)
        if job.outcome != "failed":
            self.failures, self.failing_since, self.open_until = 0, None, None
            if job.outcome == "gone":
                self.ended, self.stopped = "gone", True
            return
        job.since = job.since or now
        self.failing_since = self.failing_since or now
        self.failures = self.failures + 1 if probing else min(self.failures + 1, pace.circuit)
        if now - job.since >= pace.give_up:
            job.outcome = "dead"
        if self.failures >= pace.circuit:
            self.stopped = True
            self.open_until = now + pace.delay(self.failures - pace.circuit + 1)

    def give_up(self, pace: Pace, now: datetime, tenants_now: datetime) -> bool:
        """After a failed probe of one who has failed for long enough: what is old enough dies untried.

        True when that was all there was to read. An event has the time of its tenant, whose clock may stand.
        """
        if not self.failing_since or now - self.failing_since < pace.give_up:
            return False
        old = {event.id for event in self.fresh if tenants_now - event.at >= pace.give_up}
        for chain in self.chains.values():
            for job in chain.jobs:
                waited = job.since is not None and now - job.since >= pace.give_up
                if not job.outcome or job.outcome == "failed":
                    if not (waited or job.event.id in old):
                        break
                    if not job.outcome:
                        job.call = Call(0, "its listener could not be reached", 0)
                        self.log.append(job)
                    job.outcome = "dead"
        return bool(self.fresh) and len(old) == len(self.fresh)

    def settlement(self, pace: Pace, now: datetime) -> Settlement:
        """What to write down. The position goes up to the last fresh event that was tried, or all of them."""
        jobs = [job for chain in self.chains.values() for job in chain.jobs]
        reached = len(self.fresh)
        if self.stopped:
            reached = max((job.place + 1 for job in jobs if job.outcome), default=0)
        last = self.fresh[reached - 1] if reached else None
        kept = [row for chain in self.chains.values() for row in self._kept(chain, reached, pace, now)]
        return Settlement(
            position=Position(last.xid, last.id) if last else Position(self.lease.xid, self.lease.event_id),
            failures=self.failures,
            failing_since=self.failing_since,
            open_until=self.open_until,
            ended=self.ended,
            log=[_logged(job, now) for job in self.log],
            delivered=[job.event.id for job in jobs if job.outcome == "delivered" and job.event.id in self._waited],
            kept=kept,
        )

    def _kept(self, chain: Chain, reached: int, pace: Pace, now: datetime) -> Iterable[dict[str, Any]]:
        """The rows of a chain that wait or are dead: its first that waits carries when it is due, others follow it."""
        first = True
        for job in chain.jobs:
            if job.outcome == "dead":
                yield _row(job, now, dead_at=now)
            elif job.outcome not in ("delivered", "gone") and job.place < reached:
                due = now + pace.delay(job.attempts) if job.outcome == "failed" else chain.due or now
                if first or job.place >= 0:
                    yield _row(job, now, due_at=max(due, now) if first else None)
                first = False


def _row(job: Job, now: datetime, due_at: datetime | None = None, dead_at: datetime | None = None) -> dict[str, Any]:
    event = job.event
    return {
        "event_id": event.id, "xid": event.xid, "resource": event.resource, "resource_id": event.resource_id,
        "attempts": job.attempts, "since": job.since or now, "due_at": due_at, "dead_at": dead_at,
        "status": job.call.status, "reason": job.call.reason,
    }  # fmt: skip


def _logged(job: Job, now: datetime) -> dict[str, Any]:
    event, call = job.event, job.call
    return {
        "id": new_id(now), "event_id": event.id, "event_type": event.event_type, "resource": event.resource,
        "resource_id": event.resource_id, "at": now, "attempt": job.attempts, "outcome": job.outcome,
        "status": call.status, "reason": call.reason, "took_ms": call.took_ms,
    }  # fmt: skip
