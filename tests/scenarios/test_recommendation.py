"""Recommendations from live balances, over HTTP: what comes first, why, and what never comes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest
from tests.conftest import NOON
from tests.scenarios.recommending import RECOMMEND, ask, offered, told, top_up, use, why

CALL = {"destinationPhoneNumber": "+447700900123"}


@pytest.fixture
async def kate(http: httpx.AsyncClient, subscribe: Any) -> dict[str, Any]:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    return line


async def test_nothing_used_speaks_for_no_pack(http, kate) -> None:
    reasons = [reason for _, reason, _ in told(await ask(http, kate["party"]["id"]))]
    assert reasons
    assert not [reason for reason in reasons if reason.startswith("data")]


async def test_data_at_91_per_cent_brings_the_data_pack_first_with_its_reason(http, kate) -> None:
    await use(http, kate, "data", volume=9100, volumeUnit="MB")
    query = await ask(http, kate["party"]["id"])
    (offering, reason, text), *_ = told(query)
    assert (offering, reason) == ("data-pack-2gb", "dataUsed91")
    assert text == "91 % of your 10 GB data is used, 0.90 GB is left; Data Pack 2 GB adds 2 GB for 4.99 EUR."
    first = query["recommendationItem"][0]
    assert (why(first, "source"), first["product"]["productPrice"][0]["priceType"]) == ("rule:nearly-used", "oneTime")
    assert first["product"]["productPrice"][0]["price"]["taxIncludedAmount"] == {"unit": "EUR", "value": 4.99}
    assert first["product"]["realizingResource"][0]["id"] == kate["logicalResource"]["id"]


async def test_the_next_query_sees_the_next_balance(http, kate) -> None:
    await use(http, kate, "data", volume=7000, volumeUnit="MB", start="2026-05-25T10:00:00Z")
    assert told(await ask(http, kate["party"]["id"]))[0][1] != "dataUsed91"
    await use(http, kate, "data", volume=2100, volumeUnit="MB", start="2026-05-25T11:00:00Z")
    assert told(await ask(http, kate["party"]["id"]))[0][:2] == ("data-pack-2gb", "dataUsed91")


async def test_the_pace_of_this_week_tells_that_data_runs_out(http, kate) -> None:
    for day in range(8, 16):
        await use(http, kate, "data", volume=900, volumeUnit="MB", start=f"2026-06-{day:02d}T10:00:00Z")
    offering, reason, text = told(await ask(http, kate["party"]["id"]))[0]
    assert (offering, reason) == ("data-pack-2gb", "dataRunsOut")
    assert "days before it is renewed" in text


async def test_money_spent_beyond_the_pack_s_price_brings_that_pack_with_the_saving(http, kate) -> None:
    await use(http, kate, "voice", **CALL, duration=1800)
    assert "world-calls-pack" in offered(await ask(http, kate["party"]["id"]))
    offering, reason, text = told(await ask(http, kate["party"]["id"]))[0]
    assert (offering, reason) == ("world-calls-pack", "voiceOutOfBucket")
    assert "8.70 EUR" in text
    assert "would have saved 2.71 EUR" in text


async def test_a_low_balance_brings_a_top_up(http, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 1)
    offering, reason, text = told(await ask(http, line["party"]["id"]))[0]
    assert (offering, reason, text) == (
        "top-up-15", "lowBalance", "Your balance is 1 EUR; Top-up 15 EUR keeps you connected."
    )  # fmt: skip


async def test_use_abroad_brings_a_roaming_pack(http, kate) -> None:
    await use(http, kate, "data", volume=10, volumeUnit="MB", visitedNetwork="310260")
    offering, reason, _ = told(await ask(http, kate["party"]["id"]))[0]
    assert offering == "roaming-world-pack"
    assert reason in ("roaming", "dataOutOfBucket")


async def test_what_is_owned_is_never_offered(http, subscribe) -> None:
    line = await subscribe("prepaid-m", addOn=[{"id": "data-pack-2gb"}, {"id": "roaming-eu-pack"}])
    await use(http, line, "data", volume=11800, volumeUnit="MB")
    found = offered(await ask(http, line["party"]["id"]))
    assert found[0] == "data-pack-10gb"
    assert not {"data-pack-2gb", "roaming-eu-pack", "prepaid-m"} & set(found)


async def test_a_stranger_gets_what_one_can_begin_with(http) -> None:
    for name in (None, "nobody-at-all"):
        query = await ask(http, name)
        found = offered(query)
        assert found
        assert set(found) <= {"prepaid-s", "prepaid-m", "postpaid-l", "family-share", "data-only", "tablet-bundle"}


async def test_who_opted_out_gets_nothing_until_they_opt_in(http, kate) -> None:
    party = kate["party"]["id"]
    for consent, some in (("denied", False), ("given", True)):
        answer = await http.post(
            "/oxl/v1/recommendationConsent", json={"relatedParty": {"id": party}, "consent": consent}
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["consent"] == consent
        assert bool(offered(await ask(http, party))) is some


async def test_who_is_unknown_may_opt_out_too(http) -> None:
    body = {"relatedParty": {"id": "of-another-system"}, "consent": "denied"}
    assert offered(await ask(http, "of-another-system"))
    assert (await http.post("/oxl/v1/recommendationConsent", json=body)).status_code == 201
    assert offered(await ask(http, "of-another-system")) == []


async def test_category_channel_and_cart_narrow_the_answer(http, kate) -> None:
    party = kate["party"]["id"]
    found = offered(await ask(http, party, category=[{"id": "voice"}]))
    assert sorted(found) == ["voice-pack-100", "world-calls-pack"]
    item = {"product": {"productOffering": {"id": "voice-pack-100"}}}
    assert offered(await ask(http, party, category=[{"id": "voice"}], recommendationItem=[item])) == [
        "world-calls-pack"
    ]


async def test_types_of_question(http, subscribe) -> None:
    line = await subscribe("prepaid-s")
    await top_up(http, line, 30)
    party = line["party"]["id"]
    assert offered(await ask(http, party, recommendationType="upSell")) == ["prepaid-m"]
    assert "prepaid-m" not in offered(await ask(http, party, recommendationType="crossSell"))
    assert offered(await ask(http, party, recommendationType="topUp")) == []
    assert (await ask(http, party, recommendationType="somethingOfMine"))["recommendationType"] == "somethingOfMine"


async def test_an_offering_shown_in_vain_rests(http, tenant, subscribe) -> None:
    line = await subscribe("prepaid-m")
    await top_up(http, line, 30)
    party = line["party"]["id"]
    for _ in range(10):
        assert "voice-pack-100" in offered(await ask(http, party, category=[{"id": "voice"}]))
    assert offered(await ask(http, party, category=[{"id": "voice"}])) == []
    tenant.clock.frozen = NOON + timedelta(days=31)
    try:
        assert "voice-pack-100" in offered(await ask(http, party, category=[{"id": "voice"}]))
    finally:
        tenant.clock.frozen = NOON


async def test_a_number_stands_for_its_party(http, kate) -> None:
    await use(http, kate, "data", volume=9500, volumeUnit="MB")
    assert told(await ask(http, "+" + kate["logicalResource"]["value"]))[0][1] == "dataUsed95"


async def test_an_answer_can_be_read_again_and_found(http, kate) -> None:
    query = await ask(http, kate["party"]["id"], name="app start")
    assert (await http.get(f"{RECOMMEND}/{query['id']}")).json() == query
    listed = (await http.get(f"{RECOMMEND}?relatedParty.id={kate['party']['id']}&name=app start")).json()
    assert [each["id"] for each in listed] == [query["id"]]
