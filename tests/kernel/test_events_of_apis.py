"""The events that the real APIs declare and send, held against the official list where it is at hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.conformance.documents import FORMER, facts, key_of
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.kernel.listening import DEV, QUICK, hub_client
from tests.kernel.receivers import Receiver, receiving
from tests.waiting import until

from oxl.apis import APIS
from oxl.certify.standard import standard_of
from oxl.kernel.events import events_of, voices
from oxl.outbox.delivery import Delivery

READABLE = {"TMF635": True, "TMF654": False, "TMF677": True, "TMF678": False, "TMF680": False}
READABLE |= dict.fromkeys(FORMER, False)


def test_what_is_not_official_is_declared_as_an_extension() -> None:
    official = {(each["api"], each["eventType"]): each["resourceKeyInPayload"] for each in facts("events")}
    assert len(official) == 26
    for key in FORMER:
        official |= {(key, event): name for kind in standard_of(key).kinds for event, name in kind.events.items()}
    for api in APIS:
        for name, found in events_of(api).items():
            assert found.is_extension is ((key_of(api), name) not in official), (api.name, name)
            assert official.get((key_of(api), name), found.resource.name) == found.resource.name


@pytest.mark.parametrize("api", APIS, ids=lambda api: api.name)
def test_every_api_tells_whether_its_hub_can_be_read(api: Any) -> None:
    assert ("retrieve" in api.hub) is READABLE.get(key_of(api), True)


@pytest.fixture(scope="module")
async def everyone(tenant, http, subscribe) -> AsyncIterator[tuple[Receiver, httpx.AsyncClient, dict[str, Any]]]:
    """A listener to everything that every API tells, a client, and a subscriber."""
    stop = asyncio.Event()
    delivery = Delivery(voices(APIS, events_at=f"{OPERATOR}/eventRecord"), tenant, DEV, pace=QUICK)
    async with receiving() as receiver, hub_client(tenant, APIS) as client:
        for api in APIS:
            made = await client.post(f"{api.base}/hub", json={"callback": f"{receiver.url}/{api.name}"})
            assert made.status_code == 201, made.text
            assert (await client.get(f"{api.base}/hub/{made.json()['id']}")).status_code == (
                200 if "retrieve" in api.hub else 405
            )
        task = asyncio.create_task(delivery.run(stop))
        yield receiver, client, await subscribe()
        stop.set()
        await task


async def told(receiver: Receiver, kind: str, resource_id: str, api: str = "") -> dict[str, Any]:
    """The notification of that type about a resource, which some APIs tell in two versions."""

    def found() -> list[dict[str, Any]]:
        bodies = [came.body for came in receiver.came if came.path.endswith(f"/{api}" if api else "")]
        return [body for body in bodies if body["eventType"] == kind and body["correlationId"] == resource_id]

    return (await until(found))[0]


@pytest.mark.parametrize("name", ["topupBalance", "adjustBalance"])
async def test_balance_actions_are_told_in_version_4(everyone, subscribe, name: str) -> None:
    receiver, client, _ = everyone
    line = await subscribe()
    kind = name[0].upper() + name[1:]
    buckets = (await client.get(f"{BALANCE}/bucket?partyAccount.id={line['billingAccount']['id']}")).json()
    money = next(bucket for bucket in buckets if bucket["name"] == "Main balance")
    body = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": money["id"]}}
    made = (await client.post(f"{BALANCE}/{name}", json=body)).json()
    note = await told(receiver, f"{kind}CreateEvent", made["id"])
    assert note["event"] == {name: made}
    assert "timeOcurred" in note
    assert not {"@type", "timeOccurred", "x-oxl-extension"} & set(note)
    body["amount"] = {"amount": -1000 if name == "adjustBalance" else 9_223_372_036_854, "units": "EUR"}
    refused = await client.post(f"{BALANCE}/{name}", json=body)
    assert refused.status_code == 409, refused.text
    failed = refused.json()["referenceError"].rpartition("/")[2]
    note = await told(receiver, f"{kind}FailureEvent", failed)
    assert note["event"][name]["status"] == "failed"


async def test_queries_and_usage_are_told_in_version_5(everyone) -> None:
    receiver, client, line = everyone
    number = line["logicalResource"]["value"]
    asked = {"searchCriteria": {"logicalResource": [{"@type": "LogicalResourceRef", "value": number}]}}
    made = (await client.post(f"{CONSUMPTION}/queryUsageConsumption", json=asked)).json()
    note = await told(receiver, "QueryUsageConsumptionCreateEvent", made["id"], "usage_consumption")
    assert note["event"]["queryUsageConsumption"]["id"] == made["id"]
    assert "x-oxl-extension" not in note
    call = usage_body("voice", number, destinationPhoneNumber="+493012345", duration=60)
    usage = (await client.post(USAGE, json=call)).json()
    note = await told(receiver, "ProductUsageCreateEvent", usage["id"])
    assert note["x-oxl-extension"] is True
    assert note["event"]["productUsage"] == usage
    assert (await client.get(note["href"])).json()["eventType"] == "ProductUsageCreateEvent"


async def test_operators_may_read_events_subscriptions_and_deliveries(everyone) -> None:
    receiver, client, line = everyone
    await told(receiver, "SubscriberCreateEvent", line["id"])
    (subscription,) = (await client.get(f"{OPERATOR}/hubListener?api=operator")).json()
    assert (subscription["status"], subscription["dead"], subscription["waiting"]) == ("active", 0, 0)
    assert "secret" not in json.dumps(subscription)
    query = f"hubListener.id={subscription['id']}&resourceId={line['id']}"

    async def written_down() -> Any:
        return (await client.get(f"{OPERATOR}/eventDelivery?{query}")).json()

    found = await until(written_down)
    assert [(each["outcome"], each["attempt"], each["httpStatus"]) for each in found] == [("delivered", 1, 204)]
    event = (await client.get(f"{OPERATOR}/eventRecord/{found[0]['eventId']}")).json()
    assert event["event"]["subscriber"]["id"] == line["id"]
    assert (await client.get(f"{OPERATOR}/deadLetter")).json() == []
