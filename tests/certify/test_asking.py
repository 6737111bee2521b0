"""How the suite asks: through proxies or past them, with headers, and what it makes of addresses and silence."""

from __future__ import annotations

import pytest
from double import Double, served

from oxl.certify.asking import Client, SilentError
from oxl.certify.fitting import faults, is_moment
from oxl.certify.listening import Listener
from oxl.certify.standard import PLACES, Standard, standard_of

BASE = "/tmf-api/usageManagement/v4"


async def test_a_proxy_of_the_environment_is_used_unless_the_host_is_excepted(monkeypatch) -> None:
    async with Listener() as proxy:
        address = proxy.callback().rpartition("/listener")[0]
        monkeypatch.setenv("HTTP_PROXY", address)
        monkeypatch.setenv("http_proxy", address)
        async with Client("http://nowhere.example", {"x-api-key": "k"}) as client:
            assert (await client.ask("GET", "/listener/1")).status == 204
            monkeypatch.setenv("NO_PROXY", "nowhere.example")
            monkeypatch.setenv("no_proxy", "nowhere.example")
            with pytest.raises(SilentError):
                await client.ask("GET", "/listener/1")
        async with Client("http://nowhere.example", direct=True) as client:
            monkeypatch.delenv("NO_PROXY")
            with pytest.raises(SilentError):
                await client.ask("GET", "/listener/1")


async def test_headers_go_with_every_request_and_exchanges_are_kept() -> None:
    seen: list[str] = []
    double = Double(
        standard_of("TMF635v4"), lambda _, asked, reply: (seen.append(asked.headers["x-api-key"]), reply)[1]
    )
    async with served(double) as url, Client(f"{url}/", {"x-api-key": "k"}, direct=True) as client:
        await client.ask("GET", f"{BASE}/usage", query={"a b": "c&d"})
        await client.ask("POST", f"{BASE}/usage", {"description": "ä"})
        assert [each.method for each in client.take()] == ["GET", "POST"]
        assert client.take() == []
    assert seen == ["k", "k"]


def test_an_href_is_asked_of_the_server_under_whatever_name_it_gives_itself() -> None:
    client = Client("http://127.0.0.1:1/alpha-oxl")
    assert client.address("/tmf-api/x") == "http://127.0.0.1:1/alpha-oxl/tmf-api/x"
    assert client.address("/alpha-oxl/tmf-api/x?a=1") == "http://127.0.0.1:1/alpha-oxl/tmf-api/x?a=1"
    assert client.address("https://elsewhere/alpha-oxl/tmf-api/x") == "http://127.0.0.1:1/alpha-oxl/tmf-api/x"


@pytest.mark.parametrize(
    ("text", "good"),
    [("2026-02-28T00:00:00Z", True), ("2026-02-28T00:00:00.123+01:00", True), ("2026-02-30T00:00:00Z", False),
     ("2026-02-28T00:00:00", False), ("2026-02-28", False), ("soon", False), (5, False)],
)  # fmt: skip
def test_a_moment_has_a_day_of_the_calendar_and_a_time_zone(text: object, good: bool) -> None:
    assert is_moment(text) is good


def test_an_object_is_judged_by_the_class_that_it_names() -> None:
    standard = Standard(next(place for place in PLACES if place.key == "TMF635"))
    party = {"@type": "RelatedPartyRefOrPartyRoleRef", "role": "user"}
    for inner, wrong in (
        ({"@type": "PartyRef", "id": "1"}, ()),
        ({"@type": "PartyRoleRef", "id": "1", "partyName": "Ada"}, ()),
        ({"@type": "PartyRef"}, ("id is missing",)),
        ({"@type": "Nobody", "id": "1"}, ("is none of",)),
        ("Ada", ("where an object",)),
        (None, ("is null",)),
    ):
        schema = {"$ref": "#/RelatedPartyRefOrPartyRoleRef"}
        found = list(faults(standard, schema, party | {"partyOrPartyRole": inner}))
        assert len(found) == len(wrong), found
        assert all(part in text for part, text in zip(wrong, found, strict=True))


def test_every_api_of_the_suite_has_resources_forms_and_events() -> None:
    for place in PLACES:
        standard = standard_of(place.key.lower())
        assert standard.kinds
        assert {"id", "href"} <= {name for kind in standard.kinds for name in kind.mandatory}
        for kind in standard.kinds:
            assert {"list", "retrieve"} <= set(kind.operations)
            assert bool(kind.form) is ("create" in kind.operations)
    with pytest.raises(LookupError):
        standard_of("TMF999")
