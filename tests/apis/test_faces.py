"""What happens to a thing under one version of an API is told to those who listen under the other, in its own words."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.conftest import BILLS, CONSUMPTION, USAGE, usage_body
from tests.kernel.listening import DEV, QUICK, hub_client
from tests.kernel.receivers import Receiver, receiving
from tests.waiting import until

from oxl.apis import APIS
from oxl.apis.customer_bill.jobs import make_demanded, tell_demanded
from oxl.kernel.declare import Api, Resource
from oxl.kernel.events import voices
from oxl.outbox.delivery import Delivery

USAGE4 = "/tmf-api/usageManagement/v4"
QUERY4 = "/tmf-api/usageConsumption/v4/queryUsageConsumption"
BILLS4 = "/tmf-api/customerBillManagement/v4"
API_OF = {api.name: api for api in APIS}
FACED = [(api, resource) for api in APIS for resource in api.resources if resource.faces]
TOLD = ("product_usage", "usage_consumption", "customer_bill")


def of(api: str, name: str) -> Resource:
    return next(each for each in API_OF[api].resources if each.name == name)


@pytest.mark.parametrize(("api", "resource"), FACED, ids=[f"{api.name}-{each.name}" for api, each in FACED])
def test_a_face_is_what_that_api_declares_and_looks_back(api: Api, resource: Resource) -> None:
    for name, face in resource.faces.items():
        declared = of(name, face.name)
        assert (declared.view, declared.one, declared.state) == (face.view, face.one, face.state)
        assert declared.events == face.events
        assert declared.faces[api.name].name == resource.name


def test_every_resource_of_a_former_version_that_is_told_of_has_a_face() -> None:
    alone = [each.name for api in APIS if api.name.endswith("_v4") for each in api.resources if not each.faces]
    assert sorted(alone) == ["appliedCustomerBillingRate", "usageSpecification"]


@pytest.fixture(scope="module")
async def both(tenant) -> AsyncIterator[tuple[Receiver, httpx.AsyncClient]]:
    """A listener to both versions of three APIs, and a client."""
    stop = asyncio.Event()
    async with receiving() as receiver, hub_client(tenant, APIS) as client:
        for api in [API_OF[name + version] for name in TOLD for version in ("", "_v4")]:
            made = await client.post(f"{api.base}/hub", json={"callback": f"{receiver.url}/{api.name}"})
            assert made.status_code == 201, made.text
        task = asyncio.create_task(Delivery(voices(APIS), tenant, DEV, pace=QUICK).run(stop))
        yield receiver, client
        stop.set()
        await task


async def told(receiver: Receiver, api: str, kind: str, resource_id: str) -> dict[str, Any]:
    """What the only notification of that type about a resource carries, at one API's listener."""

    def found() -> list[dict[str, Any]]:
        bodies = [came.body for came in receiver.came if came.path.endswith(f"/{api}")]
        return [each for each in bodies if (each["eventType"], each["correlationId"]) == (kind, resource_id)]

    await until(found)
    (note,) = found()
    assert ("@type" in note) == (API_OF[api].generation == 5), "each in the envelope of its version"
    (inner,) = note["event"].values()
    assert list(note["event"]) == [next(e.name for e in API_OF[api].resources if kind in e.events.values())]
    return inner


def usage() -> dict[str, Any]:
    return {"usageSpecification": {"id": "nobody knows"}, "description": "seen"}


async def test_usage_is_told_under_both(both) -> None:
    receiver, client = both
    older = (await client.post(f"{USAGE4}/usage", json=usage())).json()
    newer = (await client.post(USAGE, json=usage_body("nobody knows", "49155000001"))).json()
    for made in (older, newer):
        found = await told(receiver, "product_usage_v4", "UsageCreateEvent", made["id"])
        assert found == (await client.get(f"{USAGE4}/usage/{made['id']}")).json()
        found = await told(receiver, "product_usage", "ProductUsageCreateEvent", made["id"])
        assert found == (await client.get(f"{USAGE}/{made['id']}")).json()
    await client.patch(f"{USAGE4}/usage/{older['id']}", json={"description": "changed"})
    changed = await told(receiver, "product_usage_v4", "UsageAttributeValueChangeEvent", older["id"])
    assert changed["description"] == "changed"
    changed = await told(receiver, "product_usage", "ProductUsageAttributeValueChangeEvent", older["id"])
    assert set(changed) == {"@type", "id", "href", "description"}
    retried = await client.patch(f"{USAGE}/{newer['id']}", json={"status": "superseded"})
    assert retried.status_code == 200, retried.text
    assert (await told(receiver, "product_usage", "ProductUsageStateChangeEvent", newer["id"]))[
        "status"
    ] == "superseded"
    assert (await told(receiver, "product_usage_v4", "UsageStateChangeEvent", newer["id"]))["status"] == "rejected"


@pytest.mark.parametrize("through", [f"{USAGE4}/usage", USAGE])
async def test_a_removal_is_told_under_both_with_what_each_showed(both, through: str) -> None:
    receiver, client = both
    made = (await client.post(f"{USAGE4}/usage", json=usage())).json()
    assert (await client.delete(f"{through}/{made['id']}")).status_code == 204
    assert await told(receiver, "product_usage_v4", "UsageDeleteEvent", made["id"]) == made
    gone = await told(receiver, "product_usage", "ProductUsageDeleteEvent", made["id"])
    assert (set(gone), gone["@type"]) == ({"@type", "id", "href"}, "ProductUsage")


async def test_queries_are_told_under_both(both) -> None:
    receiver, client = both
    asked = {"searchCriteria": {"logicalResource": [{"@type": "LogicalResourceRef", "id": "nobody"}]}}
    newer = (await client.post(f"{CONSUMPTION}/queryUsageConsumption", json=asked)).json()
    found = await told(receiver, "usage_consumption_v4", "QueryUsageConsumptionCreateEvent", newer["id"])
    assert found == (await client.get(f"{QUERY4}/{newer['id']}")).json()
    await client.delete(f"{QUERY4}/{newer['id']}")
    gone = await told(receiver, "usage_consumption", "QueryUsageConsumptionDeleteEvent", newer["id"])
    assert gone["id"] == newer["id"]


async def test_what_a_worker_does_is_told_under_both(both, tenant) -> None:
    receiver, client = both
    made = await client.post(f"{BILLS4}/customerBillOnDemand", json={"billingAccount": {"id": "nobody"}})
    assert made.status_code == 201, made.text
    wanted = made.json()["id"]
    found = await told(receiver, "customer_bill", "CustomerBillOnDemandCreateEvent", wanted)
    assert found["state"] == "inProgress"
    await make_demanded(tenant)
    await tell_demanded(tenant)
    for api in ("customer_bill", "customer_bill_v4"):
        found = await told(receiver, api, "CustomerBillOnDemandStateChangeEvent", wanted)
        assert found["state"] == "rejected"
    assert (await client.get(f"{BILLS}/customerBillOnDemand/{wanted}")).json()["state"] == "rejected"


async def test_nothing_is_written_for_a_face_that_nobody_listens_to(make_tenant) -> None:
    tenant = await make_tenant()
    async with hub_client(tenant, APIS) as client:
        made = (await client.post(USAGE, json=usage_body("nobody knows", "49155000002"))).json()
        seen = (await client.get("/oxl/v1/eventRecord", params={"resourceId": made["id"]})).json()
    assert [each["eventType"] for each in seen] == ["ProductUsageCreateEvent"]
