"""Words for scenarios of recommendations: ask, read the reasons, use up, accept."""

from __future__ import annotations

from typing import Any

import httpx
from tests.conftest import BALANCE, OPERATOR, USAGE, usage_body

RECOMMEND = "/tmf-api/recommendationManagement/v4/queryProductRecommendation"


async def ask(http: httpx.AsyncClient, party: str | None, **more: Any) -> dict[str, Any]:
    """The answer to a query that is answered at once."""
    body: dict[str, Any] = {"instantSyncRecommendation": True} | more
    if party:
        body["relatedParty"] = {"id": party, "role": "customer"}
    answer = await http.post(RECOMMEND, json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "done"
    return answer.json()


def told(query: dict[str, Any]) -> list[tuple[str, str, str]]:
    """(offering, reason, sentence) of each item, by priority."""
    items = sorted(query["recommendationItem"], key=lambda item: item["priority"])
    assert [item["priority"] for item in items] == list(range(1, len(items) + 1))
    return [
        (item["productOffering"]["id"], why(item, "recommendationReason"), why(item, "reasonText")) for item in items
    ]


def why(item: dict[str, Any], name: str) -> Any:
    """A characteristic of a recommended product."""
    return next(each["value"] for each in item["product"]["productCharacteristic"] if each["name"] == name)


def offered(query: dict[str, Any]) -> list[str]:
    """The offerings, by priority."""
    return [offering for offering, _, _ in told(query)]


async def use(http: httpx.AsyncClient, line: dict[str, Any], service: str, **values: Any) -> dict[str, Any]:
    """A usage that was rated."""
    answer = await http.post(USAGE, json=usage_body(service, line["logicalResource"]["value"], **values))
    assert answer.status_code == 201, answer.text
    assert answer.json()["status"] == "rated", answer.text
    return answer.json()


async def main_bucket(http: httpx.AsyncClient, line: dict[str, Any]) -> dict[str, Any]:
    """The money of a prepaid line."""
    account = line["billingAccount"]["id"]
    return (await http.get(f"{BALANCE}/bucket?partyAccount.id={account}&usageType=monetary")).json()[0]


async def top_up(http: httpx.AsyncClient, line: dict[str, Any], euros: int) -> None:
    """Money for a prepaid line."""
    credit = {"amount": {"amount": euros, "units": "EUR"}, "bucket": {"id": (await main_bucket(http, line))["id"]}}
    assert (await http.post(f"{BALANCE}/topupBalance", json=credit)).status_code == 201


async def accept(http: httpx.AsyncClient, item: dict[str, Any], **headers: str) -> httpx.Response:
    """Accept a recommended item in one step."""
    body = {"recommendationItem": {"id": item["id"]}}
    return await http.post(f"{OPERATOR}/recommendationAcceptance", json=body, headers=headers)
