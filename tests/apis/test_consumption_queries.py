"""Queries for consumption: what a template finds, of which buckets it tells, and those that mean nobody."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from tests.apis.consumption import QUERY, REPORT, ask, bucket, report


def names(told: Iterable[dict[str, Any]]) -> list[str]:
    return [each["logicalResource"][0]["id"] for each in told]


async def test_a_query_gives_one_report_for_each_device_of_an_account(http, subscribe) -> None:
    account = {"externalId": "query-family", "billingDay": 3}
    lines = [await subscribe("family-share", billingAccount=account) for _ in range(3)]
    told = await ask(http, {"partyAccount": [{"id": lines[0]["billingAccount"]["id"]}]})
    assert told["state"] == "done"
    assert names(told["usageConsumption"]) == sorted(each["logicalResource"]["id"] for each in lines)
    assert [each["id"] for each in told["usageConsumption"]] == [f"{told['id']}.{n}" for n in (1, 2, 3)]
    for each in told["usageConsumption"]:
        assert await report(http, each["id"]) == each | {"href": f"{REPORT}/{each['id']}"}
    first = await report(http, told["id"])
    assert first["bucket"] == told["usageConsumption"][0]["bucket"]


@pytest.fixture(scope="module")
async def pair(subscribe: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two lines that have nothing to do with each other."""
    return await subscribe("postpaid-l", addOn=[{"id": "roaming-eu-pack"}]), await subscribe("prepaid-m")


def _criteria(line: dict[str, Any]) -> dict[str, dict[str, Any]]:
    device, number = line["logicalResource"]["id"], line["logicalResource"]["value"]
    party = {"role": "customer", "partyOrPartyRole": {"@type": "PartyRef", "id": line["party"]["id"]}}
    return {
        "id": {"logicalResource": [{"id": device}]},
        "number": {"logicalResource": [{"value": number}]},
        "number with plus": {"logicalResource": [{"id": f"+{number}", "value": f"+{number}"}]},
        "both": {"logicalResource": [{"id": device, "value": number}]},
        "product": {"product": [{"id": line["id"]}]},
        "account": {"partyAccount": [{"id": line["billingAccount"]["id"]}]},
        "party": {"relatedParty": [party]},
    }


@pytest.mark.parametrize("by", ["id", "number", "number with plus", "both", "product", "account", "party"])
async def test_a_template_finds_the_device(http, pair, by: str) -> None:
    mine, other = (_criteria(line) for line in pair)
    told = await ask(http, mine[by])
    assert names(told["usageConsumption"]) == [pair[0]["logicalResource"]["id"]]
    for second in mine:  # what all hold holds together
        assert (await ask(http, mine[by] | mine[second]))["state"] == "done"
    for second in set(other) - (
        {"id", "number", "number with plus", "both"} if "logicalResource" in mine[by] else {by}
    ):
        foreign = await ask(http, mine[by] | other[second])
        assert (foreign["state"], foreign["errorMessage"][0]["code"]) == ("rejected", "unknownSubject"), second
        assert foreign["usageConsumption"] == []


async def test_what_stands_in_one_criterion_are_alternatives(http, pair) -> None:
    devices = sorted(line["logicalResource"]["id"] for line in pair)
    number = pair[1]["logicalResource"]["value"]
    told = await ask(http, {"logicalResource": [{"id": pair[0]["logicalResource"]["id"]}, {"value": number}]})
    assert names(told["usageConsumption"]) == devices
    mixed = {"id": pair[0]["logicalResource"]["id"], "value": number}
    assert (await ask(http, {"logicalResource": [mixed]}))["state"] == "rejected"


async def test_party_and_account_may_stand_beside_the_template_and_must_hold(http, pair) -> None:
    device = {"logicalResource": [{"id": pair[0]["logicalResource"]["id"]}]}
    mine, other = ([{"id": line["billingAccount"]["id"]}] for line in pair)
    assert (await ask(http, device, partyAccount=mine))["state"] == "done"
    assert (await ask(http, device, partyAccount=other))["state"] == "rejected"
    assert (await ask(http, device | {"partyAccount": mine}, partyAccount=other))["state"] == "rejected"
    agent = {"role": "Agent", "partyOrPartyRole": {"@type": "PartyRef", "id": "bob-of-the-shop"}}
    assert (await ask(http, device, relatedParty=[agent]))["state"] == "done"


async def test_only_the_buckets_that_the_template_means_are_told(http, pair) -> None:
    device = {"logicalResource": [{"id": pair[0]["logicalResource"]["id"]}]}

    async def found(*buckets: dict[str, Any]) -> list[str]:
        (told,) = (await ask(http, device | {"bucket": list(buckets)}))["usageConsumption"]
        return sorted(each["usageType"] for each in told["bucket"])

    assert await found({"usageType": "data"}) == ["data", "data roaming"]
    assert await found({"usageType": "data roaming"}) == ["data roaming"]
    assert await found({"usageType": "voice national"}) == ["voice"]
    assert await found({"usageType": "tv"}, {"usageType": "sms"}) == ["sms", "tv"]
    assert await found({"usageType": "voice", "bucketSpecification": {"id": "minutes-500"}}) == ["voice"]
    assert await found({"isShared": True}) == []
    assert await found({"usageType": "carrier pigeon"}) == []
    whole = await report(http, f"live-{pair[0]['logicalResource']['id']}")
    tv = bucket(whole, "tv")["id"]
    assert await found({"id": tv, "@referredType": "Bucket"}) == ["tv"]
    by_bucket = await ask(http, {"bucket": [{"id": tv}]})
    assert names(by_bucket["usageConsumption"]) == [pair[0]["logicalResource"]["id"]]
    assert (await ask(http, device | {"bucket": [{"id": "no such bucket"}]}))["state"] == "rejected"


async def test_a_period_shows_the_buckets_of_that_time(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m", validFor={"startDateTime": "2026-03-20T00:00:00Z"})
    device = {"logicalResource": [{"id": line["logicalResource"]["id"]}]}

    async def starts(start: str, end: str) -> list[str]:
        period = {"validPeriod": {"startDateTime": f"{start}T00:00:00Z", "endDateTime": f"{end}T00:00:00Z"}}
        (told,) = (await ask(http, device | period | {"bucket": [{"usageType": "data"}]}))["usageConsumption"]
        for counter in (counter for each in told["bucket"] for counter in each["bucketCounter"]):
            assert counter["consumptionPeriod"]["startDateTime"] < counter["consumptionPeriod"]["endDateTime"]
        return sorted(each["validFor"]["startDateTime"][:10] for each in told["bucket"])

    assert await starts("2026-06-01", "2026-06-10") == ["2026-05-19"]
    assert len(await starts("2026-04-01", "2026-06-10")) == 3
    assert len(await starts("2026-01-01", "2026-02-01")) == 0
    bad = {"validPeriod": {"startDateTime": "2026-02-01T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z"}}
    answer = await http.post(QUERY, json={"searchCriteria": device | bad})
    assert (answer.status_code, answer.json()["message"].partition(":")[0]) == (
        400,
        "searchCriteria.validPeriod.endDateTime",
    )


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "noSubject"),
        ({"searchCriteria": {"bucket": [{"usageType": "data"}]}}, "noSubject"),
        ({"searchCriteria": {"logicalResource": [{"value": "490000"}]}}, "unknownSubject"),
        ({"partyAccount": [{"id": "nobody's"}]}, "unknownSubject"),
    ],
)
async def test_a_query_that_means_nobody_is_kept_as_rejected(http, body: dict[str, Any], code: str) -> None:
    answer = await http.post(QUERY, json=body)
    assert (answer.status_code, answer.json()["state"]) == (201, "rejected")
    assert answer.json()["errorMessage"][0]["code"] == code
    assert (await http.get(answer.json()["href"])).json() == answer.json()
