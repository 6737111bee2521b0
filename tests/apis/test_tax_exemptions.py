"""Tax exemptions over HTTP: what is asked of one, when it may end, and that its bills have no tax."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.conftest import BILLING, BILLS, USAGE, usage_body

from oxl.apis.customer_bill import jobs
from oxl.db.database import Tenant

PATH = f"{BILLING}/accountTaxExemption"


@pytest.fixture(scope="module")
async def account(http: httpx.AsyncClient, subscribe: Any) -> str:
    """A postpaid account that has used something."""
    line = await subscribe("postpaid-l")
    body = usage_body("voice", line["logicalResource"]["value"], destinationPhoneNumber="+447700900123", duration=301)
    assert (await http.post(USAGE, json=body)).json()["status"] == "rated"
    return line["billingAccount"]["id"]


@pytest.mark.parametrize(("change", "field"), [
    ({"reason": " "}, "reason"),
    ({"reason": None}, "reason"),
    ({"taxCategory": "S"}, "taxCategory"),
    ({"taxCategory": "AE"}, "taxNumber"),
    ({"taxCategory": "AE", "taxNumber": "12 34"}, "taxNumber"),
    ({"reasonCode": "because"}, "reasonCode"),
    ({"billingAccount": {"id": "nobody"}}, "billingAccount.id"),
    ({"validFor": {"startDateTime": "2026-06-02T00:00:00Z", "endDateTime": "2026-06-01T00:00:00Z"}}, "validFor"),
], ids=str)  # fmt: skip
async def test_what_is_wrong_is_told_by_name_and_nothing_is_stored(
    http: httpx.AsyncClient, account: str, change: dict[str, Any], field: str
) -> None:
    body: dict[str, Any] = {"billingAccount": {"id": account}, "taxCategory": "E", "reason": "Embassy"} | change
    answer = await http.post(PATH, json={name: value for name, value in body.items() if value is not None})
    assert answer.status_code == 400, answer.text
    assert field in answer.json()["reason"] + answer.json()["message"]
    assert (await http.get(PATH)).json() == []


async def test_an_exempt_account_gets_a_bill_without_tax(tenant: Tenant, http: httpx.AsyncClient, account: str) -> None:
    body = {
        "billingAccount": {"id": account}, "taxCategory": "AE", "reason": "Services to a business",
        "taxNumber": "ATU12345678", "certificateNumber": "Z 12/34",
        "validFor": {"startDateTime": "2026-06-01T00:00:00Z"},
    }  # fmt: skip
    made = await http.post(PATH, json=body)
    assert made.status_code == 201, made.text
    for name in ("taxCategory", "reason", "taxNumber", "certificateNumber"):
        assert made.json()[name] == body[name]
    assert (await http.post(PATH, json=body)).status_code == 409
    reference = {"@type": "BillingAccountRef", "id": account}
    asked = await http.post(f"{BILLS}/customerBillOnDemand", json={"billingAccount": reference})
    await jobs.make_demanded(tenant)
    await jobs.tell_demanded(tenant)
    done = (await http.get(asked.json()["href"])).json()
    bill = (await http.get(f"{BILLS}/customerBill/{done['customerBill']['id']}")).json()
    assert bill["taxExcludedAmount"] == bill["taxIncludedAmount"]
    assert [(each["taxCategory"], each["taxRate"], each["taxAmount"]["value"]) for each in bill["taxItem"]] == [
        ("AE", 0, 0)
    ]
    start = made.json()["validFor"]["startDateTime"]
    ended = await http.patch(
        made.json()["href"], json={"validFor": {"startDateTime": start, "endDateTime": "2026-12-31T00:00:00Z"}}
    )
    assert ended.status_code == 200, ended.text
    assert ended.json()["validFor"]["endDateTime"].startswith("2026-12-31")
    for change in ({"validFor": {"startDateTime": "2026-05-01T00:00:00Z"}}, {"taxCategory": "E"}, {"reason": "other"}):
        assert (await http.patch(made.json()["href"], json=change)).status_code in (400, 409), change
