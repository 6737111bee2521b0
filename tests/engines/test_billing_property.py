"""Any year of some accounts: nothing that was rated or is due is lost or billed twice, and every bill is its lines.

The fees are counted here day by day from what was done to the accounts, without the engine's own sums.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from fractions import Fraction
from random import Random

import pytest
from tests.conftest import DEMO_CATALOG
from tests.engines.bills import at, set_policy, sound_bills
from tests.engines.books import fetch
from tests.engines.year import EUR, Year

from oxl.db.database import Tenant
from oxl.engines.billing import periods
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once
from oxl.values import divide_half_up

FEES = {"postpaid-l": 33_610_000, "data-only": 16_800_000, "shown-with-tax": 29_990_000}
FIRST = 25_130_000  # of postpaid-l
START = date(2026, 1, 1)


def with_gross_plan() -> dict[str, str]:
    """The demo catalog and a plan whose prices include tax."""
    texts = read_texts(DEMO_CATALOG)
    plan = texts["plans/postpaid-l.yaml"].replace("plan: postpaid-l", "plan: shown-with-tax")
    plan = plan.replace("taxIncluded: false", "taxIncluded: true").replace('"33.61"', '"29.99"')
    plan = plan.replace("id: voice-", "id: shown-voice-")  # a charge of usage is one component's, whatever the plan
    texts["plans/shown-with-tax.yaml"] = plan.replace(
        '  - {id: activation, name: Activation, price: "25.13"}', "  []"
    ).replace("oneTime:\n  []\n", "")
    offering = texts["offerings.yaml"].partition("  - id: family-share")
    copied = offering[0][offering[0].index("  - id: postpaid-l") :].replace("postpaid-l", "shown-with-tax")
    texts["offerings.yaml"] = offering[0] + copied + offering[1] + offering[2]
    return texts


class Counted(Year):
    """An account that remembers what it should owe."""

    def __init__(self, tenant: Tenant) -> None:
        super().__init__(tenant)
        self.stays: list[tuple[str, date, date | None]] = []
        self.items = 0

    async def moved(self, day: date, offering: str) -> None:
        if self.stays:
            await self.change(offering)
            self.stays[-1] = (*self.stays[-1][:2], day)
        else:
            await self.subscribe(offering)
        self.stays.append((offering, day, None))

    def due(self, until: date) -> int:
        """The fees until the end of the period that `until` lies in, each stay and period rounded to the micro."""
        total = FIRST if self.stays[0][0] == "postpaid-l" else 0
        for offering, since, end in self.stays:
            for period in periods.periods(1, since, until):
                days = (min(end or period.ends, period.ends) - max(since, period.starts)).days
                if days > 0:
                    share = Fraction(FEES[offering] * days, (period.ends - period.starts).days)
                    total += divide_half_up(share.numerator, share.denominator)
        return total


async def _live(tenant: Tenant, random: Random, months: int) -> list[Counted]:
    accounts = [Counted(tenant) for _ in range(3)]
    for day in (START + timedelta(days=n) for n in range(months * 31)):
        tenant.clock.frozen = periods.midnight(day, periods.ZoneInfo("Europe/Berlin"))
        started = [each for each in accounts if each.stays]
        if day.day == 1 and started:
            await started[0].bill()
        tenant.clock.frozen = at(f"{day}T12:00")
        for each in accounts:
            if not each.stays or (random.random() < 0.02 and each.stays[-1][1] < day):
                if random.random() < 0.3:
                    other = random.choice([name for name in FEES if not each.stays or name != each.stays[-1][0]])
                    await each.moved(day, other)
                continue
            if random.random() < 0.15 and each.stays[-1][0] != "data-only":
                await each.call(str(random.randint(1, 900)))
            if random.random() < 0.02:
                amount = random.randint(-900, 900) or 1
                await each.item("rebate", f"{amount / 100:.2f}")
                each.items += amount * EUR // 100
            if random.random() < 0.02:
                await each.pay(f"{random.randint(1, 9000) / 100:.2f}")
            if random.random() < 0.02:
                await each.ask()
    return accounts


async def _proven(tenant: Tenant, seed: int, months: int) -> None:
    await once(tenant, lambda work: registry.publish(work, with_gross_plan()))
    await set_policy(tenant, '{"holdAbove": 1000}')
    accounts = await _live(tenant, Random(seed), months)
    day = periods.local_day(tenant.clock.now(), periods.ZoneInfo("Europe/Berlin"))
    last = periods.next_day(1, day)
    tenant.clock.frozen = periods.midnight(last, periods.ZoneInfo("Europe/Berlin"))
    await next(each for each in accounts if each.stays).bill()
    await sound_bills(tenant)
    bills = await fetch(tenant, "select b.id, b.net, b.tax, b.rounding, sum(l.net) as lines, sum(l.tax) as taxes"
                        " from bill b join bill_line l on l.bill_id = b.id group by b.id")  # fmt: skip
    assert all((each["net"], each["tax"]) == (each["lines"], each["taxes"]) for each in bills)
    billed: dict[str, dict[str, int]] = defaultdict(lambda: {"fees": 0, "dropped": 0, "usage": 0})
    for line in await fetch(tenant, "select * from bill_line"):
        mine = billed[line["account_id"]]
        usage = line["charge_window"] is not None
        mine["fees"] += 0 if usage else line["shown"]
        mine["dropped"] += 0 if usage else line["exact"] - line["shown"]
        mine["usage"] += line["exact"] if usage and not line["tax_included"] else 0
        assert abs(line["exact"] - line["shown"]) <= EUR // 200
    for each in (one for one in accounts if one.stays):
        mine = billed[each.account]
        assert mine["fees"] + mine["dropped"] == each.due(last) + each.items
        rated = await fetch(
            tenant,
            "select coalesce(sum((l ->> 'net')::bigint), 0) as net from usage u, jsonb_array_elements(u.prices) l"
            " where u.account_id = $1 and u.plan_id <> 'shown-with-tax'",
            each.account,
        )
        unbilled = await fetch(
            tenant,
            "select coalesce(sum(amount), 0) as net from charge"
            " where account_id = $1 and bill_id is null and component not like 'shown%'",
            each.account,
        )
        assert mine["usage"] + int(unbilled[0]["net"]) == rated[0]["net"]


@pytest.mark.parametrize("seed", [1, 2])
async def test_what_is_billed_is_what_was_rated_and_is_due(make_tenant: object, seed: int) -> None:
    await _proven(await make_tenant(), seed, 4)


@pytest.mark.torture
@pytest.mark.parametrize("seed", range(100, 120))
async def test_what_is_billed_in_any_year_is_what_was_rated_and_is_due(make_tenant: object, seed: int) -> None:
    await _proven(await make_tenant(), seed, 12)
