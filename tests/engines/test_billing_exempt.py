"""Who need not pay tax pays prices without it, with the reason on the bill; what plans take off fees by tenure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from tests.conftest import DEMO_CATALOG
from tests.documents.einvoice import faults_of
from tests.engines.bills import at, set_policy, sound_bills
from tests.engines.books import fetch
from tests.engines.test_billing_property import with_gross_plan
from tests.engines.year import EUR, Year

from oxl.db.database import Tenant
from oxl.documents.pdf import pdf_of
from oxl.documents.ubl import ubl_of
from oxl.engines.billing import documents, exemptions
from oxl.engines.billing.exemptions import Exemption
from oxl.engines.catalog import registry
from oxl.engines.catalog.catalog import read_texts
from oxl.kernel.background import once
from oxl.verbs import Done, Refused

SELLER = '{"holdAbove": 1000, "seller": {"name": "Aurora", "taxNumber": "DE999999999"}}'


def exemption(account: str, category: str = "E", since: str = "2026-06-01", until: str | None = None) -> Exemption:
    number = "ATU12345678" if category == "AE" else None
    return Exemption(account, category, "Embassy of Erehwon", None, "Z 12/34", "DE", number, at(since),
                     at(until) if until else None)  # fmt: skip


async def lines_of(tenant: Tenant, place: int) -> list[tuple[Any, ...]]:
    rows = await fetch(
        tenant,
        "select l.* from bill_line l join bill b on b.id = l.bill_id where b.place = $1 order by l.place",
        place,
    )
    names = ("rate_type", "tax_category", "tax_rate", "net", "tax")
    return [tuple(row[name] for name in names) for row in rows]


@pytest.mark.parametrize("category", ["E", "AE"])
async def test_an_exempt_account_is_billed_without_tax_and_told_why(
    make_tenant: Callable[[], Any], category: str
) -> None:
    tenant = await make_tenant()
    await once(tenant, lambda work: registry.publish(work, with_gross_plan()))
    await set_policy(tenant, SELLER)
    tenant.clock.frozen = at("2026-05-31T22:00")
    year = Year(tenant)
    await year.subscribe("shown-with-tax")
    tenant.clock.frozen = at("2026-06-15T12:00")
    await year.call("301")
    await year.item("rebate", "-1.19")
    (kept,) = await once(tenant, lambda work: exemptions.exempt(work, [exemption(year.account, category)]))
    assert isinstance(kept, Done)
    tenant.clock.frozen = at("2026-06-30T22:00")
    await year.bill()
    await sound_bills(tenant)
    found = await lines_of(tenant, 1)
    assert {(row[1], row[2], row[4]) for row in found} == {(category, 0, 0)}
    net = [row[3] for row in found if row[0] == "recurringCharge"]
    assert net == [25_200_000, 25_200_000], "29.99 with 19 % is 25.20 without"
    (bill,) = await fetch(tenant, "select id, tax, rounding from bill")
    assert (bill["tax"], bill["rounding"]) == (0, 0)
    facts = (await once(tenant, lambda work: documents.facts_of(work, [bill["id"]])))[bill["id"]]
    xml = ubl_of(facts)
    assert faults_of(xml) == []
    for told in (b"Embassy of Erehwon", b"ATU12345678" if category == "AE" else b">E<"):
        assert told in xml
    assert pdf_of(facts)
    await once(tenant, lambda work: exemptions.change_end(work, [exemptions.NewEnd(kept.id, at("2026-07-15"))]))
    tenant.clock.frozen = at("2026-07-10T12:00")
    await year.change("data-only")
    tenant.clock.frozen = at("2026-07-31T22:00")
    await year.bill()
    await sound_bills(tenant)
    again = await lines_of(tenant, 2)
    assert {row[1] for row in again if row[0] == "productAlteration"} == {category}, "what was charged without tax"
    assert {row[1] for row in again if row[0] == "recurringCharge"} == {"S"}


async def test_what_was_charged_with_tax_is_given_back_with_it(make_tenant: Callable[[], Any]) -> None:
    tenant = await make_tenant()
    await once(tenant, lambda work: registry.publish(work, with_gross_plan()))
    await set_policy(tenant, SELLER)
    tenant.clock.frozen = at("2026-05-31T22:00")
    year = Year(tenant)
    await year.subscribe("shown-with-tax")
    tenant.clock.frozen = at("2026-06-30T22:00")
    await year.bill()
    await once(tenant, lambda work: exemptions.exempt(work, [exemption(year.account, "E", "2026-07-01")]))
    tenant.clock.frozen = at("2026-07-10T12:00")
    await year.change("data-only")
    tenant.clock.frozen = at("2026-07-31T22:00")
    await year.bill()
    await sound_bills(tenant)
    found = await lines_of(tenant, 2)
    assert {row[1] for row in found if row[0] == "productAlteration"} == {"S"}
    assert {row[1] for row in found if row[0] == "recurringCharge"} == {"E"}


async def test_an_account_has_one_exemption_at_a_time(tenant: Tenant) -> None:
    tenant.clock.frozen = at("2026-05-31T22:00")
    year = Year(tenant)
    await year.subscribe("postpaid-l")
    wanted = [
        exemption(year.account, "E", "2026-06-01", "2026-07-01"),
        exemption(year.account, "AE", "2026-07-01", "2026-08-01"),
        exemption(year.account, "AE", "2026-06-30"),
        exemption("nobody"),
    ]
    made = await once(tenant, lambda work: exemptions.exempt(work, wanted))
    assert [each.code if isinstance(each, Refused) else "" for each in made] == [
        "",
        "",
        "exemptionOverlaps",
        "unknownAccount",
    ]
    first = next(each.id for each in made if isinstance(each, Done))
    for until, code in (
        (at("2026-07-02"), "exemptionOverlaps"),
        (None, "exemptionOverlaps"),
        (at("2026-06-01"), "invalidValue"),
    ):
        end = exemptions.NewEnd(first, until)
        (refused,) = await once(tenant, lambda work, end=end: exemptions.change_end(work, [end]))
        assert isinstance(refused, Refused)
        assert refused.code == code


def _loyal() -> dict[str, str]:
    """The demo catalog, its fees with discounts: one at once, one more after two months."""
    texts = read_texts(DEMO_CATALOG)
    plan = texts["plans/postpaid-l.yaml"].replace("version: 1", "version: 2").replace("2026-01-01", "2026-02-01")
    plan += """
discounts:
  - {id: welcome, name: Welcome, on: recurring, percent: "10"}
  - {id: loyal, name: Loyal, on: recurring, percent: "20", whenTenureMonths: 2}
  - {id: start, name: Start, on: oneTime, percent: "100", components: [activation]}
"""
    return texts | {"plans/postpaid-l-2.yaml": plan}


async def test_discounts_on_fees_follow_tenure_and_are_given_back_with_them(make_tenant: Callable[[], Any]) -> None:
    tenant = await make_tenant()
    await once(tenant, lambda work: registry.publish(work, _loyal()))
    await set_policy(tenant, SELLER)
    tenant.clock.frozen = at("2026-05-31T22:00")
    year = Year(tenant)
    await year.subscribe("postpaid-l")
    fee, first = 33_610_000, 25_130_000
    for month, expected in ((7, {"Welcome": [-3_360_000] * 2, "Start": [-first]}),
                            (8, {"Welcome": [-3_360_000], "Loyal": [-6_050_000]})):  # fmt: skip
        tenant.clock.frozen = at(f"2026-{month:02d}-01") - timedelta(hours=2)
        await year.bill()
        rows = await fetch(tenant, "select l.name, l.net from bill_line l join bill b on b.id = l.bill_id"
                           " where l.rate_type = 'discount' and b.place = $1 order by l.place", month - 6)  # fmt: skip
        found: dict[str, list[int]] = {}
        for row in rows:
            found.setdefault(row["name"], []).append(row["net"])
        assert found == expected
    tenant.clock.frozen = at("2026-08-16T12:00")
    await year.end()
    tenant.clock.frozen = at("2026-08-31T22:00")
    await year.bill()
    await sound_bills(tenant)
    last = {row["rate_type"] + row["name"]: row["net"] for row in await fetch(
        tenant, "select l.* from bill_line l join bill b on b.id = l.bill_id where b.place = 3")}  # fmt: skip
    back = -last["productAlterationMonthly fee"] if "productAlterationMonthly fee" in last else 0
    back = back or max(-value for name, value in last.items() if name.startswith("productAlteration"))
    assert 0 < back < fee
    assert last["discountWelcome"] == round(back / EUR * 10) * EUR // 100
    assert abs(last["discountLoyal"] - back * 18 // 100) <= EUR // 200
