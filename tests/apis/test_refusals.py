"""Bad input: a 4xx with a TMF Error that names the field, and not one row more in any table."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.conftest import BALANCE, CONSUMPTION, OPERATOR, USAGE, usage_body
from tests.engines.books import whole

TOPUP, ADJUST = f"{BALANCE}/topupBalance", f"{BALANCE}/adjustBalance"
QUERY, LINE = f"{CONSUMPTION}/queryUsageConsumption", f"{OPERATOR}/subscriber"
HOLE = object()


def changed(body: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The body with attributes changed by dotted path (`__` for a dot), or taken out."""
    made = json.loads(json.dumps(body))
    for path, value in changes.items():
        *way, name = path.split("__")
        inner = made
        for step in way:
            inner = inner[step]
        if value is HOLE:
            del inner[name]
        else:
            inner[name] = value
    return made


AMOUNTS = [
    ({"amount": HOLE}, "amount"),
    ({"amount": None}, "amount"),
    ({"amount": 5}, "amount"),
    ({"amount__amount": HOLE}, "amount"),
    ({"amount__amount": None}, "amount.amount"),
    ({"amount__amount": "five"}, "amount.amount"),
    ({"amount__amount": "5"}, "amount.amount"),
    ({"amount__amount": True}, "amount.amount"),
    ({"amount__amount": 0}, "amount.amount"),
    ({"amount__amount": 0.0000001}, "amount.amount"),
    ({"amount__amount": 10**15}, "amount.amount"),
    ({"amount__amount": 10**30}, "amount.amount"),
    ({"amount__units": HOLE}, "amount.units"),
    ({"amount__units": "XYZ"}, "amount.units"),
    ({"amount__units": "eur"}, "amount.units"),
    ({"amount__units": 5}, "amount.units"),
    ({"amount__units": "USD"}, "amount.units"),
    ({"amount__units": "GB"}, "amount.units"),
    ({"bucket": HOLE}, "bucket"),
    ({"bucket": {}}, "bucket"),
    ({"bucket__id": "nowhere"}, "bucket.id"),
    ({"bucket__id": 5}, "bucket.id"),
    ({"usageType": "data"}, "usageType"),
    ({"usageType": "gas"}, "usageType"),
    ({"partyAccount": {"id": "another"}}, "partyAccount.id"),
    ({"partyAccount": "a"}, "partyAccount"),
    ({"validFor": {"endDateTime": "tomorrow"}}, "validFor.endDateTime"),
    ({"validFor": {"endDateTime": "2026-07-01"}}, "validFor.endDateTime"),
    ({"validFor": {"endDateTime": "9999-12-31T23:59:59-12:00"}}, "validFor.endDateTime"),
    ({"logicalResource": [{"value": 49}]}, "logicalResource"),
]  # fmt: skip


@pytest.mark.parametrize("path", [TOPUP, ADJUST], ids=["topup", "adjust"])
@pytest.mark.parametrize(("changes", "named"), AMOUNTS)
async def test_61_a_balance_action_that_is_wrong_is_a_400(http, tenant, furnished, path, changes, named) -> None:
    good = {"amount": {"amount": 5, "units": "EUR"}, "bucket": {"id": furnished["main"]["id"]}}
    await refused(http, tenant, path, changed(good, **changes), 400, named)


async def test_a_top_up_of_less_than_nothing_is_a_400(http, tenant, furnished) -> None:
    good = {"amount": {"amount": -5, "units": "EUR"}, "bucket": {"id": furnished["main"]["id"]}}
    await refused(http, tenant, TOPUP, good, 400, "amount.amount")


async def refused(http: Any, tenant: Any, path: str, body: dict[str, Any], status: int, named: str) -> None:
    """POST the body: refused with that status, naming that field, and nothing is stored."""
    before = await whole(tenant)
    answer = await http.post(path, content=json.dumps(body).encode(), headers={"Idempotency-Key": "refused"})
    assert answer.status_code == status, answer.text
    error = answer.json()
    assert (error["@type"], error["status"]) == ("Error", str(status))
    assert {"code", "reason", "message"} <= set(error)
    assert named in error["message"]
    assert await whole(tenant) == before


CALL = {"destinationPhoneNumber": "+493012345", "duration": 60}
USAGES = [
    ("voice", {"duration": HOLE}, "usageCharacteristic.duration"),
    ("voice", {"destinationPhoneNumber": HOLE}, "usageCharacteristic.destinationPhoneNumber"),
    ("voice", {"originatingPhoneNumber": HOLE}, "usageCharacteristic.originatingPhoneNumber"),
    ("voice", {"startDateTime": HOLE}, "usageCharacteristic.startDateTime"),
    ("voice", {"duration": None}, "usageCharacteristic.duration"),
    ("voice", {"duration": -1}, "usageCharacteristic.duration"),
    ("voice", {"duration": 1.5}, "usageCharacteristic.duration"),
    ("voice", {"duration": "60"}, "usageCharacteristic.duration"),
    ("voice", {"duration": True}, "usageCharacteristic.duration"),
    ("voice", {"duration": 10**9}, "usageCharacteristic.duration"),
    ("voice", {"durationUnit": "parsec"}, "usageCharacteristic.duration"),
    ("voice", {"startDateTime": "yesterday"}, "usageCharacteristic.startDateTime"),
    ("voice", {"startDateTime": "2026-06-15T10:00:00"}, "usageCharacteristic.startDateTime"),
    ("voice", {"startDateTime": "1969-06-15T10:00:00Z"}, "usageCharacteristic.startDateTime"),
    ("voice", {"startDateTime": 1781524800}, "usageCharacteristic.startDateTime"),
    ("voice", {"originatingPhoneNumber": "ada"}, "usageCharacteristic.originatingPhoneNumber"),
    ("voice", {"originatingPhoneNumber": 4915550}, "usageCharacteristic.originatingPhoneNumber"),
    ("voice", {"destinationPhoneNumber": "1" * 16}, "usageCharacteristic.destinationPhoneNumber"),
    ("voice", {"visitedNetwork": "home"}, "usageCharacteristic.visitedNetwork"),
    ("data", {"volume": -1}, "usageCharacteristic.volume"),
    ("data", {"volume": 1.5}, "usageCharacteristic.volume"),
    ("data", {"volume": 2**63}, "out of range"),
    ("data", {"volume": 10**15, "volumeUnit": "GB"}, "usageCharacteristic.volume"),
    ("data", {"volume": 1, "volumeUnit": "gb"}, "unknown unit"),
]  # fmt: skip


@pytest.mark.parametrize(("service", "changes", "named"), USAGES)
async def test_a_usage_that_does_not_fit_is_a_400(http, tenant, furnished, service, changes, named) -> None:
    values = CALL if service == "voice" else {"volume": 1}
    good = usage_body(service, furnished["ada"]["logicalResource"]["value"], "2026-06-14T10:00:00Z", **values)
    had = {each["name"]: each for each in good["usageCharacteristic"]}
    for name, value in changes.items():
        if value is HOLE:
            del had[name]
        else:
            had[name] = {"name": name, "value": value}
    await refused(http, tenant, USAGE, good | {"usageCharacteristic": list(had.values())}, 400, named)


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        (USAGE, {}, "usageSpecification"),
        (USAGE, {"usageSpecification": {}}, "usageSpecification"),
        (USAGE, {"usageSpecification": {"id": 5}}, "usageSpecification.id"),
        (USAGE, {"usageSpecification": {"id": "voice"}}, "usageCharacteristic.originatingPhoneNumber"),
        (USAGE, {"usageSpecification": {"id": "voice"}, "usageCharacteristic": "x"}, "usageCharacteristic"),
        (USAGE, {"usageSpecification": {"id": "voice"}, "usageCharacteristic": [{"value": 1}]}, "Characteristic[0]"),
        (USAGE, {"usageSpecification": {"id": "voice"}, "usageCharacteristic": [5]}, "usageCharacteristic[0]"),
        (USAGE, {"usageSpecification": {"id": "voice"}, "externalIdentifier": [{}]}, "externalIdentifier[0]"),
        (USAGE, {"usageSpecification": {"id": "voice"}, "product": {}}, "product"),
        (
            USAGE,
            {
                "usageSpecification": {"id": "voice"},
                "usageCharacteristic": [{"name": "duration", "value": 1}, {"name": "duration", "value": 2}],
            },
            "duration",
        ),
        (QUERY, {"searchCriteria": 5}, "searchCriteria"),
        (QUERY, {"searchCriteria": {"bucket": [{"isShared": "yes"}]}}, "searchCriteria.bucket[0].isShared"),
        (QUERY, {"relatedParty": [{"partyOrPartyRole": {"name": "x"}}]}, "relatedParty[0].partyOrPartyRole"),
        (LINE, {}, "party"),
        (LINE, {"party": {}, "logicalResource": {}}, "productOffering"),
    ],
)
async def test_a_body_of_the_wrong_shape_is_a_400(http, tenant, furnished, path, body, named) -> None:
    await refused(http, tenant, path, body, 400, named)


@pytest.mark.parametrize("path", [USAGE, TOPUP, ADJUST, QUERY, LINE, f"{OPERATOR}/subscriberChange"])
async def test_every_door_refuses_what_is_no_body(http, tenant, furnished, path: str) -> None:
    before = await whole(tenant)
    cases = [
        (b'{"amount":', 400, "not JSON"), (b"[]", 400, "one JSON object"), (b"\xff", 400, "UTF-8"),
        (b'{"x":{"amount":1e400}}', 400, "x.amount"), (b'{"x":' * 5000, 400, "deep"), (b'{"a":1,"a":2}', 400, "a: "),
        (b'{"x":"%s"}' % (b"y" * 5_000_000), 413, "longer"),
    ]  # fmt: skip
    for raw, status, named in cases:
        answer = await http.post(path, content=raw, headers={"content-type": "application/json"})
        assert (answer.status_code, answer.json()["status"]) == (status, str(status))
        assert named in answer.json()["message"]
    answer = await http.post(path, content=b"{}", headers={"content-type": "text/xml"})
    assert answer.status_code == 415
    assert await whole(tenant) == before


async def test_a_refused_debit_is_kept_as_a_failed_action_and_moves_nothing(http, tenant, furnished) -> None:
    main = furnished["main"]["id"]
    before, money = await whole(tenant), (await http.get(f"{BALANCE}/bucket/{main}")).json()
    answer = await http.post(ADJUST, json={"amount": {"amount": -(10**6), "units": "EUR"}, "bucket": {"id": main}})
    assert (answer.status_code, answer.json()["code"]) == (409, "insufficientBalance")
    assert (await http.get(answer.json()["referenceError"])).json()["status"] == "failed"
    after = await whole(tenant)
    grown = {name: after[name] - before[name] for name in after if after[name] != before[name]}
    assert grown == {"balance_action": 1, "outbox": 2}
    assert (await http.get(f"{BALANCE}/bucket/{main}")).json() == money
