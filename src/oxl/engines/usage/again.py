"""Jobs over many stored usages: try what is in suspense again, rate again what was rated.

A job is opened in parts of whole accounts, each done in steps: a transaction that does some usages and notes how far
the part came. Whoever is killed in between has lost nothing, and any number of workers take steps beside each other, of
parts that nobody has at hand. An account is in one part, so the job comes to the same however many there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Literal, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.usage import ground, revise
from oxl.engines.usage.case import Case, Stored
from oxl.engines.usage.decide import Terms
from oxl.engines.usage.rerate import RATED, Settled, account_of, drawn, order_of, rated_again, settle
from oxl.engines.usage.revise import retry
from oxl.values import new_id
from oxl.verbs import Done, Work

q = load("oxl.engines.usage", "again.sql")

Kind = Literal["retry", "rerate"]
STEP = 500  # usages in one step; of re-rating as many more as the last account has
PARTS = 16  # of a job, at most: as many workers may be at it


class Selection(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which usages are meant: all that fit everything that is given."""

    reason: str | None = None
    specification_id: str | None = None
    product_id: str | None = None
    account_id: str | None = None
    plan_id: str | None = None
    start: datetime | None = None  # usages that began from then on
    until: datetime | None = None  # and before then
    late: bool = False  # of a retry: charge also what came too late


class Progress(NamedTuple):
    """How far a job is."""

    id: str
    state: str
    total: int
    counts: dict[str, int]  # usages by what they came to
    done: Sequence[Done] = ()  # those that the step changed


_COUNTS = msgspec.json.Decoder(dict[str, int])
_SELECTION = msgspec.json.Decoder(Selection)
_JSON = msgspec.json.Encoder()


async def start(work: Work, kind: Kind, chosen: Selection, plan_version: int | None = None) -> Progress:
    """Open a job over the usages that the selection means now.

    A retry of some that are nobody's yet is one part: whose they become is known only when they are tried.
    """
    job_id = new_id(work.now)
    states = ["failed"] if kind == "retry" else list(RATED)
    parts = await work.conn.fetch(q.divided, states, *_arguments(chosen), STEP, PARTS)
    total = sum(part["usages"] for part in parts)
    lasts = [part["last"] or "" for part in parts] or [""]
    if kind == "retry" and (any(part["unowned"] for part in parts) or not parts):
        lasts = [None]
    afters = ["", *lasts[:-1]]
    text = _JSON.encode(chosen).decode()
    await work.conn.execute(q.start_job, job_id, kind, text, plan_version, total, work.now)
    places = afters if kind == "rerate" else [""] * len(lasts)
    await work.conn.execute(q.start_parts, job_id, afters, lasts, places, work.now)
    return Progress(job_id, "acknowledged", total, {})


async def standing(work: Work, job_id: str) -> Progress:
    """How far a job is, all its parts together; LookupError when there is no such job."""
    job = await work.conn.fetchrow(q.job, job_id)
    if job is None:
        raise LookupError(f"no usage job has the id {job_id!r}")
    return Progress(job_id, job["state"], job["total"], _COUNTS.decode(job["counts"]))


async def adopt(work: Work) -> None:
    """Have jobs that a server of the version before has opened in parts too, so that they are taken like all others."""
    await work.conn.execute(q.adopt_jobs)


async def due(work: Work) -> list[str]:
    """The jobs that are not at their end, the oldest first."""
    await adopt(work)
    return [row["job_id"] for row in await work.conn.fetch(q.due_jobs)]


async def step(work: Work, job_id: str) -> Progress | None:
    """Take one part of a job a step on; None where all that are not done are at hand with others."""
    part = await work.conn.fetchrow(q.take_part, job_id)
    if part is None:
        return None
    counts: Counter[str] = Counter(_COUNTS.decode(part["counts"]))
    chosen = _SELECTION.decode(part["filter"])
    take = _retried if part["kind"] == "retry" else _rerated
    place, done = await take(work, part, chosen, counts)
    state, text = "done" if place is None else "inProgress", _JSON.encode(counts).decode()
    await work.conn.execute(q.keep_part, job_id, part["part"], state, text, place or part["place"], work.now)
    return (await standing(work, job_id))._replace(done=done)


async def _retried(work: Work, part: Any, chosen: Selection, counts: Counter[str]) -> tuple[str | None, list[Done]]:
    rows = await work.conn.fetch(
        q.chosen, ["failed"], *_arguments(chosen), part["place"], part["created_at"], STEP, part["after"], part["until"]
    )
    ids = [row["id"] for row in rows]
    results = await retry(work, ids, "retry", part["id"], Terms(late=chosen.late)) if ids else []
    done = [result for result in results if isinstance(result, Done)]
    for result in done:
        counts[f"{result.status}: {result.reason}" if result.status == "failed" else result.status] += 1
    return (ids[-1] if len(ids) == STEP else None), [result for result in done if result.changes]


async def _rerated(work: Work, part: Any, chosen: Selection, counts: Counter[str]) -> tuple[str | None, list[Done]]:
    rows = await work.conn.fetch(
        q.chosen_by_account, list(RATED), *_arguments(chosen), part["place"], part["created_at"], STEP, part["until"]
    )
    taken = [row for row in rows if row["before"] < STEP]
    ids = [usage for row in taken for usage in row["ids"]]
    if not ids:
        return None, []
    usages = [each for each in await revise.stored(work, ids) if each.status in RATED]
    done, found = await rerate(work, usages, part["plan_version"], "rerate", part["id"])
    counts.update(found)
    return taken[-1]["account_id"], done


async def rerate(
    work: Work, usages: Sequence[Stored], version: int | None, actor: str, reference: str | None = None
) -> tuple[list[Done], dict[str, int]]:
    """Rate the usages again, by a version of their plans or by the one that was valid.

    All usages of an account are taken back first, then rated in the order of their start. If one of them cannot be
    rated as it is now, such as for want of credit, all of that account are left as they are.
    """
    counts: dict[str, int] = defaultdict(int)
    cases: list[Case] = []
    for each in usages:
        case = await revise.case_of(work, each, Terms(late=True, plan_version=version))
        if case.event is None:
            counts["kept: unreadable"] += 1
        else:
            cases.append(case)
    base = await ground.lay(work, cases, [case.stored for case in cases if case.stored])
    for case in cases:
        if case.owner:  # what has happened has happened, whether the product is suspended today or not
            case.owner = case.owner._replace(status="active")
    settled: list[Settled] = []
    for _, group in groupby(sorted(cases, key=order_of), key=account_of):
        again, refusal = rated_again(work.now, base, list(group))
        if refusal:
            counts[f"kept: {refusal}"] += len(again)
            continue
        for each in again:
            changed = settle(base, each, actor, reference)
            counts["corrected" if changed else "unchanged"] += 1
            if changed:
                settled.append(changed)
    postings = [posting for each in settled for posting in each.postings]
    await ground.post(work, base, drawn(settled), postings)
    return await revise.keep(work, [each.revision for each in settled]), dict(counts)


def _arguments(chosen: Selection) -> list[Any]:
    return [
        chosen.reason, chosen.specification_id, chosen.product_id, chosen.account_id, chosen.plan_id, chosen.start,
        chosen.until,
    ]  # fmt: skip
