"""The book of export jobs: who asked for which file, who is at it, how far it has come, what became of it.

A worker holds a job by a lease; its fence is raised with every lease, so that whoever lost one writes nothing more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.usage", "usage.sql")

WAITING = 10  # jobs of a tenant that may be unfinished
TRIES = 5  # leases of one job; it is given up when the last has run out


class Claim(NamedTuple):
    """A job that this worker holds: `fence` proves it."""

    id: str
    fence: int
    body: dict[str, Any]


class Outcome(msgspec.Struct, frozen=True):
    """What a job came to: the finished file, or why there is none."""

    rows: int = 0
    size: int = 0  # bytes
    checksum: str = ""  # SHA-256 of the file, hexadecimal
    url: str = ""
    error: str = ""


async def request(work: Work, bodies: Sequence[str]) -> list[Done | Refused]:
    """Take jobs, each with what its client sent as JSON text. Refused when too many are unfinished."""
    await work.conn.execute(q.lock_exports)
    room = WAITING - int(await work.conn.fetchval(q.open_exports))
    taken = [(new_id(work.now), body) for body in bodies[: max(room, 0)]]
    if taken:
        await work.conn.execute(q.request_exports, work.now, *[list(column) for column in zip(*taken, strict=True)])
    done: list[Done | Refused] = [Done(job_id, ("create",), "Not Started") for job_id, _ in taken]
    full = Refused("conflict", "tooManyJobs", f"{WAITING} export jobs are unfinished; delete one or wait")
    return done + [full] * (len(bodies) - len(taken))


async def forget(work: Work, ids: Sequence[str]) -> list[Done | Refused]:
    """Delete jobs, whatever they came to; a worker that is at one of them loses it."""
    await work.conn.execute(q.forget_exports, list(ids))
    return [Done(each, ("delete",)) for each in ids]


async def claim(work: Work, at: datetime, until: datetime) -> tuple[Claim | None, list[Done]]:
    """The oldest job that nobody is at, leased until then, and what happened to it.

    at, until: the system's time, since a lease is about processes. One that was given up on the way is told as failed.
    """
    row = await work.conn.fetchrow(q.claim_export, at, until)
    if row is None:
        return None, []
    if row["fence"] > TRIES:
        claimed = Claim(row["id"], row["fence"], {})
        failed = await finish(work, claimed, Outcome(error=f"gave up: {TRIES} workers were lost at it"))
        return None, failed
    body = msgspec.json.decode(row["body"])
    told = [Done(row["id"], ("stateChange",), "Running")] if row["fence"] == 1 else []
    return Claim(row["id"], row["fence"], body), told


async def beat(work: Work, held: Claim, rows: int, total: int, until: datetime) -> bool:
    """Say how far it is and hold on to it; False when it has been lost: to another worker, or it was deleted."""
    return bool(await work.conn.fetchval(q.beat_export, held.id, held.fence, rows, total, until))


async def finish(work: Work, held: Claim, outcome: Outcome) -> list[Done]:
    """Close a job; nothing happened when it has been lost meanwhile."""
    status = "Failed" if outcome.error else "Succeeded"
    found = await work.conn.fetchval(
        q.finish_export,
        held.id,
        held.fence,
        status,
        work.now,
        outcome.rows,
        outcome.size,
        outcome.checksum or None,
        outcome.url or None,
        outcome.error or None,
    )
    return [Done(held.id, ("stateChange",), status)] if found else []


async def find(work: Work, job_id: str) -> tuple[str, dict[str, Any], str] | None:
    """The status of a job, what its client sent, and the checksum of its file; None when there is no such job."""
    row = await work.conn.fetchrow(q.find_export, job_id)
    return (row["status"], msgspec.json.decode(row["body"]), row["checksum"] or "") if row else None


async def holding(work: Work) -> dict[str, int]:
    """The jobs that there are, with the newest fence of each: whose files may stay."""
    return {row["id"]: row["fence"] for row in await work.conn.fetch(q.exports)}
