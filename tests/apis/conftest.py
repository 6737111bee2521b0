"""A tenant with something of everything, so that every resource of every API has rows to look at."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, BILLING, BILLS, CONSUMPTION, OPERATOR, USAGE, usage_body

from oxl.apis import APIS
from oxl.apis.billing import jobs as billing_jobs
from oxl.apis.customer_bill import jobs
from oxl.apis.recommendation.jobs import train
from oxl.engines.billing import setup
from oxl.engines.ledger.grants import open_main
from oxl.kernel.background import once
from oxl.kernel.declare import Api, Resource
from oxl.outbox.audit import Entry, note

RECOMMENDATION = "/tmf-api/recommendationManagement/v4/queryProductRecommendation"
RESOURCES: list[tuple[Api, Resource]] = [(api, resource) for api in APIS for resource in api.resources]


def place(api: Api, resource: Resource) -> str:
    return f"{api.base}/{resource.name}"


@pytest.fixture(scope="module")
async def furnished(http: httpx.AsyncClient, tenant: Any, subscribe: Any) -> dict[str, Any]:
    """Two lines, usages of every outcome, actions that came to be and one that failed, a change, queries."""
    ada = await subscribe("prepaid-m", externalId="line-1", billingAccount={"externalId": "account-1", "billingDay": 5})
    bob = await subscribe("postpaid-l", party={"name": "Bob, the Second"}, addOn=[{"id": "roaming-eu-pack"}])
    number = ada["logicalResource"]["value"]
    main = (
        await http.get(f"{BALANCE}/bucket?partyAccount.id={ada['billingAccount']['id']}&usageType=monetary")
    ).json()[0]
    await once(tenant, lambda work: open_main(work, [(bob["billingAccount"]["id"], "EUR", work.now)], known_id="12"))
    amount = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": main["id"]}}
    posts = [
        (f"{BALANCE}/topupBalance", amount, 201),
        (f"{BALANCE}/topupBalance", amount | {"description": "ä, ö", "channel": {"id": "shop"}}, 201),
        (f"{BALANCE}/adjustBalance", amount | {"reason": "goodwill", "usageType": "monetary"}, 201),
        (f"{BALANCE}/adjustBalance", {**amount, "amount": {"amount": -500.5, "units": "EUR"}}, 409),
        (f"{BALANCE}/reserveBalance", amount, 201),
        (f"{BALANCE}/transferBalance", amount | {"receiverBucket": {"id": "12"}}, 201),
        (USAGE, usage_body("voice", number, destinationPhoneNumber="+493012345", duration=100), 201),
        (USAGE, usage_body("voice", number, destinationPhoneNumber="112", duration=1), 201),
        (USAGE, usage_body("sms", number, destinationPhoneNumber="+447700900123"), 201),
        (USAGE, usage_body("sms", "4915550999999", destinationPhoneNumber="+493012345"), 201),
        (USAGE, usage_body("data", bob["logicalResource"]["value"], volume=41, volumeUnit="GB"), 201),
        (f"{OPERATOR}/ledgerProof", {}, 201),
        (
            f"{BALANCE}/chargingRequest",
            {"sessionId": "s1", "requestNumber": 0, "number": number}
            | {"ratingGroup": [{"id": "1", "requestedUnits": {"amount": 1, "units": "EUR"}}]},
            201,
        ),
        (f"{OPERATOR}/subscriberChange", {"subscriber": {"id": bob["id"]}, "action": "suspend"}, 201),
        (f"{CONSUMPTION}/queryUsageConsumption", {"searchCriteria": {"logicalResource": [{"value": number}]}}, 201),
        (f"{CONSUMPTION}/queryUsageConsumption", {"searchCriteria": {"logicalResource": [{"value": "491"}]}}, 201),
        (f"{USAGE.removesuffix('productUsage')}exportJob", {"query": "status=rated", "url": "file:rated.json"}, 201),
    ]
    device = {"id": ada["logicalResource"]["id"]}
    limit = {"logicalResource": device, "limitValue": {"amount": 20, "units": "EUR"}, "name": "pocket money"}
    posts += [
        (f"{CONSUMPTION}/usageConsumptionReport", {"logicalResource": [device], "name": "June"}, 201),
        (f"{CONSUMPTION}/usageLimit", limit, 201),
    ]
    posts.append((f"{OPERATOR}/hub", {"callback": "https://listener.example/told"}, 201))
    for path, body, status in posts:
        answer = await http.post(path, json=body)
        assert answer.status_code == status, answer.text
    usage = (await http.get(f"{USAGE}?status=rated&limit=1")).json()[0]
    (listener,) = (await http.get(f"{OPERATOR}/hubListener")).json()
    file = {"path": "plans/late.yaml", "text": "plans: 1"}
    for path, body in (
        ("usageJob", {"kind": "retry"}),
        ("ratingExplanation", {"usage": {"id": usage["id"]}}),
        ("eventReplay", {"hubListener": {"id": listener["id"]}}),
        ("catalogCheck", {"file": [file]}),
        ("sandboxAction", {"kind": "setFaults"}),
    ):
        answer = await http.post(f"{OPERATOR}/{path}", json=body)
        assert answer.status_code == 201, answer.text
    await _erase(http, await subscribe("prepaid-s"))
    await _recommend(http, ada["party"]["id"], bob["party"]["id"], main["id"])
    await train(tenant)
    await _keep(tenant)
    await _bill(http, tenant, bob["billingAccount"]["id"])
    return {"ada": ada, "bob": bob, "main": main}


async def _keep(tenant: Any) -> None:
    """An import, an audit record and deliveries, which no request makes at once."""
    async with tenant.connection() as conn:
        await conn.execute(
            "insert into usage_import (id, file, started_at, finished_at, counts) values ('import-1', 'a.ndjson',"
            " '2026-06-15T10:00:00Z', '2026-06-15T10:01:00Z', '{\"outcome\": {\"rated\": 3}, \"reason\": {}}')"
        )
        await note(conn, [Entry("key:1", "TMF654.topupBalance:create", "line-1", "done", "0af7")])
        await conn.execute("""
            insert into delivery
            select 'delivery-1', id, 'event-1', 'SubscriberCreateEvent', 'subscriber', 'line-1', now(), 1, 'failed',
                   400, 'HTTP 400', 12
            from subscription
        """)
        await conn.execute("""
            insert into undelivered (subscription_id, event_id, xid, resource, resource_id, attempts, since, dead_at,
                                     status, reason)
            select id, 'event-1', '1', 'subscriber', 'line-1', 1, now(), now(), 400, 'HTTP 400' from subscription
        """)


async def _erase(http: httpx.AsyncClient, line: dict[str, Any]) -> None:
    """Somebody who has left and asked to be forgotten."""
    left = {"subscriber": {"id": line["id"]}, "action": "portOut"}
    for path, body in (("subscriberChange", left), ("partyErasure", {"party": {"id": line["party"]["id"]}})):
        answer = await http.post(f"{OPERATOR}/{path}", json=body)
        assert answer.status_code == 201, answer.text


async def _bill(http: httpx.AsyncClient, tenant: Any, account: str) -> None:
    """A bill that was asked for, an overdue step, a payment, an item that waits, a copy, and a trial."""
    await once(tenant, lambda work: setup.set_policy(work, '{"dunning": [{"name": "Reminder", "afterDays": 1}]}'))
    reference = {"@type": "BillingAccountRef", "id": account}
    eur = {"unit": "EUR", "value": 1.5}
    asked = await http.post(f"{BILLS}/customerBillOnDemand", json={"billingAccount": reference})
    await jobs.make_demanded(tenant)
    await jobs.tell_demanded(tenant)
    made = (await http.get(asked.json()["href"])).json()["customerBill"]["id"]
    for name, body in (
        ("payment", {"paymentReference": "bank-1", "billingAccount": {"id": account}, "amount": eur}),
        ("billItem", {"billingAccount": {"id": account}, "rateType": "rebate", "name": "Sorry", "amount": eur}),
        ("billReissue", {"category": "duplicate", "bill": {"id": made}}),
        ("billRun", {"kind": "trial", "billingAccount": [{"id": account}]}),
        ("accountTaxExemption", {"billingAccount": {"id": account}, "taxCategory": "E", "reason": "Embassy"}),
    ):
        answer = await http.post(f"{BILLING}/{name}", json=body)
        assert answer.status_code == 201, answer.text
    noon = tenant.clock.frozen
    tenant.clock.frozen = noon + timedelta(days=60)
    assert await billing_jobs.dun(tenant)
    tenant.clock.frozen = noon


async def _recommend(http: httpx.AsyncClient, party: str, other: str, main: str) -> None:
    """A query that waits and one of which an item was taken, a consent, an offering in study."""
    pack = {"name": "Pack", "productSpecification": {"id": "data-pack"}, "pricePlan": {"id": "data-pack-2gb"}}
    asked = {"instantSyncRecommendation": True, "relatedParty": {"id": party}, "category": [{"id": "data"}]}
    for path, body in (
        (f"{BALANCE}/topupBalance", {"amount": {"amount": 20, "units": "EUR"}, "bucket": {"id": main}}),
        (RECOMMENDATION, {"relatedParty": {"id": party}, "name": "later"}),
        (f"{OPERATOR}/recommendationConsent", {"relatedParty": {"id": other}, "consent": "denied"}),
        (f"{OPERATOR}/productOffering", pack | {"deviceCount": 0, "lifecycleStatus": "In study"}),
        (RECOMMENDATION, asked),
    ):
        answer = await http.post(path, json=body)
        assert answer.status_code == 201, answer.text
    taken = {"recommendationItem": {"id": answer.json()["recommendationItem"][0]["id"]}}
    answer = await http.post(f"{OPERATOR}/recommendationAcceptance", json=taken)
    assert answer.status_code == 201, answer.text
