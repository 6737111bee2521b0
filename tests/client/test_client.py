"""The client against OXL itself: documents, pages, keys, patches and refusals as they really come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any

import httpx
import pytest
from tests.conftest import app_of, usage_body

from oxl.client import ApiError, AsyncClient
from oxl.client.apis import operator, prepay_balance, product_usage, usage_consumption
from oxl.db.database import Tenant


@pytest.fixture(scope="module")
async def oxl(tenant: Tenant) -> AsyncIterator[AsyncClient]:
    """A client of the module's tenant."""
    async with AsyncClient("http://oxl.example", transport=httpx.ASGITransport(app_of(tenant))) as client:
        yield client


@pytest.fixture(scope="module")
async def line(oxl: AsyncClient) -> operator.Subscriber:
    """A subscriber."""
    body = {
        "party": {"name": "Ada Test"}, "logicalResource": {"value": "4915559900001"},
        "productOffering": {"id": "prepaid-m"}, "validFor": {"startDateTime": "2026-05-20T00:00:00Z"},
    }  # fmt: skip
    return await oxl.create(operator.subscriber, body)


async def main_bucket(oxl: AsyncClient, line: operator.Subscriber) -> prepay_balance.Bucket:
    account = line.get("billingAccount", {}).get("id")
    filters = {"partyAccount.id": account, "usageType": "monetary"}
    (bucket,) = [each async for each in oxl.find(prepay_balance.bucket, filters)]
    return bucket


async def test_a_top_up_with_the_same_key_is_done_once(oxl: AsyncClient, line: operator.Subscriber) -> None:
    bucket = await main_bucket(oxl, line)
    body = {"amount": {"amount": Decimal("15.10"), "units": "EUR"}, "bucket": {"id": bucket["id"]}}
    first = await oxl.create(prepay_balance.topup_balance, body, key="once")
    assert await oxl.create(prepay_balance.topup_balance, body, key="once") == first
    assert first.get("status") == "completed"
    now = await oxl.get(prepay_balance.bucket, bucket["id"])
    assert now.get("remainingValue", {}).get("amount") == Decimal("15.1")
    with pytest.raises(ApiError, match="422 keyReused"):
        await oxl.create(prepay_balance.topup_balance, body | {"reason": "another"}, key="once")


async def test_a_refusal_names_what_is_wrong(oxl: AsyncClient, line: operator.Subscriber) -> None:
    bucket = await main_bucket(oxl, line)
    with pytest.raises(ApiError) as caught:
        await oxl.create(prepay_balance.topup_balance, {"amount": {"amount": 1, "units": "stones"}, "bucket": bucket})
    assert (caught.value.status, caught.value.code) == (400, "invalidValue")
    assert "stones" in caught.value.message
    with pytest.raises(ApiError, match="404 notFound"):
        await oxl.get(prepay_balance.bucket, "none")


async def test_long_lists_come_whole_in_pages_by_cursor(oxl: AsyncClient, line: operator.Subscriber) -> None:
    number = line.get("logicalResource", {}).get("value", "")
    for n in range(7):
        body = usage_body("sms", number, destinationPhoneNumber="+493012345", messages=1)
        await oxl.create(product_usage.product_usage, body | {"externalIdentifier": [{"id": f"client-{n}"}]})
    filters = {"externalIdentifier.id.regex": "^client-"}
    found = [each["id"] async for each in oxl.find(product_usage.product_usage, filters, sort="-id", page=2)]
    assert len(set(found)) == len(found) == 7
    assert found == sorted(found, reverse=True)
    assert await oxl.count(product_usage.product_usage, filters) == 7
    only = [each async for each in oxl.find(product_usage.product_usage, filters, fields=["status"], page=3)]
    assert {name for each in only for name in each} == {"id", "href", "@type", "status"}


async def test_a_change_of_what_has_changed_is_refused(oxl: AsyncClient, line: operator.Subscriber) -> None:
    number = line.get("logicalResource", {}).get("value", "")
    made = await oxl.create(product_usage.product_usage, usage_body("sms", number, destinationPhoneNumber="+493012"))
    seen = await oxl.read(product_usage.product_usage, made["id"])
    changed = await oxl.patch(product_usage.product_usage, made["id"], {"description": "one"}, etag=seen.etag)
    assert changed.get("description") == "one"
    with pytest.raises(ApiError, match="412"):
        await oxl.patch(product_usage.product_usage, made["id"], {"description": "two"}, etag=seen.etag)
    steps: list[dict[str, Any]] = [{"op": "replace", "path": "/description", "value": "three"}]
    assert (await oxl.patch(product_usage.product_usage, made["id"], steps)).get("description") == "three"


async def test_the_next_report_shows_it(oxl: AsyncClient, line: operator.Subscriber) -> None:
    number = line.get("logicalResource", {}).get("value", "")
    report = await oxl.get(usage_consumption.usage_consumption_report, f"live-{number}")
    assert report.get("bucket")


async def test_a_subscription_is_made_once_and_ended_twice(oxl: AsyncClient) -> None:
    kept = await oxl.subscribe(prepay_balance.BASE, "https://listener.example/oxl", "eventType=BucketCreateEvent")
    again = await oxl.subscribe(prepay_balance.BASE, "https://listener.example/oxl", "eventType=BucketCreateEvent")
    assert kept["id"] == again["id"]
    for _ in range(2):
        await oxl.unsubscribe(prepay_balance.BASE, kept["id"])
