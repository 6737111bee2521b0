"""Top-ups by voucher, by product or device, and each period; what buckets carry on, lose and tell of."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from tests.apis.test_reserve import eur, events, figures
from tests.conftest import BALANCE, DEMO_CATALOG, NOON, USAGE, client_of, usage_body
from tests.engines.books import buckets, fetch, main_of, sound

from oxl.apis import APIS
from oxl.apis.prepay_balance.jobs import sweep
from oxl.contract.strict import strictly
from oxl.engines.catalog import registry
from oxl.engines.ledger import recurring, voucher
from oxl.engines.ledger.grants import grant_due
from oxl.kernel.background import once
from oxl.kernel.router import Kernel

TOPUP, ADJUST = f"{BALANCE}/topupBalance", f"{BALANCE}/adjustBalance"


@pytest.fixture
async def own(make_tenant: Any) -> Any:
    """A tenant whose clock the test may move, a client of it, and a subscriber's document."""
    tenant = await make_tenant()
    async with client_of(tenant) as http:
        yield tenant, http, await new_line(http, "4915550888888")


async def new_line(http: Any, number: str, offering: str = "prepaid-m") -> dict[str, Any]:
    body = {
        "party": {"name": "Ada"},
        "logicalResource": {"value": number},
        "productOffering": {"id": offering},
        "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
    }
    return (await http.post("/oxl/v1/subscriber", json=body)).json()


async def runs_of(http: Any, parent: str) -> list[tuple[str, str]]:
    docs = (await http.get(f"{TOPUP}?balanceTopup.id={parent}")).json()
    return sorted((each["requestedDate"][:10], each["status"]) for each in docs)


@pytest.mark.parametrize("by", ["product", "logicalResource", "partyAccount"])
async def test_a_top_up_finds_the_main_bucket_of_what_it_names(own, by: str) -> None:
    tenant, http, line = own
    account = line["billingAccount"]["id"]
    named = {"product": [{"id": line["id"]}], "logicalResource": {"id": line["logicalResource"]["id"]},
             "partyAccount": {"id": account}}  # fmt: skip
    answer = await http.post(TOPUP, json={"amount": eur(5), by: named[by]})
    assert (answer.status_code, answer.json()["bucket"]["id"]) == (201, await main_of(tenant, account))
    assert (await figures(http, answer.json()["bucket"]["id"]))[0] == 5
    wrong = await http.post(TOPUP, json={"amount": eur(5), by: {"id": "none"}})
    assert (wrong.status_code, wrong.json()["code"]) == (400, "unknownBucket")
    nothing = await http.post(TOPUP, json={"amount": eur(5)})
    assert (nothing.status_code, nothing.json()["code"]) == (400, "missingAttribute")


async def test_an_automatic_top_up_runs_once_each_month_whoever_sweeps_however_often(own) -> None:
    tenant, http, line = own
    tenant.clock.frozen = datetime(2027, 1, 31, 9, tzinfo=UTC)
    main = await main_of(tenant, line["billingAccount"]["id"])
    body = {"amount": eur(5), "bucket": {"id": main}, "isAutoTopup": True, "recurringPeriod": "monthly",
            "numberOfPeriods": 3}  # fmt: skip
    made = (await http.post(TOPUP, json=body)).json()
    assert made["status"] == "created"
    for month, day in ((1, 31), (2, 27), (2, 28), (3, 30), (3, 31), (4, 30)):
        tenant.clock.frozen = datetime(2027, month, day, 9, tzinfo=UTC)
        for _ in range(2):
            await sweep(tenant)
    assert await runs_of(http, made["id"]) == [(f"2027-{day}", "completed") for day in ("01-31", "02-28", "03-31")]
    assert (await http.get(made["href"])).json()["status"] == "completed"
    assert (await figures(http, main))[0] == 15
    await sound(tenant)


async def test_periods_that_were_missed_are_made_up_for_and_a_stopped_one_is_not(own) -> None:
    tenant, http, line = own
    main = await main_of(tenant, line["billingAccount"]["id"])
    body = {"amount": eur(1), "bucket": {"id": main}, "isAutoTopup": True, "recurringPeriod": "weekly"}
    made = [(await http.post(TOPUP, json=body)).json() for _ in range(2)]
    tenant.clock.frozen = NOON + timedelta(days=15)
    assert (await http.patch(made[1]["href"], json={"status": "cancelled"})).status_code == 200
    await sweep(tenant)
    assert len(await runs_of(http, made[0]["id"])) == 3
    assert await runs_of(http, made[1]["id"]) == []
    assert (await http.delete(made[0]["href"])).status_code == 204
    tenant.clock.frozen = NOON + timedelta(days=60)
    await sweep(tenant)
    assert (await figures(http, main))[0] == 3
    assert (await http.get(made[0]["href"])).status_code == 404


async def test_a_run_is_made_once_through_a_crash_and_by_many_workers(own) -> None:
    tenant, http, line = own
    main = await main_of(tenant, line["billingAccount"]["id"])
    body = {"amount": eur(1), "bucket": {"id": main}, "isAutoTopup": True, "recurringPeriod": "monthly"}
    made = (await http.post(TOPUP, json=body)).json()

    async def crash(work: Any) -> None:
        assert len(await recurring.sweep(work, "topup")) == 1
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await once(tenant, crash)
    assert await runs_of(http, made["id"]) == []
    assert sum(await asyncio.gather(*(sweep(tenant) for _ in range(8)))) == 1
    assert await runs_of(http, made["id"]) == [("2026-06-15", "completed")]
    async with tenant.connection() as conn:
        with pytest.raises(asyncpg.UniqueViolationError):
            await conn.execute(
                "insert into balance_action select 'twice', kind, bucket_id, account_id, unit, amount, status,"
                " requested_at, confirmed_at, reason, body, null, null, null, null, null, parent_id, period_no"
                " from balance_action where parent_id = $1",
                made["id"],
            )
    await sound(tenant)


async def test_a_run_that_fails_is_tried_again_then_skipped_then_given_up(own) -> None:
    tenant, http, line = own
    main = await main_of(tenant, line["billingAccount"]["id"])
    end = {"validFor": {"endDateTime": "2028-06-01T00:00:00Z"}}
    body = {"amount": eur(-5), "bucket": {"id": main}, "adjustType": "recurring"}
    unbounded = await http.post(ADJUST, json=body)
    assert (unbounded.status_code, unbounded.json()["code"]) == (400, "missingAttribute")
    made = (await http.post(ADJUST, json=body | end)).json()
    for day in range(100):
        tenant.clock.frozen = NOON + timedelta(days=day)
        await sweep(tenant)
    assert (await http.get(made["href"])).json()["status"] == "failed"
    rows = await fetch(tenant, "select period_no, status from balance_action where parent_id = $1", made["id"])
    assert [sum(row["period_no"] == n for row in rows) for n in range(4)] == [3, 3, 3, 0]
    assert {row["status"] for row in rows} == {"failed"}
    assert await events(tenant, made["id"]) == ["AdjustBalanceCreateEvent", "AdjustBalanceFailureEvent"]
    await sound(tenant)


async def vouchers(tenant: Any, count: int, **worth: Any) -> list[str]:
    codes = [voucher.new_code() for _ in range(count)]
    worth = {"batch": "b", "worth": ("EUR", 10_000_000, "EUR"), "days": 30, "expires": NOON + timedelta(days=1)} | worth
    assert await once(tenant, lambda work: voucher.generate(work, codes, **worth)) == count
    return codes


async def test_a_voucher_is_worth_what_it_is_once_and_its_code_is_kept_nowhere(own) -> None:
    tenant, http, line = own
    main = await main_of(tenant, line["billingAccount"]["id"])
    code, other, late = await vouchers(tenant, 3)
    body = {"bucket": {"id": main}, "voucher": code.lower().replace("-", " ")}
    made = (await http.post(TOPUP, json=body)).json()
    assert (made["status"], made["amount"], made["voucher"]) == ("completed", eur(10), f"****{code[-4:]}".lower())
    again = await http.post(TOPUP, json=body)
    assert (again.status_code, again.json()["code"]) == (409, "voucherInvalid")
    differs = await http.post(TOPUP, json=body | {"voucher": other, "amount": eur(9)})
    assert (differs.status_code, differs.json()["code"]) == (400, "invalidValue")
    assert (await http.post(TOPUP, json=body | {"voucher": other, "amount": eur(10)})).status_code == 201
    tenant.clock.frozen = NOON + timedelta(days=2)
    assert (await http.post(TOPUP, json=body | {"voucher": late})).json()["code"] == "voucherInvalid"
    assert (await figures(http, main))[0] == 20
    for table in ("balance_action", "outbox", "voucher"):
        for row in await fetch(tenant, f"select t::text as row from {table} t"):
            assert code not in row["row"]
            assert code.replace("-", "").lower() not in row["row"].lower()
    await sound(tenant)


async def test_whoever_tries_codes_is_locked_out(own) -> None:
    tenant, http, line = own
    main = await main_of(tenant, line["billingAccount"]["id"])
    (code,) = await vouchers(tenant, 1)
    body = {"bucket": {"id": main}, "voucher": "AAAA-BBBB-CCCC-DDDD-EEEE"}
    told = [(await http.post(TOPUP, json=body)).json()["code"] for _ in range(5)]
    assert told == ["voucherInvalid"] * 5
    locked = await http.post(TOPUP, json=body | {"voucher": code})
    assert (locked.status_code, locked.json()["code"]) == (409, "voucherLocked")
    tenant.clock.frozen = NOON + timedelta(hours=1)
    assert (await http.post(TOPUP, json=body | {"voucher": code})).status_code == 201


async def test_what_is_left_is_carried_on_up_to_a_limit_and_the_rest_lost_later(own) -> None:
    tenant, http, _ = own
    text = (DEMO_CATALOG / "plans" / "prepaid-m.yaml").read_text("utf-8")
    text = text.replace("plan: prepaid-m\n", "plan: rolling\n", 1).replace(
        "    units: GB\n", '    units: GB\n    rollOver: "4"\n', 1
    )
    offerings = (DEMO_CATALOG / "offerings.yaml").read_text("utf-8")
    offerings += "  - id: rolling\n    name: Rolling\n    plan: rolling\n    productSpecification: rolling\n"
    await once(tenant, lambda work: registry.publish(work, {"plans/rolling.yaml": text, "offerings.yaml": offerings}))
    line = await new_line(http, "4915550888889", "rolling")
    account = line["billingAccount"]["id"]
    tenant.clock.frozen = datetime(2026, 6, 20, 12, tzinfo=UTC)
    await once(tenant, grant_due)
    for _ in range(2):
        await sweep(tenant)
    data = [row for row in await buckets(tenant, account) if row["unit"] == "byte"]
    assert [row["credited"] - row["debited"] for row in data] == [6 * 10**9, 14 * 10**9]
    tenant.clock.frozen += timedelta(days=61)
    await sweep(tenant)
    data = [row for row in await buckets(tenant, account) if row["unit"] == "byte"]
    assert data[0]["credited"] == data[0]["debited"]
    assert data[0]["ended_at"] == tenant.clock.frozen
    await sound(tenant)


async def test_each_threshold_of_use_is_told_once(own) -> None:
    tenant, http, line = own
    account, number = line["billingAccount"]["id"], line["logicalResource"]["value"]
    messages = next(row for row in await buckets(tenant, account) if row["unit"] == "message")
    seen = []
    for n, parts in enumerate((24, 1, 14, 1, 5, 5)):
        body = usage_body("sms", number, destinationPhoneNumber="+493012345", messageCount=parts)
        body["externalIdentifier"] = [{"id": str(n)}]
        assert (await http.post(USAGE, json=body)).json()["status"] == "rated"
        for _ in range(2):
            await sweep(tenant)
        seen.append((await events(tenant, messages["id"])).count("BucketThresholdEvent"))
    assert seen == [0, 1, 1, 2, 3, 4]
    assert (await http.get(f"{BALANCE}/bucket/{messages['id']}")).json()["thresholdReached"] == 100


async def test_an_operator_opens_a_bucket_with_what_it_holds_and_how_deep_it_goes(own) -> None:
    tenant, http, line = own
    plain = (await http.post(f"{BALANCE}/bucket", json={"usageType": "data"})).json()
    assert (plain["status"], plain["remainingValue"]) == ("active", {"amount": 0, "units": "GB"})
    account = {"partyAccount": {"id": line["billingAccount"]["id"]}}
    body = {"usageType": "monetary", "remainingValue": eur(5), "creditLimit": eur(2), "name": "Bonus"} | account
    made = (await http.post(f"{BALANCE}/bucket", json=body)).json()
    assert (made["name"], made["remainingValue"], made["creditLimit"]) == ("Bonus", eur(5), eur(2))
    for amount, status in ((-7.01, 409), (-7, 201), (-0.01, 409)):
        answer = await http.post(ADJUST, json={"amount": eur(amount), "bucket": {"id": made["id"]}})
        assert answer.status_code == status
    assert await figures(http, made["id"]) == (-2, 0)
    for change, field in [
        ({"partyAccount": {"id": "none"}}, "partyAccount.id"),
        ({"remainingValue": eur(-1)}, "remainingValue.amount"),
        ({"remainingValue": {"amount": 1, "units": "GB"}}, "remainingValue.units"),
        ({"validFor": {"endDateTime": "2026-06-15T12:00:00Z"}}, "validFor.endDateTime"),
    ]:
        answer = await http.post(f"{BALANCE}/bucket", json=body | change)
        assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (400, field)
    await sound(tenant)


async def test_of_a_strict_api_nobody_opens_a_bucket(own) -> None:
    tenant, _, _ = own
    kernel = Kernel(strictly(APIS, "TMF654"), tenant, "", 1000, 1 << 20)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(kernel), base_url="http://oxl.example") as strict:
        assert (await strict.post(f"{BALANCE}/bucket", json={"usageType": "data"})).status_code == 405
        assert (await strict.get(f"{BALANCE}/bucket")).status_code == 200
