"""The bill run: cycle, trial and on-demand bills are the same verbs. `start` closes windows and lists the accounts,
`batch` bills some of them, `finish` proves the sums. Each is one transaction of its caller: a run that was cut short
goes on where it stood, and what was half done never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from oxl.db.queries import load
from oxl.engines.billing import periods, receivable
from oxl.engines.billing.policy import EXEMPT, Policy
from oxl.engines.billing.price import names_of, prices_of, rates_at, savings_of
from oxl.engines.billing.setup import policy_of
from oxl.engines.catalog.registry import catalog_of
from oxl.values import new_id
from oxl.verbs import Done, Refusal, Refused, Work, invalid

q = load("oxl.engines.billing", "run.sql")
one = load("oxl.engines.billing", "batch.sql")

BATCH = 10_000  # accounts in one transaction
_AHEAD, _BACK = 3, 3  # months of cycles that are made ahead; of periods that are looked at again for what has changed
_LATE = timedelta(days=31)  # a cut-off that was missed is made good for so long
_TEXT = msgspec.json.Encoder()


class NewRun(NamedTuple):
    """A run to start: of a cycle, or of accounts now. A trial claims nothing."""

    kind: str  # onCycle, offCycle, trial
    cycle_id: str | None = None
    accounts: tuple[str, ...] = ()


class Left(NamedTuple):
    """How far a run is."""

    pending: int
    items: int


async def keep_cycles(work: Work) -> None:
    """Have the cycles from last month to three months ahead."""
    policy = await policy_of(work)
    today = periods.local_day(work.now, policy.zone)
    rows = []
    for day in range(1, 29):
        until = periods.months_before(today, -_AHEAD)
        rows += [_cycle(policy, day, each) for each in periods.periods(day, periods.months_before(today, 2), until)]
    await work.conn.execute(q.keep_cycles, *[list(column) for column in zip(*rows, strict=True)])


def _cycle(policy: Policy, day: int, period: periods.Period) -> tuple[Any, ...]:
    zone, cut = policy.zone, period.ends
    due = periods.midnight(periods.due_day(cut, policy.term_days), zone)
    after = periods.midnight(periods.next_day(day, cut), zone)
    return cut.isoformat(), day, periods.midnight(period.starts, zone), periods.midnight(cut, zone), after, due


async def due_cycles(work: Work) -> list[str]:
    """The cycles whose cut-off has passed and that have not been billed, the oldest first."""
    await keep_cycles(work)
    policy = await policy_of(work)
    start = periods.midnight(policy.starts, policy.zone) if policy.starts else work.now - _LATE
    rows = await work.conn.fetch(q.due_cycles, work.now, max(start, work.now - _LATE))
    return [row["id"] for row in rows]


async def start(work: Work, items: Sequence[NewRun]) -> list[Done | Refused]:
    """Start runs: Done names the run. A cycle that has a run already is answered with that one."""
    await keep_cycles(work)
    results: list[Done | Refused] = []
    for item in items:
        try:
            results.append(await _start(work, item))
        except Refusal as refusal:
            results.append(refusal.refused)
    return results


async def _start(work: Work, item: NewRun) -> Done | Refused:
    policy = await policy_of(work)
    cycle = await work.conn.fetchrow(q.cycle, item.cycle_id) if item.cycle_id else None
    if item.cycle_id and cycle is None:
        raise invalid("billCycle.id", "no such cycle is known; they are made from last month to three months ahead")
    if item.kind == "onCycle":
        if cycle is None:
            raise invalid("billCycle", "is required for a run of kind onCycle", "missingAttribute")
        if cycle["cutoff"] > work.now:
            raise invalid("billCycle.id", "its cut-off has not passed")
    accounts = list(item.accounts)
    if cycle is not None and not accounts:
        rows = await work.conn.fetch(q.accounts_of_day, cycle["billing_day"])
        accounts = [row["id"] for row in rows]
    elif not accounts:
        raise invalid("billingAccount", "is required where no cycle is given", "missingAttribute")
    else:
        rows = await work.conn.fetch(q.known_accounts, accounts)
    known = {row["id"]: row for row in rows}
    for n, account in enumerate(accounts):
        if account not in known:
            raise invalid(f"billingAccount[{n}].id", "no such account", "unknownAccount")
        if known[account]["kind"] != "postpaid":
            raise invalid(f"billingAccount[{n}].id", "is prepaid: it gets no bills", "notBilled")
    cutoff = cycle["cutoff"] if cycle is not None else work.now
    days = {row["billing_day"] for row in known.values()}
    since = [await work.conn.fetchval(q.last_cutoff, day) for day in days] if len(days) == 1 else [None]
    looked = periods.months_before(periods.local_day(cutoff, policy.zone), _BACK) if since[0] else None
    run_id = new_id(work.now)
    made = await work.conn.fetchval(q.keep_run, run_id, item.kind, item.cycle_id, cutoff, looked, work.now)
    if made is None:
        return Done(await work.conn.fetchval(q.run_of_cycle, item.cycle_id))
    await work.conn.execute(q.keep_accounts, sorted(accounts))
    await work.conn.execute(q.look if item.kind == "trial" else q.close, run_id, sorted(accounts))
    return Done(run_id, ("create",))


async def batch(work: Work, run_id: str, size: int = BATCH) -> list[Done | Refused]:
    """Bill up to `size` accounts of a run that nobody else is at; a Done for each bill made, none when nothing is left.

    Of an account that cannot be billed the item says why, and nothing of it is claimed.
    """
    run = await work.conn.fetchrow(q.run, run_id)
    if run is None:
        raise LookupError(f"there is no bill run {run_id!r}")
    await work.conn.execute(q.make_room)
    taken = await work.conn.fetch(q.take, run_id, size)
    if not taken:
        return []
    accounts = [row["account_id"] for row in taken]
    await work.conn.execute(q.lock_accounts, accounts)
    catalog = await catalog_of(work)
    rates = rates_at(catalog, run["cutoff"])
    broken = {row["account_id"]: f"noTaxRate {row['tax_category']}"
              for row in await work.conn.fetch(q.untaxed, accounts, list(rates))}  # fmt: skip
    if broken:
        await work.conn.execute(q.fail_items, run_id, list(broken), list(broken.values()))
    ready = [row for row in taken if row["account_id"] not in broken]
    made = await _bill(work, run, ready, dict.fromkeys(EXEMPT, 0) | rates) if ready else []
    if run["kind"] != "trial" and made:
        await _number(work, await policy_of(work), run["cutoff"], [row["id"] for row in made])
        await receivable.settle_new(work, [row for row in made if row["owed"] <= 0 or row["carried"] < 0])
    return [Done(row["id"], ("create",), row["state"]) for row in made] or [Done("", ())] * bool(broken or ready)


async def _bill(work: Work, run: Any, taken: Sequence[Any], rates: dict[str, int]) -> list[Any]:
    policy, catalog = await policy_of(work), await catalog_of(work)
    day = periods.local_day(run["cutoff"], policy.zone)
    starts = policy.starts or date(1970, 1, 1)
    looked = run["since"] or starts
    first = await work.conn.fetchval(q.oldest, [row["account_id"] for row in taken])
    oldest = max(starts, looked, periods.local_day(first, policy.zone) if first else day)
    days = sorted({row["billing_day"] for row in taken})
    calendar = [_period(each, period, policy) for each in days for period in periods.periods(each, oldest, day)]
    frames = [_frame(each, day, run["cutoff"], policy) for each in days]
    new = [new_id(work.now) for _ in taken]
    return await work.conn.fetch(
        one.bill, run["id"], [row["account_id"] for row in taken], new, [row["until_window"] for row in taken],
        work.now, run["cutoff"], day, policy.time_zone, starts, run["since"] or date(1970, 1, 1),
        _text(prices_of(catalog, policy.zone)),
        _text(calendar), _text(frames), list(rates), list(rates.values()), run["kind"] == "trial",
        "normal" if run["kind"] == "onCycle" else "interim", "validated" if policy.auto_validate else "new",
        policy.hold_above, run["cycle_id"], _text(names_of(catalog)), _text(savings_of(catalog)),
    )  # fmt: skip


def _period(day: int, period: periods.Period, policy: Policy) -> dict[str, Any]:
    starts_at, ends_at = (periods.midnight(each, policy.zone) for each in period)
    return {"day": day, "starts": period.starts, "ends": period.ends, "starts_at": starts_at, "ends_at": ends_at}


def _frame(billing_day: int, today: date, cutoff: datetime, policy: Policy) -> dict[str, Any]:
    """Of a bill of that day: where its period starts if it is the first, until when it is due, when the next comes."""
    on_cycle = periods.midnight(today, policy.zone) == cutoff and today.day == billing_day
    before = periods.last_day(billing_day, today - timedelta(days=1) if on_cycle else today)
    due = periods.midnight(periods.due_day(today, policy.term_days), policy.zone)
    following = periods.midnight(periods.next_day(billing_day, today), policy.zone)
    return {"day": billing_day, "starts_at": periods.midnight(before, policy.zone), "due_at": due, "next_at": following}


def _text(value: Any) -> str:
    return _TEXT.encode(value).decode()


async def _number(work: Work, policy: Policy, bill_date: datetime, bills: Sequence[str]) -> None:
    """Give the next numbers of the year's series. The series is locked from here on: this is a batch's last write."""
    series = f"{policy.series}{bill_date.astimezone(policy.zone).year}"
    await work.conn.execute(q.number, series, list(bills))


async def left(work: Work, run_id: str) -> Left:
    """How many accounts of the run are still to be billed, and how many it has."""
    row = await work.conn.fetchrow(q.left_over, run_id)
    return Left(row["pending"], row["items"])


async def finish(work: Work, run_id: str, alone: bool = False) -> list[Done | Refused]:
    """End a run of which nothing is left: its control sums are stored, and say whether it succeeded.

    alone: no other run gave out numbers meanwhile, so that those of this one must be without a gap.
    """
    if (await left(work, run_id)).pending:
        return [Refused("conflict", "notDone", f"bill run {run_id} has accounts that are not billed yet")]
    control = msgspec.json.decode(await work.conn.fetchval(q.control, run_id, alone))
    state = "failed" if any(control["zero"].values()) else "succeeded"
    made = await work.conn.fetchval(q.finish, run_id, state, work.now, _text(control))
    return [Done(run_id, ("stateChange",) if made else (), state)]


async def open_runs(work: Work) -> list[str]:
    """Runs that have been started and not ended, the oldest first."""
    return [row["id"] for row in await work.conn.fetch(q.open_runs)]
