"""Bills over HTTP: from usage to a bill, its lines, its payment, and what it is explained with."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.conftest import BILLING, BILLS, USAGE, usage_body

from oxl.apis.billing import jobs as billing_jobs
from oxl.apis.customer_bill import jobs
from oxl.db.database import Tenant


@pytest.fixture(scope="module")
async def owing(http: httpx.AsyncClient, subscribe: Any) -> dict[str, Any]:
    """A postpaid subscriber who has called Britain for 301 seconds."""
    line = await subscribe("postpaid-l")
    number = line["logicalResource"]["value"]
    body = usage_body("voice", number, destinationPhoneNumber="+447700900123", duration=301)
    assert (await http.post(USAGE, json=body)).json()["status"] == "rated"
    return line


async def swept(tenant: Tenant) -> None:
    await jobs.make_demanded(tenant)
    await jobs.tell_demanded(tenant)
    await billing_jobs.tell_reissued(tenant)
    await jobs.use_credits(tenant)


async def test_what_is_not_billed_yet_is_seen_before_the_bill(http: httpx.AsyncClient, owing: dict[str, Any]) -> None:
    account = owing["billingAccount"]["id"]
    (line,) = (await http.get(f"{BILLS}/appliedCustomerBillingRate", params={"billingAccount.id": account})).json()
    assert line["isBilled"] is False
    assert line["taxExcludedAmount"] == {"unit": "EUR", "value": 1.204}
    assert (await http.get(f"{BILLS}/appliedCustomerBillingRate/{line['id']}")).json()["id"] == line["id"]


async def test_a_bill_on_demand_is_made_explained_paid_and_taken_back(
    tenant: Tenant, http: httpx.AsyncClient, owing: dict[str, Any]
) -> None:
    account = owing["billingAccount"]["id"]
    reference = {"@type": "BillingAccountRef", "id": account}
    asked = await http.post(
        f"{BILLS}/customerBillOnDemand", json={"@type": "CustomerBillOnDemand", "billingAccount": reference}
    )
    assert (asked.status_code, asked.json()["state"]) == (201, "inProgress"), asked.text
    await swept(tenant)
    done = (await http.get(f"{BILLS}/customerBillOnDemand/{asked.json()['id']}")).json()
    assert done["state"] == "done", done
    bill = (await http.get(f"{BILLS}/customerBill/{done['customerBill']['id']}")).json()
    assert (bill["category"], bill["runType"], bill["state"]) == ("interim", "offCycle", "validated")
    lines = (await http.get(f"{BILLS}/appliedCustomerBillingRate", params={"bill.id": bill["id"]})).json()
    assert sum(line["taxExcludedAmount"]["value"] for line in lines) == pytest.approx(
        bill["taxExcludedAmount"]["value"]
    )
    told = (await http.get(f"{BILLING}/billExplanation/{bill['id']}")).json()
    assert told["line"][0]["id"].startswith("u.")
    behind = (await http.get(f"{BILLING}/billExplanation/{told['line'][0]['id']}")).json()
    assert [(u["quantity"], u["taxExcludedAmount"]["value"], u["pricePlan"]) for u in behind["usage"]] == [
        (301, 1.204, "postpaid-l.1")
    ]
    due = bill["amountDue"]
    body = {"paymentReference": "bank-1", "billingAccount": {"id": account}, "amount": due}
    first, again = [await http.post(f"{BILLING}/payment", json=body) for _ in range(2)]
    assert (first.status_code, again.json()["id"]) == (201, first.json()["id"]), first.text
    sent = await http.patch(f"{BILLS}/customerBill/{bill['id']}", json={"state": "sent"})
    assert sent.json()["state"] == "sent", sent.text
    await swept(tenant)
    paid = (await http.get(f"{BILLS}/customerBill/{bill['id']}")).json()
    assert (paid["state"], paid["remainingAmount"]["value"]) == ("settled", 0)
    assert paid["appliedPayment"][0]["appliedAmount"] == due
    for category in ("duplicate", "credit note"):
        wanted = {"category": category, "bill": {"id": bill["id"]}}
        asked = await http.post(f"{BILLING}/billReissue", json=wanted)
        assert asked.status_code == 201, asked.text
        await swept(tenant)
        reissued = (await http.get(f"{BILLING}/billReissue/{asked.json()['id']}")).json()
        made = (await http.get(f"{BILLS}/customerBill/{reissued['customerBill']['id']}")).json()
        assert made["category"] == category
        sign = 1 if category == "duplicate" else -1
        assert made["taxIncludedAmount"]["value"] == sign * bill["taxIncludedAmount"]["value"]
        assert (made["billNo"] == bill["billNo"]) == (category == "duplicate")


async def test_a_second_bill_asked_for_while_one_is_made_is_rejected(
    tenant: Tenant, http: httpx.AsyncClient, subscribe: Any
) -> None:
    line = await subscribe("postpaid-l")
    body = {"billingAccount": {"@type": "BillingAccountRef", "id": line["billingAccount"]["id"]}}
    asked = [(await http.post(f"{BILLS}/customerBillOnDemand", json=body)).json() for _ in range(3)]
    assert {each["state"] for each in asked} == {"inProgress"}
    await swept(tenant)
    ended = [(await http.get(each["href"])).json()["state"] for each in asked]
    assert ended == ["done", "rejected", "rejected"]


async def test_an_unknown_account_is_answered_and_rejected_later(tenant: Tenant, http: httpx.AsyncClient) -> None:
    body = {"billingAccount": {"@type": "BillingAccountRef", "id": "nobody"}}
    asked = (await http.post(f"{BILLS}/customerBillOnDemand", json=body)).json()
    await swept(tenant)
    assert (await http.get(f"{BILLS}/customerBillOnDemand/{asked['id']}")).json()["state"] == "rejected"
