"""DELETE: line 80 of the checklist of the design rules, and what goes with it, on boxes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
from tests.kernel.boxes import BOXES, second_client
from tests.kernel.toy import rows


@pytest.fixture
async def made(box: httpx.AsyncClient) -> dict[str, Any]:
    """A new box, as its POST answered."""
    return (await box.post(BOXES, json={"name": "N", "x-own": [1]})).json()


async def told(tenant: Any, box_id: str) -> list[Any]:
    """The events of a box after its creation."""
    found = await rows(tenant, "select event_type, doc from outbox where resource_id = $1 order by id offset 1", box_id)
    return [(row["event_type"], json.loads(row["doc"])) for row in found]


async def test_80_delete_is_204_and_empty_then_404(box, tenant, made) -> None:
    answer = await box.delete(made["href"])
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers
    for method in ("DELETE", "GET", "PATCH"):
        again = await box.request(method, made["href"])
        assert (again.status_code, again.json()["code"]) == (404, "notFound")
    assert made not in (await box.get(BOXES)).json()
    document = {name: value for name, value in made.items() if name != "href"}
    assert await told(tenant, made["id"]) == [("BoxDeleteEvent", document)], "as it was when it went"


async def test_a_refused_delete_leaves_all_as_it_was(box, tenant) -> None:
    made = (await box.post(BOXES, json={"name": "locked"})).json()
    answer = await box.delete(made["href"])
    assert (answer.status_code, answer.json()["code"]) == (409, "locked")
    assert (await box.get(made["href"])).json() == made
    assert await told(tenant, made["id"]) == []


async def test_delete_with_a_stale_etag_is_412(box, made) -> None:
    first = (await box.patch(made["href"], json={})).headers["etag"]
    second = (await box.patch(made["href"], json={"name": "M"})).headers["etag"]
    assert (await box.delete(made["href"], headers={"if-match": first})).status_code == 412
    assert (await box.get(made["href"])).status_code == 200
    assert (await box.delete(made["href"], headers={"if-match": second})).status_code == 204
    assert (await box.delete(made["href"], headers={"if-match": "*"})).status_code == 404


async def test_delete_takes_a_body_and_its_type_as_nothing(box, made) -> None:
    answer = await box.request("DELETE", made["href"], content=b"{", headers={"content-type": "text/plain"})
    assert answer.status_code == 204


async def test_of_many_deletes_at_once_one_is_done(box, tenant, made) -> None:
    async with second_client(tenant) as other:
        answers = await asyncio.gather(*[(box, other)[n % 2].delete(made["href"]) for n in range(20)])
    assert sorted(answer.status_code for answer in answers) == [204, *[404] * 19]
    assert len(await told(tenant, made["id"])) == 1


async def test_deletes_and_patches_at_once_are_one_after_another(box, tenant, made) -> None:
    async with second_client(tenant) as other:
        calls = [
            (box, other)[n % 2].request("DELETE" if n == 15 else "PATCH", made["href"], json={"name": f"n{n}"})
            for n in range(30)
        ]
        answers = await asyncio.gather(*calls)
    done = [answer.status_code for answer in answers]
    assert set(done) <= {200, 204, 404}
    assert done.count(204) == 1
    events = await told(tenant, made["id"])
    assert [kind for kind, _ in events].index("BoxDeleteEvent") == len(events) - 1, "nothing is told after its end"
    assert len(events) == 1 + done.count(200)


async def test_a_group_deletes_each_for_itself(box) -> None:
    names = ("N", "locked", "N", "N")
    hrefs = [(await box.post(BOXES, json={"name": name})).json()["href"] for name in names]
    answers = await asyncio.gather(*[box.delete(href) for href in (*hrefs, f"{BOXES}/none")])
    assert [answer.status_code for answer in answers] == [204, 409, 204, 204, 404]


async def test_62_a_delete_with_a_key_is_replayed(box, made) -> None:
    first = await box.delete(made["href"], headers={"idempotency-key": "gone"})
    again = await box.delete(made["href"], headers={"idempotency-key": "gone"})
    assert (first.status_code, again.status_code, again.content) == (204, 204, b"")
    other = await box.delete(f"{BOXES}/none", headers={"idempotency-key": "gone"})
    assert (other.status_code, other.json()["code"]) == (422, "keyReused")
