"""PATCH: lines 66 to 78 and 81 of the checklist of the design rules, on boxes."""

from __future__ import annotations

import json

import pytest
from tests.kernel.boxes import BASE, BOXES, OLD_BASE, box_client
from tests.kernel.patching import FULL, JSON, MERGE, QUERY, STEPS, moved, patched, told
from tests.kernel.toy import NOTES, rows, toy_client

from oxl.db.database import Tenant


async def test_66_a_merge_answers_200_with_the_whole_resource(box, tenant, made) -> None:
    answer = await patched(box, made["href"], {"@type": "Box", "state": "open"})
    assert (answer.status_code, answer.json()) == (200, moved(made, state="open"))
    got = await box.get(made["href"])
    assert got.content == answer.content
    assert await told(tenant, made["href"]) == [("StateChange", ["state"])]


@pytest.mark.parametrize("headers", [JSON, MERGE, {}])
async def test_67_null_removes_objects_merge_arrays_are_replaced(box, made, headers) -> None:
    change = {"count": None, "tags": ["z"], "size": {"amount": 5, "units": "B"}, "x-own": {"deep": None, "more": 1}}
    answer = await patched(box, made["href"], change, headers)
    expected = moved(
        made, count=None, tags=["z"], size={"amount": 5, "units": "B"}, **{"x-own": {"amount": 0.10, "more": 1}}
    )
    assert (answer.status_code, answer.json()) == (200, expected)
    again = await patched(box, made["href"], {"size": {"units": "kB"}}, headers)
    assert again.json()["size"] == {"amount": 5, "units": "kB"}


async def test_68_a_json_patch_takes_its_steps(box, made) -> None:
    steps = [
        {"op": "test", "path": "/state", "value": "new"},
        {"op": "replace", "path": "/state", "value": "open"},
        {"op": "remove", "path": "/tags/0"},
        {"op": "copy", "from": "/note/0", "path": "/note/-"},
        {"op": "move", "from": "/x-own", "path": "/x-mine"},
    ]
    answer = await patched(box, made["href"], steps, STEPS)
    expected = moved(made, state="open", tags=["y"], note=[*made["note"], made["note"][0]],
                     **{"x-own": None, "x-mine": made["x-own"]})  # fmt: skip
    assert (answer.status_code, answer.json()) == (200, expected)


@pytest.mark.parametrize("wrapped", [False, True])
async def test_69_a_json_patch_query_is_one_operation_or_an_array(box, made, wrapped: bool) -> None:
    step = {"op": "replace", "path": "/state?state=new", "value": "open"}
    answer = await patched(box, made["href"], [step] if wrapped else step, QUERY)
    assert (answer.status_code, answer.json()) == (200, moved(made, state="open"))


@pytest.mark.parametrize(("author", "texts"), [("Y", ["a", "z", "c"]), ("X", ["z", "b", "z"])])
async def test_70_a_json_patch_query_changes_every_match(box, made, author: str, texts: list[str]) -> None:
    step = {"op": "replace", "path": f"$.note[?(@.author=='{author}')].text", "value": "z"}
    answer = await patched(box, made["href"], step, QUERY)
    assert answer.status_code == 200, answer.text
    assert [note["text"] for note in answer.json()["note"]] == texts


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        (QUERY, {"op": "replace", "path": "/state?state=closed", "value": "open"}, 409, "patchConflict"),  # 71
        (QUERY, {"op": "remove", "path": "$.note[?(@.author=='Z')]"}, 409, "patchConflict"),  # 71
        (QUERY, {"op": "copy", "path": "$.name", "from": "$.note[*].text"}, 409, "patchConflict"),
        (STEPS, [{"op": "replace", "path": "/name", "value": "M"},
                 {"op": "test", "path": "/state", "value": "open"}], 409, "patchConflict"),  # 73
        (STEPS, [{"op": "remove", "path": "/nothing"}], 409, "patchConflict"),
        (STEPS, {"op": "remove", "path": "/name"}, 400, "invalidPatch"),
        (STEPS, [{"op": "turn", "path": "/name"}], 400, "invalidPatch"),
        (STEPS, [{"op": "replace", "path": "/count", "value": "many"}], 400, "invalidValue"),
        (STEPS, [{"op": "remove", "path": "/name"}], 400, "missingAttribute"),
        (QUERY, {"op": "remove", "path": "$["}, 400, "invalidPatch"),
        (JSON, [{"op": "remove", "path": "/name"}], 400, "invalidPatch"),
        (MERGE, {"count": "many"}, 400, "invalidValue"),
        (MERGE, {"note": [{"author": 5}]}, 400, "invalidValue"),
        (MERGE, {"name": None}, 400, "missingAttribute"),
        (MERGE, {"owner": {"@type": "Dog", "id": "1"}}, 400, "invalidValue"),  # 59
        (MERGE, {"id": "other"}, 400, "immutableAttribute"),  # 74
        (MERGE, {"id": None}, 400, "immutableAttribute"),
        (MERGE, {"href": "/other"}, 400, "immutableAttribute"),
        (MERGE, {"@type": "Crate"}, 400, "immutableAttribute"),
        (MERGE, {"code": "D"}, 400, "immutableAttribute"),
        (MERGE, {"length": 9, "name": "M"}, 400, "immutableAttribute"),
        (MERGE, {"creationDate": "2020-01-01T00:00:00Z"}, 400, "immutableAttribute"),
        (STEPS, [{"op": "add", "path": "/code", "value": "D"}], 400, "immutableAttribute"),
        (QUERY, {"op": "remove", "path": "$.href"}, 400, "immutableAttribute"),
        (MERGE, {"state": "closed"}, 409, "illegalTransition"),  # 75
        (MERGE, {"state": "open", "name": "refuse"}, 409, "refused"),
    ],
)  # fmt: skip
async def test_71_73_74_75_what_cannot_be_changed_changes_nothing(
    box, tenant, made, headers, body, status: int, code: str
) -> None:
    answer = await patched(box, made["href"], body, headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert (await box.get(made["href"])).json() == made
    assert await told(tenant, made["href"]) == []


async def test_74_the_attribute_is_named(box, made) -> None:
    for name, body in (
        ("id", {"id": "x"}),
        ("href", {"href": "x"}),
        ("code", {"code": "x"}),
        ("length", {"length": 7}),
    ):
        assert (await patched(box, made["href"], body)).json()["message"].startswith(f"{name}: ")
    answer = await patched(box, made["href"], {"note": [{"author": 5}]})
    assert answer.json()["message"].startswith("note[0].author: ")


@pytest.mark.parametrize("name", ["id", "href", "@type", "code", "length", "creationDate", "lastUpdate", "state"])
async def test_74_an_equal_value_does_no_harm(box, tenant, made, name: str) -> None:
    answer = await patched(box, made["href"], {name: made[name], "count": 2})
    assert (answer.status_code, answer.json()) == (200, moved(made, count=2))
    assert await told(tenant, made["href"]) == [("AttributeValueChange", ["count"])]


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, {}), (MERGE, {}), (STEPS, []), (QUERY, []),  # 77
        (MERGE, {"state": "new"}), (MERGE, {"count": 1.0, "tags": ["x", "y"]}), (MERGE, {"nothing": None}),  # 76
        (STEPS, [{"op": "test", "path": "/state", "value": "new"}]),
        (STEPS, [{"op": "add", "path": "/n", "value": 1}, {"op": "remove", "path": "/n"}]),
    ],
)  # fmt: skip
async def test_76_77_a_patch_that_changes_nothing_is_200_without_event_or_new_etag(
    box, tenant, made, headers, body
) -> None:
    first = await patched(box, made["href"], {}, JSON)
    answer = await patched(box, made["href"], body, headers)
    assert (answer.status_code, answer.json()) == (200, made)
    assert answer.headers["etag"] == first.headers["etag"]
    assert await told(tenant, made["href"]) == []


async def test_78_an_unknown_id_is_404_whatever_else_is_wrong(box) -> None:
    for headers, content in (
        (JSON, b"{}"), ({"content-type": "application/x-foo"}, b"{}"), (JSON, b"{broken"), (STEPS, b"{}"),
        (JSON | {"if-match": '"x"'}, b"{}"), (JSON | {"accept": "text/html"}, b"{}"), (JSON, b"x" * (2 << 20)),
        (JSON | {"idempotency-key": "x" * 300}, b"{}"), (JSON, b'{"id": "y"}'),
    ):  # fmt: skip
        for method in ("PATCH", "DELETE"):
            answer = await box.request(method, f"{BOXES}/none", content=content, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (404, "notFound"), (method, headers)
    assert (await box.patch(f"{BOXES}/%00", json={})).status_code == 404
    assert (await box.patch(f"{BOXES}/{'x' * 3000}", json={})).status_code == 404


@pytest.mark.parametrize("kind", ["application/x-foo", "text/plain", "application/json-patch", "application/xml"])
async def test_78_another_media_type_is_415_and_says_which_are_taken(box, made, kind: str) -> None:
    answer = await patched(box, made["href"], {}, {"content-type": kind})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupportedMediaType")
    assert answer.headers["accept-patch"] == (
        "application/json, application/merge-patch+json, application/json-patch+json, application/json-patch-query+json"
    )


async def test_78_version_4_merges_only(box, made) -> None:
    href = made["href"].replace(BASE, OLD_BASE)
    for headers in (JSON, MERGE):
        assert (await patched(box, href, {"count": 4}, headers)).json()["count"] == 4
    for headers in (STEPS, QUERY):
        answer = await patched(box, href, [], headers)
        assert answer.status_code == 415
        assert answer.headers["accept-patch"] == "application/json, application/merge-patch+json"


async def test_81_a_method_that_is_not_declared_is_405_and_says_which_are(box, made) -> None:
    for method, path, allow in (
        ("PUT", made["href"], "GET, HEAD, PATCH, DELETE"),
        ("POST", made["href"], "GET, HEAD, PATCH, DELETE"),
        ("PUT", BOXES, "GET, HEAD, POST"),
        ("DELETE", made["href"].replace("/box/", "/job/"), "GET, HEAD, PATCH"),
    ):
        answer = await box.request(method, path)
        assert (answer.status_code, answer.headers["allow"]) == (405, allow)


async def test_63_a_body_over_the_limit_is_413_and_no_json_406(box, made) -> None:
    assert (await patched(box, made["href"], {"name": "x" * (1 << 20)})).status_code == 413
    assert (await patched(box, made["href"], {}, JSON | {"accept": "text/html"})).status_code == 406
    assert (await box.patch(made["href"], content=b'{"name":', headers=JSON)).json()["code"] == "invalidBody"
    assert (await box.patch(made["href"], content=b'[{"op":1,"op":2}]', headers=STEPS)).json()["code"] == "invalidBody"


async def test_60_extensions_survive_post_patch_list_and_events(box, tenant, made) -> None:
    answer = await patched(box, made["href"], {"count": 3})
    (listed,) = [each for each in (await box.get(BOXES)).json() if each["id"] == made["id"]]
    docs = await rows(tenant, "select doc from outbox where resource_id = $1", made["id"])
    for document in (made, answer.json(), listed, *(json.loads(row["doc"]) for row in docs)):
        assert document["x-own"] == FULL["x-own"]
    raw = b'{"x-exact": 1.10000000000000000000000000001}'
    assert raw[1:-1] in (await box.patch(made["href"], content=raw, headers=JSON)).content
    assert raw[1:-1] in (await patched(box, made["href"], {"count": 4})).content


async def test_39_the_answer_has_the_fields_asked_for(box, made) -> None:
    answer = await box.patch(f"{made['href']}?fields=count", json={"count": 7})
    assert answer.json() == {"@type": "Box", "id": made["id"], "href": made["href"], "count": 7}
    assert answer.headers["etag"] == (await patched(box, made["href"], {})).headers["etag"]


async def test_a_patch_that_is_away_from_its_database_is_503(box, tenant, made) -> None:
    away = Tenant(tenant.name, tenant._connect | {"port": 1, "timeout": 2}, 2)
    async with box_client(away) as client:
        assert (await patched(client, made["href"], {})).status_code == 503
        assert (await client.delete(made["href"])).status_code == 503


async def test_a_resource_without_patch_is_405(toy, tenant) -> None:
    async with toy_client(tenant) as client:
        assert (await client.patch(f"{NOTES}/1", json={})).status_code == 405
