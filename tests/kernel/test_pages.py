"""Home documents, the list of APIs, and documentation pages that need nothing from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from tests.conftest import client_of
from tests.kernel.toy import BASE, toy_client

from oxl.apis import APIS
from oxl.db.database import Tenant

BASES = [api.base for api in APIS]


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_110_a_base_path_answers_with_its_home_document(http, base: str, slash: str) -> None:
    answer = await http.get(f"{base}{slash}")
    assert (answer.status_code, answer.history) == (200, [])
    home = answer.json()
    assert home["href"] == base == home["_links"]["self"]["href"]
    contract = (await http.get(home["_links"]["openapi"]["href"])).json()
    assert (home["name"], home["version"]) == (contract["info"]["title"], contract["info"]["version"])
    told = {(link.get("method"), link["href"].removeprefix(base)) for link in home["_links"].values()}
    asked = {(method.upper(), path) for path, methods in contract["paths"].items() for method in methods
             if not path.startswith("/listener/")}  # fmt: skip
    assert asked == {link for link in told if link[0]}
    assert all("templated" in link for link in home["_links"].values() if "{" in link["href"])
    for link in home["_links"].values():
        if link.get("method", "GET") == "GET" and "templated" not in link:
            assert (await http.get(link["href"])).status_code == 200


async def test_the_root_lists_all_apis(http) -> None:
    listed = (await http.get("/")).json()
    assert [each["href"] for each in listed] == BASES
    assert {each["id"] for each in listed} == {api.number or api.name for api in APIS}


class Loads(HTMLParser):
    """What a page loads, and whether anything in it is a script or style of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline: list[str] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.addresses += [value for name in ("src", "href") if (value := given.get(name))]
        self._inside = tag
        self.inline += [name for name in given if name.startswith("on") or name == "style"]

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style") and data.strip():
            self.inline.append(data)


@pytest.mark.parametrize("base", BASES)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_the_documentation_page_loads_only_what_is_served_here(http, base: str, slash: str) -> None:
    page = await http.get(f"{base}/docs{slash}", headers={"accept": "text/html"})
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html;charset=utf-8")
    policy = dict(part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert not re.search(r"unsafe|https?:|\*", page.headers["content-security-policy"])
    loads = Loads()
    loads.feed(page.text)
    assert loads.inline == []
    assert len(loads.addresses) == 4
    for address in loads.addresses:
        assert address.startswith(f"{base}/docs/")
        answer = await http.get(address)
        assert answer.status_code == 200
        assert answer.content
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not answer.headers["content-type"].startswith("application/json")
    start = (await http.get(f"{base}/docs/start.js")).text
    assert f'"{base}/openapi.json"' in start
    assert "validatorUrl: null" in start


async def test_a_page_behind_a_prefix_points_below_it(toy, tenant: Tenant) -> None:
    async with toy_client(tenant, "https://api.example/edge") as client:
        page = (await client.get(f"{BASE}/docs")).text
        assert f'"/edge{BASE}/docs/start.js"' in page
        assert "https://" not in page
        assert (await client.get(BASE)).json()["_links"]["docs"]["href"] == f"https://api.example/edge{BASE}/docs"


async def test_pages_are_only_read(tenant: Tenant) -> None:
    async with client_of(tenant) as client:
        for path in ("/", BASES[0], f"{BASES[0]}/docs", f"{BASES[0]}/openapi.json"):
            answer = await client.post(path, json={})
            assert (answer.status_code, answer.headers["allow"]) == (405, "GET, HEAD")
            head = await client.head(path)
            assert (head.status_code, head.content) == (200, b"")
