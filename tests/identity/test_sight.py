"""What a subscriber sees is theirs: lists, counts, cursors, filters, ids, tasks, what they make and what they name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from tests.conftest import BALANCE, CONSUMPTION, USAGE, client_of, usage_body
from tests.identity.conftest import Ground, client, new_key, party

from oxl.apis import APIS
from oxl.callers import EVERYONE, NOBODY, Caller, Sight
from oxl.identity.gate import Gate
from oxl.kernel.declare import Api, Resource

OWNED = [(api, each) for api in APIS for each in api.resources if each.owner and each.owner != EVERYONE]
SCOPES = ["tmf:read", "tmf:write"]
QUERIES = f"{CONSUMPTION}/queryUsageConsumption"


@pytest.fixture(scope="module")
async def lived(alpha: Ground) -> Ground:
    """Both lines have used, topped up, reserved, transferred and asked."""
    async with client_of(alpha.tenant) as http:
        mains = [await _main(http, line) for line in (alpha.ada, alpha.bob)]
        for n, line in enumerate((alpha.ada, alpha.bob)):
            number, money = line["logicalResource"]["value"], {"amount": 5, "units": "EUR"}
            amount = {"amount": money, "bucket": {"id": mains[n]}}
            for path, body in (
                (f"{BALANCE}/topupBalance", amount),
                (f"{BALANCE}/adjustBalance", amount | {"reason": "goodwill"}),
                (f"{BALANCE}/reserveBalance", amount),
                (f"{BALANCE}/transferBalance", amount | {"receiverBucket": {"id": mains[1 - n]}}),
                (USAGE, usage_body("voice", number, destinationPhoneNumber="+493012345", duration=60)),
                (USAGE, usage_body("sms", number, destinationPhoneNumber="+493012345")),
                (QUERIES, {"searchCriteria": {"logicalResource": [{"value": number}]}}),
            ):
                answer = await http.post(path, json=body)
                assert answer.status_code == 201, answer.text
    return alpha


async def _main(http: httpx.AsyncClient, line: dict[str, Any]) -> str:
    found = await http.get(f"{BALANCE}/bucket?partyAccount.id={line['billingAccount']['id']}&usageType=monetary")
    return found.json()[0]["id"]


@pytest.fixture(scope="module")
async def ada(gate: Gate, lived: Ground) -> AsyncIterator[httpx.AsyncClient]:
    key = await new_key(lived.tenant, "subscriber", party(lived.ada), scopes=SCOPES)
    async with client(gate, credential=key) as http:
        yield http


@pytest.fixture(scope="module")
async def bob(gate: Gate, lived: Ground) -> AsyncIterator[httpx.AsyncClient]:
    key = await new_key(lived.tenant, "subscriber", party(lived.bob), scopes=SCOPES)
    async with client(gate, credential=key) as http:
        yield http


@pytest.fixture(scope="module")
async def operator(gate: Gate, lived: Ground) -> AsyncIterator[httpx.AsyncClient]:
    async with client(gate, credential=await new_key(lived.tenant)) as http:
        yield http


@pytest.mark.parametrize(("api", "resource"), OWNED, ids=lambda each: each.name)
async def test_lists_counts_and_ids_hold_only_what_is_theirs(
    api: Api, resource: Resource, operator: Any, ada: Any, bob: Any
) -> None:
    path = f"{api.base}/{resource.name}"
    everything = {each["id"] for each in (await operator.get(path)).json()}
    seen = []
    for each in (ada, bob):
        answer = await each.get(path)
        assert answer.status_code == 200, answer.text
        seen.append({one["id"] for one in answer.json()})
        assert int(answer.headers["x-total-count"]) == len(seen[-1])
        exact = await each.get(f"{path}?limit=1", headers={"Prefer": "count=exact"})
        assert int(exact.headers["x-total-count"]) == len(seen[-1])
    assert not seen[0] & seen[1]
    assert seen[0] | seen[1] <= everything
    if everything and resource.name not in ("productUsage", "chargingRequest"):
        assert seen[0]
        assert seen[1]
    for mine, theirs, each in ((seen[0], seen[1], ada), (seen[1], seen[0], bob)):
        for one in sorted(mine)[:3]:
            assert (await each.get(f"{path}/{one}")).status_code == 200
        for one in sorted(theirs)[:3]:
            for method in ("GET", "HEAD", "DELETE", "PATCH"):
                answer = await each.request(method, f"{path}/{one}", json={} if method == "PATCH" else None)
                assert answer.status_code in (403, 404, 405), (method, answer.text)
            assert (await each.get(f"{path}?id={one}")).json() == []
            assert (await operator.get(f"{path}/{one}")).status_code == 200


async def test_filters_do_not_tell_of_what_is_not_theirs(ada: Any, lived: Ground) -> None:
    account = lived.bob["billingAccount"]["id"]
    for query in (
        f"partyAccount.id={account}",
        f"partyAccount.id={account};usageType=monetary",
        f"filter=$[?(@.partyAccount.id=='{account}')]",
        f"filter=$[?(@.partyAccount.id=='{account}' || @.id!='x')]",
        "id.ne=nothing",
    ):
        found = await ada.get(f"{BALANCE}/bucket", params=query)
        assert found.status_code == 200, found.text
        assert all(each["partyAccount"]["id"] != account for each in found.json())


async def test_114_a_cursor_opens_no_list_of_somebody_elses(ada: Any, bob: Any, operator: Any) -> None:
    for first, second in ((ada, bob), (operator, ada), (ada, operator)):
        page = await first.get(f"{BALANCE}/balanceActionHistory?limit=1&sort=id")
        assert page.status_code == 206, page.text
        cursor = page.links["next"]["url"].partition("?")[2]
        assert (await first.get(f"{BALANCE}/balanceActionHistory", params=cursor)).status_code in (200, 206)
        refused = await second.get(f"{BALANCE}/balanceActionHistory", params=cursor)
        assert refused.status_code == 400, refused.text


async def test_nobody_moves_what_is_not_theirs_and_nothing_is_left_of_the_attempt(
    ada: Any, operator: Any, lived: Ground
) -> None:
    mine, theirs = [await _main(operator, line) for line in (lived.ada, lived.bob)]
    before = (await operator.get(f"{BALANCE}/balanceActionHistory")).headers["x-total-count"]
    amount = {"amount": {"amount": 1, "units": "EUR"}}
    account = {"partyAccount": {"id": lived.bob["billingAccount"]["id"]}}
    for path, body in (
        (f"{BALANCE}/topupBalance", amount | {"bucket": {"id": theirs}}),
        (f"{BALANCE}/topupBalance", amount | {"bucket": {"id": "nothing"}}),
        (f"{BALANCE}/topupBalance", amount | {"bucket": {"id": 12}}),
        (f"{BALANCE}/topupBalance", amount | account | {"usageType": "monetary"}),
        (f"{BALANCE}/topupBalance", amount | {"bucket": {"id": mine}} | account),
        (f"{BALANCE}/topupBalance", {"voucher": "0000-0000", "bucket": {"id": theirs}}),
        (f"{BALANCE}/transferBalance", amount | {"bucket": {"id": theirs}, "receiverBucket": {"id": mine}}),
        (QUERIES, {"searchCriteria": {"logicalResource": [{"value": lived.bob["logicalResource"]["value"]}]}}),
        (QUERIES, {"searchCriteria": {"logicalResource": [{"value": "4900000000"}]}}),
        (QUERIES, {"searchCriteria": {"relatedParty": [{"id": party(lived.bob)}]}}),
    ):
        answer = await ada.post(path, json=body)
        assert answer.status_code in (400, 403), (path, body, answer.text)
    assert (await operator.get(f"{BALANCE}/balanceActionHistory")).headers["x-total-count"] == before
    good = await ada.post(f"{BALANCE}/transferBalance", json=amount | {
        "bucket": {"id": mine}, "receiverBucket": {"id": theirs}})  # fmt: skip
    assert good.status_code == 201, good.text


async def test_one_who_may_not_never_fails_a_neighbour_of_the_same_group(
    ada: Any, operator: Any, lived: Ground
) -> None:
    mine, theirs = [await _main(operator, line) for line in (lived.ada, lived.bob)]
    amount = {"amount": {"amount": 0.01, "units": "EUR"}}
    calls = [
        ada.post(f"{BALANCE}/transferBalance", json=amount | {"bucket": {"id": mine}, "receiverBucket": {"id": theirs}})
        if n % 3
        else ada.post(QUERIES, json={"searchCriteria": {"relatedParty": [{"id": party(lived.bob)}]}})
        for n in range(30)
    ]
    calls += [operator.post(QUERIES, json={"searchCriteria": {"relatedParty": [{"id": party(lived.bob)}]}})]
    answers = await asyncio.gather(*calls)
    assert [answer.status_code for answer in answers] == [201 if n % 3 else 403 for n in range(30)] + [201]


async def test_a_live_report_is_shown_to_whom_it_is_of(ada: Any, bob: Any, lived: Ground) -> None:
    path = f"{CONSUMPTION}/usageConsumptionReport/live-{lived.ada['logicalResource']['value']}"
    assert (await ada.get(path)).status_code == 200
    assert (await bob.get(path)).status_code == 404


async def test_what_is_of_everybody_at_once_is_not_for_subscribers(ada: Any, operator: Any) -> None:
    export = (await operator.post(f"{USAGE.removesuffix('productUsage')}exportJob", json={"url": "file:a.json"})).json()
    for method, path in (
        ("GET", f"{BALANCE}/hub/1"),
        ("POST", f"{BALANCE}/hub"),
        ("POST", f"{USAGE}/import"),
        ("POST", USAGE),
        ("GET", "/oxl/v1/subscriber"),
        ("POST", "/oxl/v1/subscriber"),
        ("GET", "/oxl/v1/eventRecord"),
        ("POST", f"{BALANCE}/adjustBalance"),
        ("POST", f"{BALANCE}/bucket"),
    ):
        answer = await ada.request(method, path, json={} if method == "POST" else None)
        assert answer.status_code in (403, 405), (path, answer.text)
    jobs = await ada.get(f"{USAGE.removesuffix('productUsage')}exportJob")
    assert (jobs.status_code, jobs.json()) == (200, [])
    for path in (export["id"], f"{export['id']}/content"):
        assert (await ada.get(f"{USAGE.removesuffix('productUsage')}exportJob/{path}")).status_code == 404


async def test_what_a_key_was_answered_is_not_for_another(ada: Any, bob: Any, operator: Any, lived: Ground) -> None:
    mine = await _main(operator, lived.ada)
    body = {"amount": {"amount": 1, "units": "EUR"}, "bucket": {"id": mine}}
    told = {"Idempotency-Key": "same"}
    first = await ada.post(f"{BALANCE}/topupBalance", json=body, headers=told)
    assert first.status_code == 201, first.text
    assert (await ada.post(f"{BALANCE}/topupBalance", json=body, headers=told)).json() == first.json()
    assert (await bob.post(f"{BALANCE}/topupBalance", json=body, headers=told)).status_code == 403
    second = await operator.post(f"{BALANCE}/topupBalance", json=body, headers=told)
    assert second.status_code == 201
    assert second.json()["id"] != first.json()["id"]


def test_without_a_sight_everything_is_seen_and_undeclared_is_seen_by_nobody() -> None:
    assert Caller("", None, "") == NOBODY
    sight = Sight(("p",), ("a", "b"))
    unowned = next(each for api in APIS for each in api.resources if each.owner is None)
    assert unowned.seen_by(sight).kind == "never"
    mine = [each.seen_by(sight) for _, each in OWNED]
    assert {(each.parts[0] if each.parts else each).values for each in mine} <= {("p",), ("a", "b")}
