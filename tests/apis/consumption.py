"""What tests of TMF677 ask and look at."""

from __future__ import annotations

from typing import Any

import httpx
import msgspec
from tests.conftest import CONSUMPTION

REPORT, QUERY = f"{CONSUMPTION}/usageConsumptionReport", f"{CONSUMPTION}/queryUsageConsumption"


async def report(http: httpx.AsyncClient, report_id: str) -> dict[str, Any]:
    answer = await http.get(f"{REPORT}/{report_id}")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=dict[str, Any])


async def ask(http: httpx.AsyncClient, criteria: dict[str, Any], **around: Any) -> dict[str, Any]:
    answer = await http.post(QUERY, json={"searchCriteria": criteria} | around)
    assert answer.status_code == 201, answer.text
    return answer.json()


def bucket(told: dict[str, Any], label: str) -> dict[str, Any]:
    (found,) = [each for each in told["bucket"] if each["usageType"] == label]
    return found


def counters(holder: dict[str, Any]) -> dict[tuple[str, str], Any]:
    """Values by (type, level); of users by (type, user's number)."""
    found = {}
    for each in holder.get("bucketCounter", ()) or holder.get("consumptionSummary", ()):
        user = each.get("user", {}).get("partyOrPartyRole", {}).get("name")
        value = each.get("value")
        found[each["counterType"], user or each["level"]] = value["amount"] if value else each["valueName"]
    return found
