"""Lenient and strict: lines 54 to 60 of the checklist of the design rules, on boxes; and tasks, 85, 86, 88 and 90."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
from tests.kernel.boxes import API, BASE, BOXES, JOB, JOBS, OLD_BASE, STRICT_BASE
from tests.kernel.toy import rows

from oxl.apis import APIS
from oxl.contract.strict import strictly
from oxl.kernel import background
from oxl.verbs import Done, Refused, Work

STRICT, OLD = f"{STRICT_BASE}/box", f"{OLD_BASE}/box"
TYPED = {"@type": "Box", "name": "N"}


async def test_54_location_is_the_href_and_get_gives_the_same_body(box) -> None:
    for path in (BOXES, STRICT):
        made = await box.post(path, json=TYPED)
        assert made.status_code == 201, made.text
        assert made.headers["location"] == made.json()["href"]
        assert (await box.get(made.headers["location"])).content == made.content


async def test_55_a_post_is_one_more_and_one_create_event(box, tenant) -> None:
    before = int((await box.get(BOXES)).headers["x-total-count"])
    made = (await box.post(BOXES, json=TYPED)).json()
    assert int((await box.get(BOXES)).headers["x-total-count"]) == before + 1
    found = await rows(tenant, "select event_type, changed from outbox where resource_id = $1", made["id"])
    assert found == [{"event_type": "BoxCreateEvent", "changed": None}]


@pytest.mark.parametrize("path", [BOXES, STRICT, OLD])
@pytest.mark.parametrize("raw", [b"", b"[]", b'[{"name":"x"}]', b"{", b"{}", b'{"@type":"Box"}'])
async def test_56_what_is_no_box_is_400(box, path: str, raw: bytes) -> None:
    answer = await box.post(path, content=raw)
    assert (answer.status_code, answer.json()["@type"]) == (400, "Error")


async def test_57_an_id_that_is_used_is_409_and_another_is_the_servers_to_give(box, tenant) -> None:
    used = (await box.post(BOXES, json=TYPED)).json()["id"]
    for path in (BOXES, STRICT, OLD):
        answer = await box.post(path, json=TYPED | {"id": used})
        assert (answer.status_code, answer.json()["code"]) == (409, "idInUse")
        assert answer.json()["message"].startswith("id: ")
    for path in (BOXES, OLD):
        for given in ("mine", "a\x00b", 5, None):
            answer = await box.post(path, json=TYPED | {"id": given})
            if given == "a\x00b":
                assert answer.status_code == 400
            else:
                assert (answer.status_code, answer.json()["id"] == given) == (201, False)
    answer = await box.post(STRICT, json=TYPED | {"id": "mine"})
    assert (answer.status_code, answer.json()["code"]) == (400, "serverSet")


@pytest.mark.parametrize("name", ["href", "state", "creationDate", "lastUpdate", "length"])
async def test_58_what_the_server_sets_is_ignored_or_refused_by_name(box, name: str) -> None:
    value = {"href": "/x", "state": "closed", "length": 99}.get(name, "2020-01-01T00:00:00Z")
    made = await box.post(BOXES, json=TYPED | {name: value})
    assert made.status_code == 201
    assert made.json()[name] != value
    answer = await box.post(STRICT, json=TYPED | {name: value})
    assert (answer.status_code, answer.json()["code"]) == (400, "serverSet")
    assert answer.json()["message"].startswith(f"{name}: ")


@pytest.mark.parametrize(
    ("body", "lenient", "strict", "old"),
    [
        ({"name": "N"}, 201, 400, 201),
        ({"@type": "Box", "name": "N"}, 201, 201, 201),
        ({"@type": "Crate", "name": "N"}, 201, 201, 201),
        ({"@type": "Dog", "name": "N"}, 201, 400, 201),
        ({"@type": "Chest", "@baseType": "Box", "name": "N"}, 201, 201, 201),
        ({"@type": "Chest", "@baseType": "Dog", "name": "N"}, 201, 400, 201),
        ({"@type": 5, "name": "N"}, 400, 400, 400),
        ({"@type": ["Box"], "name": "N"}, 400, 400, 400),
    ],
)
async def test_59_the_class_of_the_resource(box, body, lenient: int, strict: int, old: int) -> None:
    for path, status in ((BOXES, lenient), (STRICT, strict), (OLD, old)):
        answer = await box.post(path, json=body)
        assert answer.status_code == status, answer.text
        if status == 201:
            assert answer.json()["@type"] == body.get("@type", "Box")
        else:
            assert answer.json()["message"].startswith("@type: ")


@pytest.mark.parametrize(
    ("part", "field", "lenient", "strict"),
    [
        ({"owner": {"@type": "RoleRef", "id": "1"}}, "", 201, 201),
        ({"owner": {"id": "1"}}, "owner.@type", 201, 400),
        ({"owner": {"@type": "Dog", "id": "1"}}, "owner.@type", 400, 400),
        ({"owner": {"@type": "BossRef", "@baseType": "RoleRef", "id": "1"}}, "", 201, 201),
        ({"part": [{"@type": "PartRef", "id": "1"}, {"id": "2"}]}, "part[1].@type", 201, 400),
        ({"part": [{"@type": "Dog", "id": "1"}]}, "part[0].@type", 201, 400),
        ({"part": [{"@type": "PartRef", "id": "1", "manual": "urn:manual:1"}]}, "", 201, 201),
        ({"part": [{"@type": "PartRef", "id": "1", "manual": "X\u00ac"}]}, "part[0].manual", 201, 400),
    ],
)
async def test_59_what_stands_at_a_place_is_what_may_stand_there(box, part, field, lenient: int, strict: int) -> None:
    for path, status in ((BOXES, lenient), (STRICT, strict)):
        answer = await box.post(path, json=TYPED | part)
        assert answer.status_code == status, answer.text
        if status == 400:
            assert answer.json()["message"].startswith(f"{field}: ")
        else:
            name = next(iter(part))
            each = zip(*(of[name] if name == "part" else [of[name]] for of in (answer.json(), part)), strict=True)
            assert all(found == {"@type": found["@type"]} | sent for found, sent in each)


async def test_60_an_unknown_attribute_is_kept_or_refused_unless_a_schema_tells_of_it(box) -> None:
    own = {"x-own": {"deep": [1, None]}, "note": [{"@type": "Remark", "author": "X", "x-more": True}]}
    made = (await box.post(BOXES, json=TYPED | own)).json()
    assert {name: made[name] for name in own} == own
    answer = await box.post(STRICT, json=TYPED | own)
    assert (answer.status_code, answer.json()["code"]) == (400, "unknownAttribute")
    assert answer.json()["message"].startswith("x-own: ")
    told = TYPED | own | {"@schemaLocation": "https://schemas.example/box.json"}
    made = (await box.post(STRICT, json=told)).json()
    assert {name: made[name] for name in own} == own
    assert (await box.patch(made["href"], json={"x-more": 1})).status_code == 200
    bare = (await box.post(STRICT, json=TYPED)).json()
    refused = await box.patch(bare["href"], json={"x-more": 1})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknownAttribute")


async def test_an_object_for_a_list_or_a_null_is_mended_or_refused(box) -> None:
    for body in ({"note": {"author": "X"}}, {"count": None}):
        assert (await box.post(BOXES, json=TYPED | body)).status_code == 201
        assert (await box.post(STRICT, json=TYPED | body)).status_code == 400
    made = (await box.post(BOXES, json=TYPED)).json()
    answer = await box.patch(made["href"], json={"note": {"author": "X"}})
    assert answer.json()["note"] == [{"@type": "Remark", "author": "X"}]


def test_apis_are_strict_by_number_or_name_or_all() -> None:
    assert [api.strict for api in strictly(APIS, "")] == [False] * len(APIS)
    assert all(api.strict for api in strictly(APIS, "all"))
    first, second = APIS[0].number, APIS[1].name
    meant = [api.number == first or api.name == second for api in APIS]  # of a number, every version
    assert [api.strict for api in strictly(APIS, f"{first}, {second}")] == meant
    with pytest.raises(ValueError, match="TMF999"):
        strictly(APIS, f"{first},TMF999")


# ── tasks ──


async def test_85_a_task_that_is_fast_is_201_and_done(box) -> None:
    answer = await box.post(JOBS, json={"name": "fast"})
    assert (answer.status_code, answer.json()["state"]) == (201, "done")
    assert answer.headers["location"] == answer.json()["href"]


async def test_88_the_state_of_a_task_is_the_servers(box) -> None:
    assert (await box.post(JOBS, json={"name": "slow", "state": "done"})).json()["state"] == "acknowledged"
    made = (await box.post(JOBS, json={"name": "slow"})).json()
    answer = await box.patch(made["href"], json={"state": "done"})
    assert (answer.status_code, answer.json()["code"]) == (400, "immutableAttribute")
    assert (await box.patch(made["href"], json={"name": "other", "x": 1})).status_code == 200


async def finish(tenant: Any, ids: list[str], state: str) -> Any:
    """What a worker does: change the state of tasks through the kernel's door."""

    async def verb(work: Work) -> list[Done | Refused]:
        doc = json.dumps({"state": state})
        await work.conn.execute("update box set doc = doc || $2::jsonb where id = any ($1)", ids, doc)
        return [Done(each, ("stateChange",), state) for each in ids]

    return await background.change(tenant, API, JOB, verb, ids)


@pytest.mark.parametrize(("body", "headers"), [("slow", {}), ("fast", {"prefer": "respond-async, wait=10"})])
async def test_86_90_a_task_that_is_not_is_accepted_and_its_change_is_told(box, tenant, body: str, headers) -> None:
    answer = await box.post(JOBS, json={"name": body}, headers=headers)
    assert (answer.status_code, answer.json()["state"]) == (202, "acknowledged")
    assert answer.headers.get("preference-applied") == ("respond-async" if headers else None)
    made = answer.json()
    assert (await box.get(made["href"])).json() == made
    assert await finish(tenant, [made["id"]], "done") == [Done(made["id"], ("stateChange",), "done")]
    assert (await box.get(made["href"])).json()["state"] == "done"
    found = await rows(
        tenant, "select event_type, changed, doc ->> 'state' as state from outbox where resource_id = $1 order by id",
        made["id"],
    )  # fmt: skip
    assert [tuple(row.values()) for row in found] == [
        ("JobCreateEvent", None, "acknowledged"), ("JobStateChangeEvent", ["state"], "done")
    ]  # fmt: skip


async def test_a_change_in_the_background_that_fails_leaves_nothing(box, tenant) -> None:
    made = (await box.post(JOBS, json={"name": "slow"})).json()

    async def verb(work: Work) -> list[Done | Refused]:
        await work.conn.execute('update box set doc = doc || \'{"state": "done"}\' where id = $1', made["id"])
        raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        await background.change(tenant, API, JOB, verb, [made["id"]])
    assert (await box.get(made["href"])).json() == made


async def test_a_resource_that_has_nothing_to_do_later_does_it_at_once(box: httpx.AsyncClient) -> None:
    answer = await box.post(f"{BASE}/box", json=TYPED, headers={"prefer": "respond-async"})
    assert (answer.status_code, "preference-applied" in answer.headers) == (201, False)


def test_what_is_wholly_our_own_is_not_served_by_a_strict_api() -> None:
    lenient = next(api for api in APIS if any(each.own_operations >= {"list"} for each in api.resources))
    own = {each.name for each in lenient.resources if each.own_operations >= {"list"}}
    (strict,) = strictly([lenient], "all")
    assert {each.name for each in lenient.resources} - {each.name for each in strict.resources} == own
