"""A trial bill is the operator's preview: nobody whom it would be of sees it, however they ask."""

from __future__ import annotations

from typing import Any

from tests.conftest import BILLS, OPERATOR, client_of
from tests.engines.books import new_number
from tests.identity.conftest import client, new_key, party

from oxl.apis.billing import jobs as billing
from oxl.apis.customer_bill import jobs
from oxl.engines.billing.run import NewRun
from oxl.identity.gate import Gate


async def test_a_subscriber_sees_their_bills_but_no_trial(gate: Gate, alpha: Any) -> None:
    tenant = alpha.tenant
    async with client_of(tenant) as http:
        made = await http.post(f"{OPERATOR}/subscriber", json={
            "party": {"givenName": "Eve", "familyName": "Owes"}, "logicalResource": {"value": new_number()},
            "productOffering": {"id": "postpaid-l"}, "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
        })  # fmt: skip
        assert made.status_code == 201, made.text
    account = made.json()["billingAccount"]["id"]
    for kind in ("trial", "offCycle"):
        run = await billing.start(tenant, NewRun(kind, None, (account,)))
        await jobs.work_off(tenant, run)
        assert await billing.finish(tenant, run) == "succeeded"
    key = await new_key(tenant, "subscriber", party(made.json()), scopes=["tmf:read", "tmf:write"])
    async with client(gate, credential=key) as eve, client(gate, credential=await new_key(tenant)) as operator:
        of_both = {each["category"]: each for each in (await operator.get(f"{BILLS}/customerBill")).json()}
        trial, bill = of_both["trial"], of_both["interim"]
        found = await eve.get(f"{BILLS}/customerBill")
        assert [each["id"] for each in found.json()] == [bill["id"]]
        exact = await eve.get(f"{BILLS}/customerBill?limit=1", headers={"Prefer": "count=exact"})
        assert exact.headers["x-total-count"] == "1"
        for query in (f"id={trial['id']}", "category=trial", "filter=$[?(@.category=='trial')]"):
            assert (await eve.get(f"{BILLS}/customerBill?{query}")).json() == [], query
        for path in (trial["id"], f"{trial['id']}/pdf"):
            for method in ("GET", "HEAD"):
                assert (await eve.request(method, f"{BILLS}/customerBill/{path}")).status_code == 404
                assert (await operator.request(method, f"{BILLS}/customerBill/{path}")).status_code == 200
        refused = await eve.patch(f"{BILLS}/customerBill/{trial['id']}", json={"state": "validated"})
        assert refused.status_code in (403, 404)
        assert (await eve.get(f"{BILLS}/appliedCustomerBillingRate?bill.id={trial['id']}")).json() == []
        assert (await eve.post(f"{BILLS}/hub", json={"callback": "https://eve.example/"})).status_code == 403
