"""A tenant with something of everything, so that every resource of every API has rows to look at."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR, USAGE, usage_body

from oxl.apis import APIS
from oxl.engines.ledger.grants import open_main
from oxl.kernel.background import once
from oxl.kernel.declare import Api, Resource

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
    posts.append((f"{OPERATOR}/hub", {"callback": "https://listener.example/told"}, 201))
    for path, body, status in posts:
        answer = await http.post(path, json=body)
        assert answer.status_code == status, answer.text
    usage = (await http.get(f"{USAGE}?status=rated&limit=1")).json()[0]
    for path, body in (("usageJob", {"kind": "retry"}), ("ratingExplanation", {"usage": {"id": usage["id"]}})):
        answer = await http.post(f"{OPERATOR}/{path}", json=body)
        assert answer.status_code == 201, answer.text
    async with tenant.connection() as conn:
        await conn.execute(
            "insert into usage_import (id, file, started_at, finished_at, counts) values ('import-1', 'a.ndjson',"
            " '2026-06-15T10:00:00Z', '2026-06-15T10:01:00Z', '{\"outcome\": {\"rated\": 3}, \"reason\": {}}')"
        )
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
    return {"ada": ada, "bob": bob, "main": main}
