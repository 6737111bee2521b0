"""A party that is erased: nothing of it is left in any table or file, everybody else's is, and every proof holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.apis.conftest import RESOURCES, place
from tests.conftest import BALANCE, BILLING, BILLS, CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.engines.books import fetch, sound
from tests.identity.conftest import new_key

from oxl.apis.customer_bill import jobs
from oxl.apis.customer_bill.documents import make_all
from oxl.apis.operator.jobs import erase_due
from oxl.apis.product_usage import again
from oxl.apis.product_usage.exporting import Exporter
from oxl.clock import system_now
from oxl.db.database import Tenant
from oxl.engines.billing import read
from oxl.kernel.background import once

KEPT = ("audit", "audit_link")  # who did what to which id: what was said is not in it


async def left_of(tenant: Tenant, *words: str) -> dict[str, int]:
    """In how many rows of which table one of the words still stands."""
    tables = await fetch(
        tenant,
        "select relname as name from pg_class where relnamespace = current_schema::regnamespace"
        " and relkind in ('r', 'p') and not relispartition",
    )
    found = {}
    for table in {row["name"] for row in tables} - set(KEPT):
        query = f"select count(*) as n from {table} t where t::text like any ($1)"
        if n := (await fetch(tenant, query, [f"%{word}%" for word in words]))[0]["n"]:
            found[table] = n
    return found


async def sums(tenant: Tenant) -> list[Any]:
    """What must be the same before and after: every bucket, every transfer, every charge, every line of a bill."""
    return [
        await fetch(tenant, query)
        for query in (
            "select id, credited, used, debited, reserved from bucket order by id",
            "select id, dr_bucket, cr_bucket, amount, kind from transfer order by id",
            "select account_id, charge_window, component, zone, amount from charge order by 1, 2, 3, 4, product_id",
            "select id, net, tax from bill_line order by id",
            "select id, status, quantity, prices, draws, charges from usage order by id",
            "select series, number, bill_id from bill_number order by 1, 2",
        )
    ]


async def proven(tenant: Tenant) -> None:
    await sound(tenant)
    assert await once(tenant, read.proof) == []


async def asked(http: httpx.AsyncClient, party: str) -> httpx.Response:
    return await http.post(f"{OPERATOR}/partyErasure", json={"party": {"id": party}})


async def done(http: httpx.AsyncClient, tenant: Tenant, party: str) -> dict[str, Any]:
    """Erase a party; the erasure as it then is."""
    answer = await asked(http, party)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "acknowledged"
    assert await erase_due(tenant) >= 1
    return (await http.get(answer.json()["href"])).json()


@pytest.fixture(scope="module")
async def ended(http: httpx.AsyncClient, tenant: Tenant, furnished: Any, tmp_path_factory: Any) -> dict[str, Any]:
    """Ada and Bob, whose lines have ended; Bob has paid, and an export file holds what they did."""
    folder: Path = tmp_path_factory.mktemp("exports")
    ada, bob = furnished["ada"], furnished["bob"]
    await new_key(tenant, "subscriber", ada["party"]["id"], name="Ada's app")
    number = ada["logicalResource"]["value"]
    for key, body in (("k1", usage_body("sms", number, destinationPhoneNumber="+4930999777")),):
        assert (await http.post(USAGE, json=body, headers={"Idempotency-Key": key})).status_code == 201
    exporter = Exporter(tenant, folder)
    while await exporter.work():
        continue
    assert number.encode() in b"".join(path.read_bytes() for path in folder.iterdir())
    for line in (ada, bob):
        refused = await asked(http, line["party"]["id"])
        assert (refused.status_code, refused.json()["code"]) == (409, "stillServed")
        body = {"subscriber": {"id": line["id"]}, "action": "portOut"}
        assert (await http.post(f"{OPERATOR}/subscriberChange", json=body)).status_code == 201
    refused = await asked(http, bob["party"]["id"])
    assert (refused.status_code, refused.json()["code"]) == (409, "notSettled")
    await _paid(http, tenant, bob["billingAccount"]["id"])
    await make_all(tenant)
    return furnished | {"folder": folder, "exporter": exporter}


async def _paid(http: httpx.AsyncClient, tenant: Tenant, account: str) -> None:
    reference = {"@type": "BillingAccountRef", "id": account}
    await http.post(f"{BILLS}/customerBillOnDemand", json={"billingAccount": reference})
    await jobs.make_demanded(tenant)
    amount = {"unit": "EUR", "value": 500}
    body = {"paymentReference": f"of {account}", "billingAccount": {"id": account}, "amount": amount}
    assert (await http.post(f"{BILLING}/payment", json=body)).status_code == 201
    await jobs.use_credits(tenant)


async def test_nothing_is_left_of_an_erased_party_and_every_sum_is(
    http: httpx.AsyncClient, tenant: Tenant, ended: dict[str, Any]
) -> None:
    ada, bob = ended["ada"], ended["bob"]
    number, others = ada["logicalResource"]["value"], bob["logicalResource"]["value"]
    words = (number, "Ada Test", "Ada's", "account-1", "pocket money", "4930999777", "goodwill")
    before, bobs = await sums(tenant), await left_of(tenant, others, "Bob, the Second")
    assert {"party", "usage", "outbox", "idempotency", "api_key", "consumption_limit"} <= set(
        await left_of(tenant, *words)
    )
    found = await done(http, tenant, ada["party"]["id"])
    assert found["state"] == "done"
    assert {"party", "account", "device", "number", "productUsage", "topupBalance"} - set(found["outcome"]) == {
        "topupBalance"
    }
    assert await left_of(tenant, *words) == {}
    assert await sums(tenant) == before
    assert {table: n for table, n in bobs.items() if table != "outbox"} == {
        table: n for table, n in (await left_of(tenant, others, "Bob, the Second")).items() if table != "outbox"
    }
    await proven(tenant)
    again_found = await done(http, tenant, ada["party"]["id"])
    assert (again_found["state"], again_found.get("outcome", {})) == ("done", {})
    assert await sums(tenant) == before


async def test_files_documents_keys_and_events_go_too(
    http: httpx.AsyncClient, tenant: Tenant, ended: dict[str, Any]
) -> None:
    await done(http, tenant, ended["ada"]["party"]["id"])
    bob, folder = ended["bob"], ended["folder"]
    account, before = bob["billingAccount"]["id"], await sums(tenant)
    bills = (await http.get(f"{BILLS}/customerBill?billingAccount.id={account}")).json()
    (bill, *_) = [each for each in bills if "billDocument" in each]
    old = (await http.get(f"{BILLS}/customerBill/{bill['id']}/pdf")).headers["etag"]
    found = await done(http, tenant, bob["party"]["id"])
    assert found["outcome"]["billDocument"] >= 2
    assert await left_of(tenant, bob["logicalResource"]["value"], "Bob, the Second") == {}
    assert await make_all(tenant) >= 1
    assert await left_of(tenant, "Bob, the Second") == {}
    new = await http.get(f"{BILLS}/customerBill/{bill['id']}/pdf")
    assert new.status_code == 200
    assert new.headers["etag"] != old
    await ended["exporter"].sweep()
    assert [path for path in folder.iterdir() if not path.name.startswith(".")] == []
    assert await sums(tenant) == before
    await proven(tenant)
    (key,) = await fetch(tenant, "select name, revoked_at from api_key")
    assert key["name"] == "erased"
    assert key["revoked_at"] <= system_now()
    (told,) = (
        await http.get(f"{OPERATOR}/eventRecord?eventType=PartyErasureCreateEvent&resourceId={found['id']}")
    ).json()
    assert told["event"]["partyErasure"]["party"]["id"] == bob["party"]["id"]


@pytest.mark.parametrize(("api", "resource"), RESOURCES, ids=lambda each: each.name)
async def test_every_list_still_answers_within_its_contract(
    http: httpx.AsyncClient, ended: Any, api: Any, resource: Any
) -> None:
    assert ended
    answer = await http.get(place(api, resource))  # the client holds it against the contract
    assert answer.status_code in (200, 206), answer.text


async def test_what_was_erased_is_not_rated_again(http: httpx.AsyncClient, tenant: Tenant, ended: Any) -> None:
    for who in ("ada", "bob"):
        await done(http, tenant, ended[who]["party"]["id"])
    before = await sums(tenant)
    job = (await http.post(f"{OPERATOR}/usageJob", json={"kind": "rerate"})).json()
    await again.run_due(tenant)
    assert (await http.get(job["href"])).json()["state"] == "done"
    assert await sums(tenant) == before
    await proven(tenant)


async def test_a_number_that_was_given_back_is_another_ones(
    http: httpx.AsyncClient, tenant: Tenant, ended: Any, subscribe: Any
) -> None:
    await done(http, tenant, ended["ada"]["party"]["id"])
    number = ended["ada"]["logicalResource"]["value"]
    line = await subscribe("prepaid-m", party={"name": "Eve"}, logicalResource={"value": number})
    assert line["logicalResource"]["value"] == number
    shown = (await http.get(f"{OPERATOR}/logicalResource/{ended['ada']['logicalResource']['id']}")).json()
    assert shown["value"].startswith("999")
    lived = await http.get(f"{CONSUMPTION}/usageConsumptionReport/live-{number}")
    assert lived.status_code in (200, 404)
    assert (await http.get(f"{BALANCE}/bucket?partyAccount.id={line['billingAccount']['id']}")).json()


async def test_nobody_is_erased_by_mistake(http: httpx.AsyncClient, tenant: Tenant, subscribe: Any) -> None:
    unknown = await asked(http, "nobody")
    assert (unknown.status_code, unknown.json()["code"]) == (400, "unknownParty")
    line = await subscribe()
    asked_early = await asked(http, line["party"]["id"])
    assert asked_early.json()["code"] == "stillServed"
    body = {"subscriber": {"id": line["id"]}, "action": "portOut"}
    assert (await http.post(f"{OPERATOR}/subscriberChange", json=body)).status_code == 201
    late = await asked(http, line["party"]["id"])
    async with tenant.connection() as conn:  # back in service before the worker has come to it
        await conn.execute("update product set status = 'active', valid_to = null where id = $1", line["id"])
    await erase_due(tenant)
    found = (await http.get(late.json()["href"])).json()
    assert found["state"] == "terminatedWithError"
    assert "in service" in found["stateReason"]
