"""Queries that a worker answers: their states and events, what is too many, and workers that are lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.apis.consumption import QUERY, REPORT
from tests.engines.books import fetch

from oxl.apis.usage_consumption import jobs
from oxl.apis.usage_consumption.jobs import Answering
from oxl.clock import system_now
from oxl.db.database import Tenant
from oxl.engines.consumption import consumption
from oxl.engines.consumption.consumption import Claim
from oxl.kernel.background import once

LATER = {"Prefer": "respond-async"}


@pytest.fixture(scope="module")
async def family(subscribe: Callable[..., Any]) -> list[dict[str, Any]]:
    account = {"externalId": "later-family"}
    return [await subscribe("family-share", billingAccount=account) for _ in range(3)]


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two devices are many here."""
    monkeypatch.setattr(consumption, "AT_ONCE", 2)


def of_account(lines: list[dict[str, Any]]) -> dict[str, Any]:
    return {"searchCriteria": {"partyAccount": [{"id": lines[0]["billingAccount"]["id"]}]}}


async def events(tenant: Tenant, query_id: str) -> list[tuple[str, str]]:
    asked = "select event_type, doc ->> 'state' as state from outbox where resource_id = $1 order by xid, id"
    rows = await fetch(tenant, asked, query_id)
    return [(row["event_type"].removeprefix("QueryUsageConsumption"), row["state"]) for row in rows]


async def test_a_query_that_means_many_is_answered_later(http: httpx.AsyncClient, tenant, family, few) -> None:
    asked = await http.post(QUERY, json=of_account(family))
    assert (asked.status_code, asked.json()["state"]) == (201, "acknowledged")
    assert "usageConsumption" not in asked.json()
    assert (await http.get(f"{REPORT}/{asked.json()['id']}")).status_code == 404
    assert await Answering(tenant).work()
    told = (await http.get(asked.json()["href"])).json()
    assert (told["state"], len(told["usageConsumption"])) == ("done", 3)
    assert told["usageConsumption"][2]["id"] == f"{told['id']}.3"
    assert await events(tenant, told["id"]) == [
        ("CreateEvent", "acknowledged"),
        ("StateChangeEvent", "inProgress"),
        ("StateChangeEvent", "done"),
    ]
    assert not await Answering(tenant).work()


async def test_a_client_may_prefer_not_to_wait(http, tenant, family) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)
    assert (asked.json()["state"], asked.headers["Preference-Applied"]) == ("acknowledged", "respond-async")
    assert await Answering(tenant).work()
    assert (await http.get(asked.json()["href"])).json()["state"] == "done"
    nobody = await http.post(QUERY, json={}, headers=LATER)
    assert nobody.json()["state"] == "rejected"


async def test_at_once_it_is_done_with_one_event(http, tenant, family) -> None:
    asked = await http.post(QUERY, json=of_account(family))
    assert asked.json()["state"] == "done"
    assert await events(tenant, asked.json()["id"]) == [("CreateEvent", "done")]
    assert (await http.delete(asked.json()["href"])).status_code == 204
    assert (await events(tenant, asked.json()["id"]))[1:] == [("DeleteEvent", "done")]


async def test_too_many_devices_are_refused(http, tenant, family, monkeypatch) -> None:
    monkeypatch.setattr(consumption, "MOST", 2)
    asked = (await http.post(QUERY, json=of_account(family))).json()
    assert (asked["state"], asked["errorMessage"][0]["code"]) == ("rejected", "tooManyDevices")


async def test_what_has_become_of_the_devices_meanwhile_holds(http, tenant, family, monkeypatch) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)
    monkeypatch.setattr(consumption, "MOST", 2)
    assert await Answering(tenant).work()
    told = (await http.get(asked.json()["href"])).json()
    assert (told["state"], told["errorMessage"][0]["code"]) == ("rejected", "tooManyDevices")


async def test_a_query_that_is_deleted_is_not_answered(http, tenant, family) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)
    at = system_now()
    held, _ = await once(tenant, lambda work: consumption.claim(work, at, at + timedelta(minutes=1)))
    assert isinstance(held, Claim)
    assert (await http.delete(asked.json()["href"])).status_code == 204
    query = jobs.query_of(held.body)
    assert await once(tenant, lambda work: consumption.answer(work, held, query)) == []
    assert await fetch(tenant, "select id from consumption_report where query_id = $1", held.id) == []


async def test_a_worker_that_is_lost_is_followed_by_another_and_writes_nothing_more(http, tenant, family) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)
    at = system_now()
    lost, told = await once(tenant, lambda work: consumption.claim(work, at, at + timedelta(seconds=1)))
    assert (lost.id, [each.status for each in told]) == (asked.json()["id"], ["inProgress"])
    assert not await Answering(tenant, now=lambda: at).work(), "its lease has not run out"
    assert await Answering(tenant, now=lambda: at + timedelta(seconds=2)).work()
    query = jobs.query_of(lost.body)
    assert await once(tenant, lambda work: consumption.answer(work, lost, query)) == []
    told = (await http.get(asked.json()["href"])).json()
    assert [each["id"] for each in told["usageConsumption"]] == [f"{lost.id}.{n}" for n in (1, 2, 3)]
    assert await events(tenant, lost.id) == [
        ("CreateEvent", "acknowledged"),
        ("StateChangeEvent", "done"),
    ]


async def test_one_that_loses_every_worker_is_given_up(http, tenant, family) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)
    at = system_now()
    for n in range(consumption.TRIES):
        start = at + timedelta(minutes=n)
        held, _ = await once(tenant, lambda work, start=start: consumption.claim(work, start, start))
        assert held is not None
    await Answering(tenant, now=lambda: at + timedelta(hours=1)).work()
    told = (await http.get(asked.json()["href"])).json()
    assert (told["state"], told["errorMessage"][0]["code"]) == ("terminatedWithError", "failed")
    assert not await Answering(tenant, now=lambda: at + timedelta(hours=2)).work()


async def test_87_one_that_cannot_be_computed_is_terminated_with_error(http, tenant, family, monkeypatch) -> None:
    asked = await http.post(QUERY, json=of_account(family), headers=LATER)

    async def broken(*_: Any) -> list[Any]:
        raise ArithmeticError("a bug")

    monkeypatch.setattr(consumption, "_answers", broken)
    assert await Answering(tenant).work()
    told = (await http.get(asked.json()["href"])).json()
    assert (told["state"], told["errorMessage"][0]["code"]) == ("terminatedWithError", "failed")
