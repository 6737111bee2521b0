"""PATCH: ETags, races and events, lines 82, 83 and 107 of the checklist of the design rules, on boxes."""

from __future__ import annotations

import asyncio
import json

import pytest
from tests.kernel.boxes import BOXES, second_client
from tests.kernel.patching import FULL, JSON, STEPS, patched, told
from tests.kernel.toy import rows


async def test_82_83_the_etag_changes_with_the_resource_and_a_stale_one_is_412(box, tenant, made) -> None:
    first = (await patched(box, made["href"], {})).headers["etag"]
    assert (len(first), first[0], first[-1]) == (22, '"', '"')
    changed = await patched(box, made["href"], {"count": 2}, JSON | {"if-match": first})
    assert (changed.status_code, changed.headers["etag"] == first) == (200, False)
    stale = await patched(box, made["href"], {"count": 3}, JSON | {"if-match": first})
    assert (stale.status_code, stale.json()["code"]) == (412, "preconditionFailed")
    assert (await box.get(made["href"])).json()["count"] == 2
    for seen in ("*", changed.headers["etag"], f'"x", {changed.headers["etag"]}'):
        assert (await patched(box, made["href"], {}, JSON | {"if-match": seen})).status_code == 200
    for seen in ("", '"x"', f"W/{changed.headers['etag']}", changed.headers["etag"].strip('"')):
        assert (await patched(box, made["href"], {}, JSON | {"if-match": seen})).status_code == 412
    assert len(await told(tenant, made["href"])) == 1


async def test_82_a_post_answers_with_the_etag_of_what_it_made(box) -> None:
    answer = await box.post(BOXES, json=FULL)
    assert (await patched(box, answer.json()["href"], {"count": 9}, {"if-match": answer.headers["etag"]})).is_success


@pytest.mark.parametrize("clients", [1, 2])
async def test_83_of_twenty_parallel_patches_with_one_etag_exactly_one_is_done(box, tenant, made, clients: int) -> None:
    etag = (await patched(box, made["href"], {})).headers["etag"]
    async with second_client(tenant) as other:
        answers = await asyncio.gather(*[
            patched((box, other)[n % clients], made["href"], {"count": 100 + n}, JSON | {"if-match": etag})
            for n in range(20)
        ])  # fmt: skip
    assert sorted(answer.status_code for answer in answers) == [200, *[412] * 19]
    (done,) = (answer for answer in answers if answer.status_code == 200)
    assert (await box.get(made["href"])).json() == done.json()
    assert await told(tenant, made["href"]) == [("AttributeValueChange", ["count"])]


async def test_parallel_patches_of_one_resource_lose_nothing(box, tenant, made) -> None:
    async with second_client(tenant) as other:
        answers = await asyncio.gather(*[
            patched((box, other)[n % 2], made["href"], [{"op": "add", "path": "/tags/-", "value": f"t{n}"}], STEPS)
            for n in range(40)
        ])  # fmt: skip
    assert {answer.status_code for answer in answers} == {200}
    assert sorted((await box.get(made["href"])).json()["tags"]) == sorted(["x", "y", *(f"t{n}" for n in range(40))])
    assert len(await told(tenant, made["href"])) == 40


async def test_one_bad_patch_never_fails_its_neighbours(box, made) -> None:
    others = [(await box.post(BOXES, json=FULL)).json()["href"] for _ in range(4)]
    bodies = [{"count": 5}, {"name": "break"}, {"name": "refuse"}, {"code": "D"}, {"count": 6}]
    hrefs = [made["href"], *others]
    answers = await asyncio.gather(*[patched(box, href, body) for href, body in zip(hrefs, bodies, strict=True)])
    assert [answer.status_code for answer in answers] == [200, 500, 409, 400, 200]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"count": 2, "name": "M"}, [("AttributeValueChange", ["name", "count"])]),
        ({"count": 2, "state": "open"}, [("AttributeValueChange", ["count"]), ("StateChange", ["state"])]),
        ({"x-own": None, "x,new": 1}, [("AttributeValueChange", ["x-own", "x,new"])]),
    ],
)  # fmt: skip
async def test_107_one_patch_is_at_most_one_event_of_each_kind(box, tenant, made, body, expected) -> None:
    answer = await patched(box, made["href"], body)
    found = await told(tenant, made["href"])
    assert [(kind, sorted(changed)) for kind, changed in found] == [(k, sorted(names)) for k, names in expected]
    docs = await rows(tenant, "select doc from outbox where resource_id = $1 order by id offset 1", made["id"])
    for row in docs:
        assert json.loads(row["doc"]) == {name: value for name, value in answer.json().items() if name != "href"}
