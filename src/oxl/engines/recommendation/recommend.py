"""The recommendation engine's verbs for queries: take one, answer it at once or later from what is true at that moment.

read the subjects (parties, lines, buckets, recent use) → `rank.answer`, a pure sum, for each → keep the answer and what
was shown. Nothing of a subject is kept in memory: the next query sees the next balance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.catalog.catalog import Catalog
from oxl.engines.catalog.registry import catalog_of
from oxl.engines.recommendation.facts import Answer, Bucket, Line, Question, Subject, Use
from oxl.engines.recommendation.rank import answer
from oxl.engines.recommendation.standing import Standing, standing
from oxl.values import new_id
from oxl.verbs import Done, Refused, Work

q = load("oxl.engines.recommendation", "recommendation.sql")

_PERIODS = timedelta(days=130)  # how far back allowances are looked at: three months that are over, and some days
_USES = timedelta(days=31)
_LEASE = timedelta(minutes=1)
_NOBODY = Subject(None)
_TIMES = msgspec.json.Decoder(dict[str, int])


class Asked(msgspec.Struct, frozen=True):
    """A query as it came: whom it is for (a party's id, or a number), what it asks, and the document itself."""

    name: str | None
    question: Question
    body: str  # JSON text
    at_once: bool = True


class _Outcome(NamedTuple):
    state: str
    subject: Subject
    answer: Answer | None
    reason: str | None


async def ask(work: Work, items: Sequence[Asked]) -> list[Done | Refused]:
    """Keep the queries: those that want it answered, the others accepted, for `claim` and `answer_claimed`."""
    ids = [new_id(work.now) for _ in items]
    now = {n: item for n, item in enumerate(items) if item.at_once}
    questions = [_numbered(item.question, ids[n]) for n, item in now.items()]
    outcomes, versions = await _answered(work, [item.name for item in now.values()], questions)
    found = dict(zip(now, outcomes, strict=True))
    rows = []
    for n, item in enumerate(items):
        outcome = found.get(n)
        if outcome is None:
            rows.append((ids[n], "accepted", item.question.type, None, None, None, None, item.body, "[]", None))
        else:
            about = (item.question.type, outcome.subject.party_id, _until(outcome))
            rows.append((ids[n], outcome.state, *about, *versions, item.body, _items(outcome), outcome.reason))
    shown = _shown([ids[n] for n in now], outcomes)
    await work.conn.execute(q.keep_queries, work.now, *_columns(rows, 10), *_columns(shown, 10))
    return [Done(row[0], ("create",), row[1]) for row in rows]


async def claim(work: Work, most: int) -> list[Done]:
    """Take queries that wait, oldest first, to be answered by who calls."""
    rows = await work.conn.fetch(q.claim_waiting, work.now, work.now + _LEASE, most)
    return [Done(row["id"], ("stateChange",), "inProgress") for row in sorted(rows, key=lambda row: row["id"])]


async def answer_claimed(work: Work, asked: dict[str, Asked]) -> list[Done]:
    """Answer queries that were claimed and are still in progress, by id."""
    rows = await work.conn.fetch(q.claimed, list(asked))
    items = [asked[row["id"]] for row in rows]
    questions = [_numbered(item.question, row["id"]) for item, row in zip(items, rows, strict=True)]
    outcomes, versions = await _answered(work, [item.name for item in items], questions)
    kept = [
        (row["id"], each.state, each.subject.party_id, _until(each), *versions, _items(each), each.reason)
        for row, each in zip(rows, outcomes, strict=True)
    ]
    if kept:
        await work.conn.execute(q.keep_answers, *_columns(kept, 8))
        shown = _shown([row["id"] for row in rows], outcomes)
        await work.conn.execute(q.keep_exposures, work.now, *_columns(shown, 10))
    return [Done(row["id"], ("stateChange",), each.state) for row, each in zip(rows, outcomes, strict=True)]


async def claimed(work: Work, ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The documents of queries in progress, by id."""
    return {row["id"]: msgspec.json.decode(row["body"]) for row in await work.conn.fetch(q.claimed, list(ids))}


def _numbered(question: Question, query_id: str) -> Question:
    return msgspec.structs.replace(question, id=query_id)


async def _answered(
    work: Work, names: Sequence[str | None], questions: Sequence[Question]
) -> tuple[list[_Outcome], tuple[int | None, int | None]]:
    """What each question came to, and the versions of model and policy that answered."""
    if not questions:
        return [], (None, None)
    catalog = await catalog_of(work)
    rules = await standing(work, catalog)
    subjects = await _subjects(work, catalog, rules, {name for name in names if name})
    outcomes = []
    for name, question in zip(names, questions, strict=True):
        subject = subjects.get(name or "", _NOBODY)
        try:
            found = answer(question, subject, rules.shelf, rules.policy, rules.model, work.now)
        except (ValueError, LookupError, ArithmeticError) as error:
            outcomes.append(_Outcome("terminatedWithError", subject, None, f"{type(error).__name__}: {error}"))
        else:
            outcomes.append(_Outcome("done", subject, found, None))
    return outcomes, (rules.model.version if rules.model else None, rules.policy_version)


def _until(outcome: _Outcome) -> datetime | None:
    return outcome.answer.until if outcome.answer else None


def _items(outcome: _Outcome) -> str:
    return msgspec.json.encode(outcome.answer.items if outcome.answer else ()).decode()


def _shown(ids: Sequence[str], outcomes: Sequence[_Outcome]) -> list[tuple[Any, ...]]:
    """What was shown to whom: rows of exposures."""
    return [
        (query_id, item.rank, each.subject.party_id, item.offering_id, item.device_id, each.answer.segment,
         each.answer.variant, item.source, item.score, item.explored)
        for query_id, each in zip(ids, outcomes, strict=True) if each.answer
        for item in each.answer.items
    ]  # fmt: skip


# ── the subjects, as they are now ──


async def _subjects(work: Work, catalog: Catalog, rules: Standing, names: set[str]) -> dict[str, Subject]:
    """The parties behind the names, with their lines, balances and recent use.

    Names that stand for nobody are left out, unless they opted out.
    """
    since = work.now - timedelta(days=rules.policy.exposure_days)
    known = await work.conn.fetch(q.parties, sorted(names), work.now, since) if names else ()
    parties = sorted({row["party_id"] for row in known if row["party_id"]})
    lines = await _lines(work, catalog, await work.conn.fetch(q.owned, parties, work.now)) if parties else {}
    return {
        row["name"]: Subject(
            party_id=row["party_id"],
            lines=tuple(lines.get(row["party_id"], ())),
            opted_out=row["opted_out"],
            age=_age(row["birth_date"], work.now),
            shown=_TIMES.decode(row["shown"]) if row["shown"] else {},
        )
        for row in known
    }


def _age(birth_date: str | None, now: datetime) -> int | None:
    try:
        born = date.fromisoformat((birth_date or "")[:10])
    except ValueError:
        return None
    return now.year - born.year - ((now.month, now.day) < (born.month, born.day))


async def _lines(work: Work, catalog: Catalog, owned: Sequence[Any]) -> dict[str, list[Line]]:
    """By party, each subscription with what belongs to it. A subscription without a pack's device is a line too."""
    subscriptions = [row for row in owned if row["kind"] == "subscription"]
    if not subscriptions:
        return {}
    buckets = await _buckets(work, catalog, owned)
    windows = {
        row["device_id"]: min(
            (each.valid_from for each in _own(buckets, row) if each.kind == "allowance" and each.alive),
            default=work.now - _USES,
        )
        for row in subscriptions
    }
    uses = await _uses(work, catalog, windows)
    packs: dict[str, set[str]] = defaultdict(set)
    for row in owned:
        packs[row["device_id"]].add(row["offering_id"])
    lines: dict[str, list[Line]] = defaultdict(list)
    for row in subscriptions:
        lines[row["party_id"]].append(
            Line(
                device_id=row["device_id"],
                product_id=row["product_id"],
                account_id=row["account_id"],
                account_kind=row["account_kind"],
                currency=row["currency"],
                offering_id=row["offering_id"],
                owned=frozenset(packs[row["device_id"]]),
                buckets=tuple(_own(buckets, row)),
                uses=tuple(uses[row["device_id"]]),
                dunned=row["dunned"],
            )
        )
    return lines


def _own(buckets: dict[tuple[str, str | None], list[Bucket]], row: Any) -> list[Bucket]:
    """The buckets that a line may draw on: those of its device, and those that its account shares."""
    return buckets[row["account_id"], row["device_id"]] + buckets[row["account_id"], None]


async def _buckets(
    work: Work, catalog: Catalog, owned: Sequence[Any]
) -> dict[tuple[str, str | None], list[Bucket]]:  # fmt: skip
    """The balances of the accounts by account and device, with what the plans say that each may be used for."""
    plans = {row["product_id"]: row["plan_id"] for row in owned}
    accounts = sorted({row["account_id"] for row in owned})
    found: dict[tuple[str, str | None], list[Bucket]] = defaultdict(list)
    for row in await work.conn.fetch(q.buckets, accounts, work.now, work.now - _PERIODS):
        values = dict(row)
        device, account, product = values.pop("device_id"), values.pop("account_id"), values.pop("product_id")
        match = _match(catalog, plans.get(product), row["allowance_id"])
        services, zones = (match.service, match.zone) if match else (frozenset(), frozenset())
        found[account, device].append(Bucket(**values, services=services, zones=zones))
    return found


def _match(catalog: Catalog, plan_id: str | None, allowance_id: str | None) -> Any:
    for plan in reversed(catalog.plans.get(plan_id or "", ())):
        for allowance in plan.allowances:
            if allowance.id == allowance_id:
                return allowance.match
    return None


async def _uses(work: Work, catalog: Catalog, windows: dict[str, datetime]) -> dict[str, list[Use]]:
    found: dict[str, list[Use]] = defaultdict(list)
    since = work.now - _USES
    for row in await work.conn.fetch(q.uses, list(windows), list(windows.values()), since, work.now):
        specification = catalog.specifications.get(row["specification_id"])
        found[row["device_id"]].append(
            Use(
                service=specification.service if specification else "",
                zone=row["zone"] or "",
                unit=row["unit"] or "",
                days_ago=row["days_ago"],
                quantity=row["quantity"],
                charged=row["charged"],
                in_window=row["in_window"],
                bucket_id=row["bucket_id"],
            )
        )
    return found


def _columns(rows: Sequence[tuple[Any, ...]], wide: int) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(wide)]
